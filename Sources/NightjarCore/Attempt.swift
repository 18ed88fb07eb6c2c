public import CloudEvents

/// One try at a run, as it is kept in the run's history.
public struct Attempt: Sendable, Hashable {
    /// How an attempt ended. The raw values are part of the stores' on-disk formats.
    public enum Outcome: Int, Sendable, Hashable, CaseIterable, CustomStringConvertible {
        /// The work is done.
        case completed = 0
        /// The handler failed; counts against the job's attempts.
        case failed = 1
        /// The handler asked to be tried later; does not count against the job's attempts.
        case snoozed = 2
        /// The job's timeout passed; counts against the job's attempts.
        case timedOut = 3
        /// The node died or lost its lease with the run in hand; counted apart.
        case crashed = 4
        /// Someone cancelled the run while it ran.
        case cancelled = 5

        /// The outcome's name in the API.
        public var description: String {
            switch self {
            case .completed: "completed"
            case .failed: "failed"
            case .snoozed: "snoozed"
            case .timedOut: "timedOut"
            case .crashed: "crashed"
            case .cancelled: "cancelled"
            }
        }
    }

    /// 1 for the first.
    public var number: Int
    /// The node that made it.
    public var node: NodeID
    /// When the node took the run.
    public var startedAt: Timestamp
    /// When it ended; `nil` while it runs.
    public var endedAt: Timestamp?
    /// How it ended; `nil` while it runs.
    public var outcome: Outcome?
    /// What went wrong, for people.
    public var error: String?
    /// What the handler wrote (a command's standard output and error), up to the action's limit.
    public var output: [UInt8]?

    /// An attempt with these values.
    public init(
        number: Int, node: NodeID, startedAt: Timestamp, endedAt: Timestamp? = nil, outcome: Outcome? = nil,
        error: String? = nil, output: [UInt8]? = nil
    ) {
        self.number = number
        self.node = node
        self.startedAt = startedAt
        self.endedAt = endedAt
        self.outcome = outcome
        self.error = error
        self.output = output
    }
}

/// How far a run has come, as its handler reported it.
public struct Progress: Sendable, Hashable {
    /// From 0 to 1; values outside are clamped.
    public var fraction: Double
    /// What is being done, for people. At most 1,000 characters are kept.
    public var text: String?

    /// Progress of `fraction`, with a text.
    public init(_ fraction: Double, _ text: String? = nil) {
        self.fraction = fraction.isFinite ? min(1, max(0, fraction)) : 0
        self.text = text.map { String($0.prefix(1000)) }
    }
}
