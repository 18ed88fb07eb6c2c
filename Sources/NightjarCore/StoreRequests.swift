public import CloudEvents

/// An event and what the intake decided on it, ready to be stored.
public struct IntakeRecord: Sendable, Hashable {
    /// The event.
    public var event: Event
    /// When it came.
    public var acceptedAt: Timestamp
    /// The runs it makes; no two for one job.
    public var runs: [NewRun]
    /// The triggers that looked at it and said no.
    public var refusals: [Decision]
    /// What its source wants to remember. Applied also when the event is a duplicate.
    public var stateChanges: [SourceStateChange]
    /// Whom the event was for; kept with a new event.
    public var addressee = EventAddressee.bus
    /// The event is known and was decided on again: the refusals are kept, in place of older ones of the triggers that now
    /// refuse it or start runs. Should it be known no longer, nothing of the record is taken.
    public var isReplay = false
    /// Whether something kept a trigger from deciding. Not stored: the refusal tells it.
    public var isUndecided = false

    /// A record with these values.
    public init(
        event: Event, acceptedAt: Timestamp, runs: [NewRun], refusals: [Decision] = [],
        stateChanges: [SourceStateChange] = []
    ) {
        self.event = event
        self.acceptedAt = acceptedAt
        self.runs = runs
        self.refusals = refusals
        self.stateChanges = stateChanges
    }

    /// What is kept of an event's refusals when it was decided on again. That another run stands for the one that it was not to
    /// make stays so.
    public func refusals(replacing old: [Decision]) -> [Decision] {
        let decided = Set(runs.map(\.trigger) + refusals.map(\.trigger))
        return old.filter { $0.run != nil || !decided.contains($0.trigger) } + refusals
    }
}

/// A run to be made. It begins `available` if its time has come when its event is accepted, else `scheduled`; one that was
/// attempted before its acceptance begins as that attempt left it: `available`, `retryable` or `dead`.
public struct NewRun: Sendable, Hashable {
    /// Its identity.
    public var id: RunID
    /// The job.
    public var job: String
    /// The trigger that asks for it; `nil` for a start by hand.
    public var trigger: String?
    /// The earliest time of its first attempt.
    public var runAt: Timestamp
    /// 0 to 9; higher goes first.
    public var priority: Int
    /// What the job gets instead of the event's data: a JSON text.
    public var input: [UInt8]?
    /// If it has not been started by then, it is dead.
    public var expiresAt: Timestamp?
    /// What it has in common with other runs of its job; see ``JobPolicy/key``.
    public var key: String?
    /// Whether the runs of its key wait while it is dead.
    public var stopsKey: Bool
    /// It is made only if these rates allow it: of the job, of the key.
    public var dropsBeyond: DropLimits
    /// It is made only if no other run stands for the same.
    public var unique: UniqueClaim?
    /// Its event joins a run that collects, if there is one, and else begins one.
    public var collect: CollectClaim?
    /// What happened to it before. Not for runs that collect.
    public var earlier: EarlierAttempt?

    /// Rates beyond which a run is not made.
    public struct DropLimits: Sendable, Hashable {
        /// Of all runs of the job.
        public var job: RateLimit?
        /// Of the runs of its key.
        public var key: RateLimit?

        /// These rates.
        public init(job: RateLimit? = nil, key: RateLimit? = nil) {
            self.job = job
            self.key = key
        }
    }

    /// A run with these values.
    public init(
        id: RunID, job: String, trigger: String?, runAt: Timestamp, priority: Int = 0, input: [UInt8]? = nil,
        expiresAt: Timestamp? = nil, key: String? = nil, stopsKey: Bool = false, dropsBeyond: DropLimits = .init(),
        unique: UniqueClaim? = nil, collect: CollectClaim? = nil
    ) {
        self.unique = unique
        self.collect = collect
        self.expiresAt = expiresAt
        self.key = key
        self.stopsKey = stopsKey
        self.dropsBeyond = dropsBeyond
        self.id = id
        self.job = job
        self.trigger = trigger
        self.runAt = runAt
        self.priority = priority
        self.input = input
    }
}

/// What a node wants to work on.
public struct ClaimRequest: Sendable {
    /// How many runs of a job a node has slots for.
    public struct Demand: Sendable, Hashable {
        /// The job.
        public var job: String
        /// At most so many.
        public var limit: Int
        /// How many slots each of them takes.
        public var weight: Int
        /// How many may start in a time.
        public var rate: RateLimit?
        /// How runs of one key are treated; `nil` if keys do not matter.
        public var perKey: KeyPolicy?

        /// A demand with these values.
        public init(job: String, limit: Int, weight: Int = 1, rate: RateLimit? = nil, perKey: KeyPolicy? = nil) {
            self.job = job
            self.limit = limit
            self.weight = max(1, weight)
            self.rate = rate
            self.perKey = perKey
        }
    }

