/// Where a run stands. `docs/state-machine.md` draws the transitions.
///
/// The raw values are part of the stores' on-disk formats: they are never renumbered.
public enum RunState: Int, Sendable, Hashable, CaseIterable, CustomStringConvertible {
    /// Waits for its time.
    case scheduled = 0
    /// Waits for a node with a free slot.
    case available = 1
    /// A node holds its lease.
    case running = 2
    /// An attempt failed; waits for the time of the next.
    case retryable = 3
    /// Done. Final.
    case completed = 4
    /// Out of attempts, or failed for good; kept until someone retries or discards it.
    case dead = 5
    /// Cancelled or discarded. Final.
    case cancelled = 6

    /// The state's name in the API, the command line and the logs.
    public var description: String {
        switch self {
        case .scheduled: "scheduled"
        case .available: "available"
        case .running: "running"
        case .retryable: "retryable"
        case .completed: "completed"
        case .dead: "dead"
        case .cancelled: "cancelled"
        }
    }

    /// The state of that name, if there is one.
    public init?(name: some StringProtocol) {
        guard let state = RunState.allCases.first(where: { $0.description == name }) else { return nil }
        self = state
    }

    /// Whether no attempt will follow unless a person asks for one.
    public var isFinished: Bool { rawValue >= RunState.completed.rawValue }

    /// Whether the run waits for its time, a slot or its next attempt.
    public var isWaiting: Bool { self == .scheduled || self == .available || self == .retryable }
}
