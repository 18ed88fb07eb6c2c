public import Logging
public import NightjarCore

/// Binds events to jobs, as a value: `On(.event(type: "order.placed"), start: sendReceipt)`.
public struct On: Sendable {
    /// Where the events come from.
    public struct Events: Sendable {
        let kind: String
        let summary: String
        let origin: Trigger.Origin
        /// What keeps this from being used.
        var mistake: String?

        /// Events from a source of your own.
        public init(kind: String, summary: String, origin: Trigger.Origin) {
            self.kind = kind
            self.summary = summary
            self.origin = origin
        }

        /// Published events of that type; a `*` at its end stands for any rest.
        public static func event(type: String, source: String? = nil) -> Events {
            Events(
                kind: "event", summary: type,
                origin: .bus(EventFilter(types: [type], sources: source.map { [$0] } ?? [])))
        }

        /// Events of a source, such as `FilesSource`.
        public static func source(_ source: any EventSource, kind: String, summary: String) -> Events {
            Events(kind: kind, summary: summary, origin: .source(source))
        }

        /// Events that are brought to the intake under the trigger's name, as an HTTP endpoint does.
        public static func endpoint(_ path: String) -> Events {
            Events(kind: "http", summary: path, origin: .external)
        }
    }

    let trigger: Trigger
    let jobs: [Job]
    /// What keeps it from being used.
    let mistake: String?

    /// A trigger that starts jobs.
    /// - Parameters:
    ///   - events: where the events come from.
    ///   - name: the trigger's name; made of its kind and its jobs' names by default.
    ///   - jobs: what is started, each with a run of its own.
    ///   - delay: how long after the event.
    ///   - rules: how it decides and maps, as expressions over the event.
    public init(
        _ events: Events, name: String? = nil, start jobs: Job..., after delay: Duration = .zero,
        rules: TriggerRules = TriggerRules()
    ) {
        self.jobs = jobs
        mistake = events.mistake
        let generated = ([events.kind] + jobs.map(\.name)).joined(separator: "-")
        trigger = Trigger(
            name ?? generated, kind: events.kind, origin: events.origin, start: jobs.map(\.name), delay: delay,
            rules: rules, summary: events.summary)
    }
}

/// Lists triggers.
@resultBuilder
public enum TriggerBuilder {
    /// The triggers that were listed.
    public static func buildBlock(_ parts: [On]...) -> [On] { parts.flatMap { $0 } }
    /// One trigger.
    public static func buildExpression(_ trigger: On) -> [On] { [trigger] }
    /// Triggers that may be left out.
    public static func buildOptional(_ triggers: [On]?) -> [On] { triggers ?? [] }
    /// One of two lists.
    public static func buildEither(first triggers: [On]) -> [On] { triggers }
    /// One of two lists.
    public static func buildEither(second triggers: [On]) -> [On] { triggers }
    /// Lists made in a loop.
    public static func buildArray(_ parts: [[On]]) -> [On] { parts.flatMap { $0 } }
}

extension Runtime {
    /// A node that does what its triggers start, and jobs that are started by hand alone.
    /// - Throws: ``RuntimeError`` if a name is invalid, or stands for two different things, or a schedule cannot be read.
    public convenience init(
        store: any RunStore, jobs: [Job] = [], configuration: RuntimeConfiguration = .init(),
        logger: Logger = Logger(label: "nightjar"), @TriggerBuilder triggers: () -> [On]
    ) throws(RuntimeError) {
        let list = triggers()
        for on in list {
            guard let mistake = on.mistake else { continue }
            throw RuntimeError(.invalidTrigger, "trigger \"\(on.trigger.name)\": \(mistake)")
        }
        var all = jobs
        // A job that several triggers start is listed once.
        for job in list.flatMap(\.jobs) where !all.contains(where: { $0.name == job.name }) { all.append(job) }
        try self.init(
            store: store, jobs: all, triggers: list.map(\.trigger), configuration: configuration, logger: logger)
    }
}