    /// The node that claims.
    public var node: NodeID
    /// The present time.
    public var now: Timestamp
    /// When the leases expire unless they are renewed.
    public var leaseExpiresAt: Timestamp
    /// What is wanted, in the order in which it is to be served.
    public var demands: [Demand]
    /// At most so many slots in all.
    public var limit: Int
    /// At most so many runs in all.
    public var mostRuns: Int

    /// A request with these values.
    public init(
        node: NodeID, now: Timestamp, leaseExpiresAt: Timestamp, demands: [Demand], limit: Int, mostRuns: Int = .max
    ) {
        self.mostRuns = mostRuns
        self.node = node
        self.now = now
        self.leaseExpiresAt = leaseExpiresAt
        self.demands = demands
        self.limit = limit
    }
}

/// What a claim brought.
public struct ClaimResult: Sendable {
    /// The runs that are leased now.
    public var runs: [ClaimedRun]
    /// When the next scheduled or retryable run of any job becomes available, an unstarted one expires, or a rate lets a run
    /// of a wanted job start.
    public var nextDueAt: Timestamp?
    /// The runs that are dead now because they were not started in time.
    public var expired: [UnstartedRun]
    /// The wanted jobs that have a run which might start now, but for its weight: it takes more slots than the whole request
    /// has.
    public var tooHeavy: Set<String>

    /// A result with these values.
    public init(
        runs: [ClaimedRun], nextDueAt: Timestamp?, expired: [UnstartedRun] = [], tooHeavy: Set<String> = []
    ) {
        self.tooHeavy = tooHeavy
        self.runs = runs
        self.nextDueAt = nextDueAt
        self.expired = expired
    }
}

/// A run that was not started in time.
public struct UnstartedRun: Sendable, Hashable {
    /// Why it is dead.
    public static let reason = "expired: it was not started in time"
    /// How many one claim makes dead at most, those first that expired first, then by their ids.
    public static let mostAtOnce = 1000

    /// Its identity.
    public var id: RunID
    /// The job.
    public var job: String
    /// The trigger that asked for it.
    public var trigger: String?

    /// A run with these values.
    public init(id: RunID, job: String, trigger: String?) {
        self.id = id
        self.job = job
        self.trigger = trigger
    }
}

/// A run in a node's hand.
public struct ClaimedRun: Sendable {
    /// The job.
    public var job: String
    /// The trigger that asked for it.
    public var trigger: String?
    /// The event; its data is the input, unless there is another.
    public var event: Event
    /// What the job gets instead of the event's data: a JSON text.
    public var input: [UInt8]?
    /// The number of this attempt: 1 for the first.
    public var attempt: Int
    /// What happened to the run before.
    public var history: RunHistory
    /// When the run was accepted.
    public var createdAt: Timestamp
    /// From when on its deadline counts: its acceptance, or the last time that a person retried it.
    public var startsOverAt: Timestamp
    /// What it has in common with other runs of its job.
    public var key: String?
    /// The right to work on it.
    public var lease: Lease
    /// What is left to do of the events that it collected, in the order in which they came; empty if it hands none over.
    public var items: [RunItem] = []

    /// A run with these values. Without `startsOverAt` its deadline counts from its acceptance.
    public init(
        job: String, trigger: String?, event: Event, input: [UInt8]? = nil, attempt: Int, history: RunHistory,
        createdAt: Timestamp, startsOverAt: Timestamp? = nil, key: String? = nil, lease: Lease
    ) {
        self.startsOverAt = startsOverAt ?? createdAt
        self.key = key
        self.job = job
        self.trigger = trigger
        self.event = event
        self.input = input
        self.attempt = attempt
        self.history = history
        self.createdAt = createdAt
        self.lease = lease
    }
}

/// What happened to a run so far, counted by kind.
public struct RunHistory: Sendable, Hashable {
    /// Attempts that failed or timed out.
    public var failures: Int
    /// Attempts that asked to be tried later.
    public var snoozes: Int
    /// Attempts whose node died or lost its lease, as far as the run is charged with that; see ``isSuspect``.
    public var crashes: Int

    /// Whether the run is suspected of killing its nodes: a node takes one such run at a time, so that the next death tells
    /// whether it was this one.
    public var isSuspect: Bool { crashes > 0 }

    /// A history with these counts.
    public init(failures: Int = 0, snoozes: Int = 0, crashes: Int = 0) {
        self.failures = failures
        self.snoozes = snoozes
        self.crashes = crashes
    }
}

/// A running run that nobody works on any more.
public struct ExpiredRun: Sendable {
    /// The job.
    public var job: String
    /// The lease that ran out.
    public var lease: Lease
    /// The number of the attempt that was under way.
    public var attempt: Int
    /// When that attempt began.
    public var startedAt: Timestamp
    /// What happened to the run before.
    public var history: RunHistory
    /// From when on its deadline counts: its acceptance, or the last time that a person retried it.
    public var startsOverAt: Timestamp
    /// Someone had asked to cancel it.
    public var isCancelRequested: Bool

