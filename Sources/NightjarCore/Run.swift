public import CloudEvents

/// A run as a store shows it to people: everything that is known of it.
public struct Run: Sendable, Hashable {
    /// Its identity.
    public var id: RunID
    /// The job it asks for.
    public var job: String
    /// Where it stands.
    public var state: RunState
    /// The trigger that made it; `nil` when it was started by hand.
    public var trigger: String?
    /// The event that made it. Its data is the run's input, unless there is another.
    public var event: Event
    /// What the job gets instead of the event's data: a JSON text.
    public var input: [UInt8]?
    /// When a person gave it another input.
    public var inputEditedAt: Timestamp?
    /// 0 to 9; higher goes first.
    public var priority: Int
    /// When it was accepted.
    public var createdAt: Timestamp
    /// The earliest time of its next attempt.
    public var runAt: Timestamp
    /// If it has not been started by then, it is dead.
    public var expiresAt: Timestamp?
    /// What it has in common with other runs of its job.
    public var key: String?
    /// When it became completed, dead or cancelled.
    public var finishedAt: Timestamp?
    /// Its attempts, oldest first, the one under way last.
    public var attempts: [Attempt]
    /// How far it has come, if its handler says so.
    public var progress: Progress?
    /// The JSON text that its handler returned.
    public var result: [UInt8]?
    /// Why it is dead or cancelled, or what its last attempt failed of.
    public var reason: String?
    /// Someone asked to cancel it while it runs.
    public var isCancelRequested: Bool
    /// The lease under which it runs.
    public var lease: Lease?
    /// How many events it collected for its handler; `nil` if it hands over its event alone.
    public var items: Int?
    /// How many of them are done; `nil` as above.
    public var itemsDone: Int?

    /// A run with these values.
    public init(
        id: RunID, job: String, state: RunState, trigger: String?, event: Event, input: [UInt8]? = nil,
        priority: Int, createdAt: Timestamp, runAt: Timestamp, expiresAt: Timestamp? = nil, key: String? = nil,
        finishedAt: Timestamp? = nil, attempts: [Attempt] = [], progress: Progress? = nil, result: [UInt8]? = nil,
        reason: String? = nil, isCancelRequested: Bool = false, lease: Lease? = nil, items: Int? = nil,
        itemsDone: Int? = nil
    ) {
        self.items = items
        self.itemsDone = itemsDone
        self.expiresAt = expiresAt
        self.key = key
        self.id = id
        self.job = job
        self.state = state
        self.trigger = trigger
        self.event = event
        self.input = input
        self.priority = priority
        self.createdAt = createdAt
        self.runAt = runAt
        self.finishedAt = finishedAt
        self.attempts = attempts
        self.progress = progress
        self.result = result
        self.reason = reason
        self.isCancelRequested = isCancelRequested
        self.lease = lease
    }
}

/// What one trigger decided on an event, or what became of its run later.
public struct Decision: Sendable, Hashable {
    /// What was decided. The raw values are part of the stores' on-disk formats.
    public enum Outcome: String, Sendable, Hashable {
        /// A run was made.
        case started
        /// The trigger looked at the event and did not want it.
        case refused
        /// The event arrived again; its run existed already.
        case duplicate
        /// The event joined a run that another event had begun.
        case joined
    }

    /// The trigger's name; `nil` for a start by hand.
    public var trigger: String?
    /// The job it starts.
    public var job: String?
    /// What was decided.
    public var outcome: Outcome
    /// The run that was made, that the event joined, or that stands for the one that was not made.
    public var run: RunID?
    /// Why, for people.
    public var reason: String?

    /// A decision with these values.
    public init(trigger: String?, job: String? = nil, outcome: Outcome, run: RunID? = nil, reason: String? = nil) {
        self.trigger = trigger
        self.job = job
        self.outcome = outcome
        self.run = run
        self.reason = reason
    }
}

/// An event as a store keeps it, with every decision that was recorded with it.
public struct EventRecord: Sendable, Hashable {
    /// Grows with every event the store takes: the order of acceptance.
    public var sequence: Int64
    /// The event.
    public var event: Event
    /// When it was accepted.
    public var acceptedAt: Timestamp
    /// One for each run it made, one for each that it joined, then the refusals.
    public var decisions: [Decision]
    /// Whom it was for; `nil` if it was accepted by a version that did not keep that.
    public var addressee: EventAddressee?

    /// A record with these values.
    public init(
        sequence: Int64, event: Event, acceptedAt: Timestamp, decisions: [Decision], addressee: EventAddressee? = nil
    ) {
        self.addressee = addressee
        self.sequence = sequence
        self.event = event
        self.acceptedAt = acceptedAt
        self.decisions = decisions
    }
}
