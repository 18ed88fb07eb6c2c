public import Logging

/// Where a trigger's events come from: one queue, stream, table, folder or bucket.
///
/// A source is a loop: receive a batch, `try await context.intake.accept(batch)`, acknowledge what it answered for each
/// event. Nothing else in a source decides anything about jobs. `run` returns only when its task is cancelled; if it
/// throws, the engine logs the error, shows it in the trigger's health, and calls `run` again after a backoff.
///
/// A task that is cancelled receives no more, but waits for the answers of what it handed over, and acknowledges that, before
/// `run` returns: with direct delivery handlers have until the end of the node's drain to finish.
public protocol EventSource: Sendable {
    /// Receives events until the task is cancelled.
    func run(_ context: SourceContext) async throws
}

/// What a source gets from the engine.
public struct SourceContext: Sendable {
    /// The trigger that the source feeds: address its events with `.trigger(trigger)`.
    public let trigger: String
    /// The one door by which events enter.
    public let intake: any Intake
    /// What the source last recorded of itself; read it before the first receive.
    public let state: @Sendable () async throws -> [String: [UInt8]]
    /// Says that the source works, or what keeps it from working; shown in the trigger's health.
    public let health: @Sendable (SourceHealth) -> Void
    /// Tells figures of its system; shown with the trigger, and counted as metrics.
    public let measure: @Sendable (SourceMeasure) -> Void
    /// The engine's time.
    public let time: any TimeSource
    /// Carries the trigger as metadata.
    public let logger: Logger

    /// A context with these values.
    public init(
        trigger: String, intake: any Intake, state: @escaping @Sendable () async throws -> [String: [UInt8]],
        health: @escaping @Sendable (SourceHealth) -> Void,
        measure: @escaping @Sendable (SourceMeasure) -> Void = { _ in }, time: any TimeSource, logger: Logger
    ) {
        self.measure = measure
        self.trigger = trigger
        self.intake = intake
        self.state = state
        self.health = health
        self.time = time
        self.logger = logger
    }
}

/// How a source fares.
public enum SourceHealth: Sendable, Hashable {
    /// Not yet receiving.
    case starting
    /// Receiving.
    case running
    /// Not receiving, for this reason; it will try again.
    case failing(String)
}

/// A figure of a source's system.
public enum SourceMeasure: Sendable, Hashable {
    /// So many messages wait there for this trigger: the depth of a queue, the lag behind a stream's end.
    case waiting(Int)
    /// The connection was lost and is there again.
    case reconnected
}

/// Something a source wants to remember: stored in the same transaction as the events it belongs to.
public struct SourceStateChange: Sendable, Hashable {
    /// The trigger whose source remembers.
    public var trigger: String
    /// What it is about: a partition, a path.
    public var key: String
    /// What to remember; `nil` to forget.
    public var value: [UInt8]?

    /// A change with these values.
    public init(trigger: String, key: String, value: [UInt8]?) {
        self.trigger = trigger
        self.key = key
        self.value = value
    }
}