    /// A run with these values.
    public init(
        job: String, lease: Lease, attempt: Int, startedAt: Timestamp, history: RunHistory, startsOverAt: Timestamp,
        isCancelRequested: Bool
    ) {
        self.startsOverAt = startsOverAt
        self.job = job
        self.lease = lease
        self.attempt = attempt
        self.startedAt = startedAt
        self.history = history
        self.isCancelRequested = isCancelRequested
    }
}

/// What became of a lease that was to be renewed.
public enum LeaseRenewal: Sendable, Hashable {
    /// It lasts until the new time.
    case renewed
    /// It lasts, and someone asked to cancel the run.
    case cancelRequested
    /// The run was taken back, or is over: stop at once.
    case lost
}

/// How an attempt ends, under the lease it ran with.
///
/// A run that someone asked to cancel while it ran goes to `cancelled` instead of being retried, released or dead: the
/// store looks at the request, since it may have come after the node decided. Work that is done stays done.
public struct Settlement: Sendable {
    /// Where the run goes.
    public enum Transition: Sendable, Hashable {
        /// To `completed`, with the result to keep.
        case complete(result: [UInt8]?)
        /// To `retryable` (`available` if that time has come), with what is now counted.
        case retry(at: Timestamp, history: RunHistory)
        /// To `dead`, for this reason.
        case die(reason: String, history: RunHistory)
        /// To `cancelled`, for this reason.
        case cancel(reason: String)
        /// Back to `available` as if it had not been claimed: counts as no attempt.
        case release
    }

    /// Why a run is `cancelled` when a person asked for it.
    public static let cancelledByHand = "cancelled by hand"

    /// Whether what was emitted counts: the run is completed, or some of its items are done.
    public var takesEmitted: Bool {
        if case .complete = transition { return true }
        return !doneItems.isEmpty
    }

    /// The lease it ran with.
    public var lease: Lease
    /// What the history gets; `nil` if this was no attempt after all, as for a release: its number is given again.
    public var attempt: Attempt?
    /// Where the run goes.
    public var transition: Transition
    /// When.
    public var at: Timestamp
    /// The last progress reported, if it is newer than what ``RunStore/report(_:)`` got.
    public var progress: Progress?
    /// What the run emitted, taken in the same transaction.
    public var emitted: [IntakeRecord]
    /// Settle only if the lease has expired at `at`, or its node is known to be dead: how a rescuer takes a run from a
    /// node that might yet be renewing.
    public var onlyIfExpired: Bool
    /// The positions of the items that are done though the run is not: what follows is for the others. What was emitted
    /// counts then as it does for a completed run.
    public var doneItems: [Int]

    /// A settlement with these values.
    public init(
        lease: Lease, attempt: Attempt?, transition: Transition, at: Timestamp, progress: Progress? = nil,
        emitted: [IntakeRecord] = [], onlyIfExpired: Bool = false, doneItems: [Int] = []
    ) {
        self.doneItems = doneItems
        self.lease = lease
        self.attempt = attempt
        self.transition = transition
        self.at = at
        self.progress = progress
        self.emitted = emitted
        self.onlyIfExpired = onlyIfExpired
    }
}

/// What became of a settlement.
public enum SettleResult: Sendable, Hashable {
    /// It is durable; the run stands at this state, and these are the answers for what it emitted.
    case settled(RunState, emitted: [Acceptance])
    /// The lease was stale: nothing was changed.
    case leaseLost
}

/// Something that can be paused. Two are the same if their bytes are.
public struct Pause: Sendable, Hashable {
    /// What kind of thing it is. The raw values are part of the stores' on-disk formats.
    public enum Kind: String, Sendable, Hashable {
        /// A job: none of its runs is claimed.
        case job
        /// A trigger: events still make runs, but none of them is claimed.
        case trigger
        /// A key of a job: none of the job's runs with that key is claimed.
        case key
    }

    /// What kind of thing it is.
    public var kind: Kind
    /// Its name; of a key, that of its job.
    public var name: String
    /// The key, if it is one.
    public var key: String?

    /// That job or trigger.
    public init(_ kind: Kind, _ name: String) {
        self.kind = kind
        self.name = name
    }

    /// That key of a job.
    public init(key: String, ofJob job: String) {
        kind = .key
        name = job
        self.key = key
    }

    /// Swift's strings call equal what differs in Unicode normalization; keys that differ in it are two.
    public static func == (left: Pause, right: Pause) -> Bool {
        left.kind == right.kind && left.name.utf8.elementsEqual(right.name.utf8)
            && left.key.map { Array($0.utf8) } == right.key.map { Array($0.utf8) }
    }

    /// Feeds what ``==(_:_:)`` compares to the hasher.
    public func hash(into hasher: inout Hasher) {
        hasher.combine(kind)
        hasher.combine(Array(name.utf8))
        hasher.combine(key.map { Array($0.utf8) })
    }
}

extension Set<Pause> {
    /// The paused keys of a job, in order.
    package func keys(ofJob job: String) -> [String] {
        filter { $0.kind == .key && $0.name == job }.compactMap(\.key).sorted()
    }
}
