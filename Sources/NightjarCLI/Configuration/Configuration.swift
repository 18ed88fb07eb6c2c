import NightjarCore

/// What a configuration file says, with every default filled in. `docs/configuration.md` describes the file.
struct Configuration: Sendable {
    /// The file, as the user named it.
    var file: String
    /// Where events and runs live.
    var store: StoreLocation
    /// The HTTP server; `nil` if it is off.
    var http: HTTPServerSettings?
    /// How the node works.
    var node: NodeSettings
    /// How long finished runs and events are kept.
    var retention: RetentionSettings
    /// How long what runs may go on after the node was told to stop.
    var drain: Duration
    /// What is logged, and how.
    var log: LogSettings
    /// The jobs, in the order of the file.
    var jobs: [JobSettings]
    /// The triggers, in the order of the file.
    var triggers: [TriggerSettings]

    /// The triggers whose endpoints are open to others than this machine, with nothing to tell who calls.
    var openEndpoints: [String] {
        guard let http, !http.listen.isLoopback else { return [] }
        return triggers.filter { trigger in
            if case .http(let endpoint) = trigger.source { endpoint.auth == nil } else { false }
        }.map(\.name)
    }
}

/// Where events and runs live.
enum StoreLocation: Sendable, Hashable, CustomStringConvertible {
    /// A SQLite file, by its absolute path.
    case sqlite(path: String)

    /// The form of the configuration file.
    var description: String {
        switch self {
        case .sqlite(let path): "sqlite:\(path)"
        }
    }
}

/// How the node works.
struct NodeSettings: Sendable, Hashable {
    /// The node's name; `nil` for one that is made up at each start.
    var name: String?
    /// How many runs the node does at once.
    var concurrency = 64
    /// How long a lease lasts.
    var lease = Duration.seconds(30)
    /// How long a handler may take to heed its cancellation.
    var grace = Duration.seconds(10)
    /// The largest data of an event, in bytes.
    var maximumEventBytes = 1 << 20
    /// How many events may be on their way into the store.
    var maximumEventsInFlight = 10_000
}

/// How long finished runs and events are kept.
struct RetentionSettings: Sendable, Hashable {
    /// How long completed and cancelled runs are kept.
    var runs = Duration.seconds(7 * 86_400)
    /// How long events are kept, and known as duplicates.
    var events = Duration.seconds(7 * 86_400)
    /// How many events without runs are kept.
    var unmatchedEvents = 100_000
}

/// What is logged, and how.
struct LogSettings: Sendable, Hashable {
    /// The lowest level that is logged.
    enum Level: String, Sendable, CaseIterable {
        case trace, debug, info, notice, warning, error, critical
    }

    /// The form of a line.
    enum Format: String, Sendable, CaseIterable {
        /// For people.
        case text
        /// One JSON object in each line.
        case json
    }

    /// The lowest level that is logged.
    var level = Level.info
    /// The form of a line.
    var format = Format.text
}
