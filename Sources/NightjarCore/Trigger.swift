public import CloudEvents

/// Which published events an `event:` trigger wants.
public struct EventFilter: Sendable, Hashable {
    /// The wanted types; a `*` at the end stands for any rest; empty for all.
    public var types: [String]
    /// The wanted sources; a `*` at the end stands for any rest; empty for all.
    public var sources: [String]

    /// A filter for these types and sources.
    public init(types: [String] = [], sources: [String] = []) {
        self.types = types
        self.sources = sources
    }

    /// Why this filter does not want `event`; `nil` if it does.
    public func refusal(of event: Event) -> String? {
        if !types.isEmpty, !types.contains(where: { Self.matches(event.type, pattern: $0) }) {
            return "its type is \"\(event.type)\", wanted: \(Self.list(types))"
        }
        if !sources.isEmpty, !sources.contains(where: { Self.matches(event.source, pattern: $0) }) {
            return "its source is \"\(event.source)\", wanted: \(Self.list(sources))"
        }
        return nil
    }

    /// Whether this filter wants events of that type and source.
    public func wants(type: String, source: String) -> Bool {
        (types.isEmpty || types.contains { Self.matches(type, pattern: $0) })
            && (sources.isEmpty || sources.contains { Self.matches(source, pattern: $0) })
    }

    private static func matches(_ value: String, pattern: String) -> Bool {
        pattern.utf8.last == UInt8(ascii: "*") ? value.utf8.starts(with: pattern.utf8.dropLast()) : value == pattern
    }

    private static func list(_ patterns: [String]) -> String {
        patterns.map { "\"\($0)\"" }.joined(separator: " or ")
    }
}

/// Binds events to jobs: those of a source of its own, or those that were published.
public struct Trigger: Sendable {
    /// Where its events come from.
    public enum Origin: Sendable {
        /// The event bus: what was published, by type and source.
        case bus(EventFilter)
        /// A source that this node runs.
        case source(any EventSource)
        /// Something that calls the intake by itself, as an HTTP endpoint does.
        case external
    }

    /// Its name: 1 to 128 letters, digits, `-`, `_` and `.`.
    public let name: String
    /// What kind of trigger it is, for people: `event`, `http`, `files`.
    public var kind: String
    /// Where its events come from.
    public var origin: Origin
    /// The jobs it starts, each with a run of its own.
    public var jobs: [String]
    /// How long after the event the runs become available.
    public var delay: Duration
    /// How it decides and maps.
    public var rules: TriggerRules
    /// When its events are acknowledged. Direct delivery is for triggers with a source of their own.
    public var delivery = Delivery.stored
    /// What it listens to, for people: a path, a folder, a type.
    public var summary: String
    /// Equal as long as the source's settings are: a reload restarts a source only when this changes.
    public var identity: String

    /// A trigger with these values.
    public init(
        _ name: String, kind: String, origin: Origin, start jobs: [String], delay: Duration = .zero,
        rules: TriggerRules = TriggerRules(), summary: String = "", identity: String? = nil
    ) {
        self.name = name
        self.kind = kind
        self.origin = origin
        self.jobs = jobs
        self.delay = max(.zero, delay)
        self.rules = rules
        self.summary = summary
        self.identity = identity ?? "\(kind) \(summary)"
    }
}
