public import CloudEvents

/// What a store knows of a run that waits, and of what stands in its way. As it stood at one moment.
public struct RunCircumstances: Sendable, Hashable {
    /// The run.
    public var run: RunID
    /// Its job.
    public var job: String
    /// Where it stands.
    public var state: RunState
    /// The earliest time of its next attempt.
    public var runAt: Timestamp
    /// The trigger that made it.
    public var trigger: String?
    /// What it has in common with other runs of its job.
    public var key: String?
    /// Whether it is suspected of killing its nodes.
    public var isSuspect: Bool
    /// What is paused.
    public var pauses: Set<Pause>
    /// Of the unfinished runs of its key the one that was accepted first.
    public var firstOfKey: RunID?
    /// The runs of its key that are running, at most ``mostListed``, in the order of their ids.
    public var runningOfKey: [RunID]
    /// The first dead run that stops its key for those accepted after it, if it was accepted before this one.
    public var stoppedBy: RunID?
    /// The state of the job's rate.
    public var arrivalOfJob: Timestamp?
    /// The state of its key's rate.
    public var arrivalOfKey: Timestamp?
    /// The suspects that are running, at most ``mostListed``, in the order of their ids.
    public var runningSuspects: [RunID]

    /// How many runs are listed at most.
    public static let mostListed = 100

    /// Circumstances with these values.
    public init(
        run: RunID, job: String, state: RunState, runAt: Timestamp, trigger: String?, key: String?, isSuspect: Bool,
        pauses: Set<Pause>, firstOfKey: RunID? = nil, runningOfKey: [RunID] = [], stoppedBy: RunID? = nil,
        arrivalOfJob: Timestamp? = nil, arrivalOfKey: Timestamp? = nil, runningSuspects: [RunID] = []
    ) {
        self.run = run
        self.job = job
        self.state = state
        self.runAt = runAt
        self.trigger = trigger
        self.key = key
        self.isSuspect = isSuspect
        self.pauses = pauses
        self.firstOfKey = firstOfKey
        self.runningOfKey = runningOfKey
        self.stoppedBy = stoppedBy
        self.arrivalOfJob = arrivalOfJob
        self.arrivalOfKey = arrivalOfKey
        self.runningSuspects = runningSuspects
    }
}

/// What a run waits for, first of all.
public enum RunWait: Sendable, Hashable {
    /// For its time.
    case time(Timestamp)
    /// Until something is resumed.
    case pause(Pause)
    /// Until a run with the same key is done.
    case key(String, heldBy: RunID)
    /// Until someone retries or discards a dead run that stops its key.
    case stop(String, deadRun: RunID)
    /// Until a rate lets it start: its key's, or its job's.
    case rate(until: Timestamp, key: String?)
    /// It is suspected of killing its nodes, of which these have another suspect in hand: a node does one at a time.
    case suspects(running: RunID)
    /// For a node that does its job: the configuration that was asked knows no such job.
    case job(String)
    /// For a free slot.
    case capacity

    /// What the run waits for; `nil` if it does not wait.
    /// - Parameter policy: how the job's runs are treated; `nil` if nobody knows the job.
    public init?(_ circumstances: RunCircumstances, policy: JobPolicy?, now: Timestamp) {
        switch circumstances.state {
        case .running, .completed, .dead, .cancelled: return nil
        // A time that has come is seen to by the next claim.
        case .scheduled, .retryable:
            if circumstances.runAt > now {
                self = .time(circumstances.runAt)
                return
            }
        case .available: break
        }
        if let pause = Self.pause(circumstances) {
            self = .pause(pause)
        } else if let policy {
            self = Self.key(circumstances, policy, now) ?? Self.others(circumstances, policy, now)
        } else {
            self = .job(circumstances.job)
        }
    }

    private static func pause(_ circumstances: RunCircumstances) -> Pause? {
        var pauses = [Pause(.job, circumstances.job)]
        if let trigger = circumstances.trigger { pauses.append(Pause(.trigger, trigger)) }
        if let key = circumstances.key { pauses.append(Pause(key: key, ofJob: circumstances.job)) }
        return pauses.first { circumstances.pauses.contains($0) }
    }

    private static func key(_ circumstances: RunCircumstances, _ policy: JobPolicy, _ now: Timestamp) -> RunWait? {
        guard policy.key != nil, let key = circumstances.key else { return nil }
        if let dead = circumstances.stoppedBy { return .stop(key, deadRun: dead) }
        let running = circumstances.runningOfKey
        if policy.perKey.isOrdered {
            if let first = running.first ?? circumstances.firstOfKey, first != circumstances.run {
                return .key(key, heldBy: first)
            }
        } else if let limit = policy.perKey.concurrency, running.count >= limit, let first = running.first {
            return .key(key, heldBy: first)
        }
        guard let rate = policy.perKey.rate?.waiting else { return nil }
        let next = rate.nextStart(circumstances.arrivalOfKey, at: now)
        return next > now ? .rate(until: next, key: key) : nil
    }

    private static func others(_ circumstances: RunCircumstances, _ policy: JobPolicy, _ now: Timestamp) -> RunWait {
        if let rate = policy.rate?.waiting {
            let next = rate.nextStart(circumstances.arrivalOfJob, at: now)
            if next > now { return .rate(until: next, key: nil) }
        }
        if circumstances.isSuspect, let other = circumstances.runningSuspects.first { return .suspects(running: other) }
        return .capacity
    }
}

extension RunWait: CustomStringConvertible {
    /// What kind of thing it waits for, as the API names it.
    public var kind: String {
        switch self {
        case .time: "time"
        case .pause: "pause"
        case .key: "key"
        case .stop: "deadRun"
        case .rate: "rate"
        case .suspects: "suspect"
        case .job: "job"
        case .capacity: "capacity"
        }
    }

    /// Until when, if that is known.
    public var until: Timestamp? {
        switch self {
        case .time(let time), .rate(let time, _): time
        default: nil
        }
    }

    /// The run that it waits for.
    public var run: RunID? {
        switch self {
        case .key(_, let run), .stop(_, let run), .suspects(let run): run
        default: nil
        }
    }

    /// For people: what follows "waits for".
    public var description: String {
        switch self {
        case .time: "its time"
        case .pause(let pause):
            if let key = pause.key {
                "the key \"\(key)\" of the job \(pause.name), which is paused"
            } else {
                "the \(pause.kind.rawValue) \(pause.name), which is paused"
            }
        case .key(let key, let run): "run \(run), which has the same key \"\(key)\""
        case .stop(let key, let run): "someone to retry or discard the dead run \(run), which stops the key \"\(key)\""
        case .rate(_, let key?): "the rate of the key \"\(key)\""
        case .rate(_, nil): "the rate of its job"
        case .suspects(let run):
            "run \(run): both are suspected of killing their nodes, and a node does one such run at a time"
        case .job(let job): "a node that does the job \(job), which this configuration does not have"
        case .capacity: "a node with a free slot"
        }
    }
}
