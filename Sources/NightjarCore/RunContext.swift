public import CloudEvents
public import Logging

/// What a handler gets: the run, its input, and the ways to speak back.
public struct RunContext: Sendable {
    /// The run's identity: the same for every attempt.
    public let id: RunID
    /// The job that is done.
    public let job: String
    /// The trigger that asked for it; `nil` when it was started by hand.
    public let trigger: String?
    /// The event that asked for it. Its data is the run's input: what the trigger made of the event, if it says so; for a batch
    /// its ``items`` as a CloudEvents batch in JSON.
    public let event: Event
    /// 1 for the first attempt.
    public let attempt: Int
    /// When the run was accepted.
    public let createdAt: Timestamp
    /// The token of this attempt's lease; grows with every lease granted. What the handler writes to can refuse a lower one
    /// than it has seen: so a node that was thought dead, and goes on, does no harm.
    public let fencingToken: FencingToken
    /// The node that runs it.
    public let node: NodeID
    /// When the job's timeout will pass.
    public let deadline: Timestamp?
    private let plainLogger: Logger
    /// The events that a run of a batch hands over, with what the triggers made of them as their data: all of them, or those
    /// that an earlier attempt left. Empty for other runs.
    public let items: [Event]
    private let reporter: any RunReporter

    /// A context with these values. The engine makes it; tests of handlers may.
    public init(
        id: RunID, job: String, trigger: String?, event: Event, attempt: Int, createdAt: Timestamp,
        fencingToken: FencingToken, node: NodeID, deadline: Timestamp?, logger: Logger, items: [Event] = [],
        reporter: any RunReporter
    ) {
        self.items = items
        self.id = id
        self.job = job
        self.trigger = trigger
        self.event = event
        self.attempt = attempt
        self.createdAt = createdAt
        self.fencingToken = fencingToken
        self.node = node
        self.deadline = deadline
        plainLogger = logger
        self.reporter = reporter
    }

    /// Carries the run, the job and the attempt as metadata.
    public var logger: Logger {
        var logger = plainLogger
        logger[metadataKey: "run"] = "\(id)"
        logger[metadataKey: "job"] = "\(job)"
        logger[metadataKey: "attempt"] = "\(attempt)"
        return logger
    }

    /// The run's input: the event's data, empty if it has none.
    public var input: [UInt8] { event.data ?? [] }

    /// The same for every attempt at the same work: the run's id, for a batch with the number of the items that are left.
    public var idempotencyKey: String { items.isEmpty ? "\(id)" : "\(id)-\(items.count)" }

    /// The same run with some of its items only.
    package func narrowed(to items: [Event]) -> RunContext {
        RunContext(
            id: id, job: job, trigger: trigger, event: event, attempt: attempt, createdAt: createdAt,
            fencingToken: fencingToken, node: node, deadline: deadline, logger: plainLogger, items: items,
            reporter: reporter)
    }

    /// Says how far the work has come. Kept with the run; only the newest of several quick reports may be kept.
    /// - Parameters:
    ///   - fraction: from 0 to 1.
    ///   - text: what is being done, for people.
    public func report(_ fraction: Double, _ text: String? = nil) {
        reporter.report(Progress(fraction, text))
    }

    /// Emits an event, which becomes durable in the same transaction as this run's completion: if the attempt does
    /// not complete, it never happened.
    ///
    /// - Throws: ``/CloudEvents/EventError`` if the event is not a valid CloudEvent; ``RunFailure`` if the attempt
    ///   has emitted too many.
    public func emit(_ event: Event) throws {
        try event.validate()
        try reporter.emit(event)
    }
}

/// Where a run's reports and emitted events go. The engine implements it.
public protocol RunReporter: Sendable {
    /// Takes the newest progress.
    func report(_ progress: Progress)
    /// Takes an event to be committed with the run's completion.
    func emit(_ event: Event) throws
}

/// What a handler returns when its work is done.
public struct RunOutput: Sendable, Hashable {
    /// A JSON text to be kept as the run's result.
    public var result: [UInt8]?
    /// What the handler wrote, to be kept with the attempt.
    public var output: [UInt8]?

    /// Nothing to keep.
    public static let none = RunOutput()

    /// An output with these values.
    public init(result: [UInt8]? = nil, output: [UInt8]? = nil) {
        self.result = result
        self.output = output
    }
}
