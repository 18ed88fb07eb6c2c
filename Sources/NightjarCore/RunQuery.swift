public import CloudEvents

/// Which runs are asked for.
public struct RunFilter: Sendable, Hashable {
    /// In one of these states; empty for all.
    public var states: Set<RunState>
    /// Of this job.
    public var job: String?
    /// Made by this trigger.
    public var trigger: String?
    /// With this text in the job, the trigger, the reason, or the event's id, type or subject; case does not matter.
    public var text: String?
    /// Accepted at this time or earlier.
    public var createdUntil: Timestamp?

    /// A filter with these values.
    public init(
        states: Set<RunState> = [], job: String? = nil, trigger: String? = nil, text: String? = nil,
        createdUntil: Timestamp? = nil
    ) {
        self.createdUntil = createdUntil
        self.states = states
        self.job = job
        self.trigger = trigger
        self.text = text
    }

    /// The runs among these to which a command does something; `nil` if there can be none.
    public func narrowed(to command: RunCommand) -> RunFilter? {
        var filter = self
        filter.states = states.isEmpty ? command.states : states.intersection(command.states)
        return filter.states.isEmpty ? nil : filter
    }
}

/// A page of the runs that fit a filter.
public struct RunQuery: Sendable, Hashable {
    /// Which runs.
    public var filter: RunFilter
    /// Only runs older than this one: the `next` of the page before.
    public var before: RunID?
    /// At most so many.
    public var limit: Int

    /// A query with these values.
    public init(_ filter: RunFilter = RunFilter(), before: RunID? = nil, limit: Int = 50) {
        self.filter = filter
        self.before = before
        self.limit = limit
    }
}

/// Runs that fit a query, newest first.
public struct RunPage: Sendable, Hashable {
    /// The runs.
    public var runs: [Run]
    /// Where the next page begins; `nil` if this is the last.
    public var next: RunID?

    /// A page with these values.
    public init(runs: [Run], next: RunID?) {
        self.runs = runs
        self.next = next
    }
}

/// What a person can do to runs.
public enum RunCommand: String, Sendable, Hashable, CaseIterable {
    /// Try again now: dead and cancelled runs begin anew, waiting ones go at once.
    case retry
    /// Cancel waiting runs; ask for the cancellation of running ones.
    case cancel
    /// Give up dead runs: they become cancelled, and retention removes them in time.
    case discard

    /// The states of the runs that it does something to.
    public var states: Set<RunState> {
        switch self {
        case .retry: [.dead, .cancelled, .scheduled, .retryable]
        case .cancel: [.scheduled, .available, .retryable, .running]
        case .discard: [.dead]
        }
    }
}

/// Which runs a command is for.
public enum RunSelection: Sendable, Hashable {
    /// These.
    case ids([RunID])
    /// All that fit, and that the command does something to: after a run, if one is given, in the order of their ids.
    case filter(RunFilter, after: RunID? = nil)
}

/// What a command did to one run.
public struct RunChange: Sendable, Hashable {
    /// What it did.
    public enum Outcome: Sendable, Hashable {
        /// The run stands at this state now.
        case changed(RunState)
        /// It runs; its node was asked to cancel it.
        case cancelRequested
        /// The command does not fit a run of this state; nothing was changed.
        case notApplicable(RunState)
        /// No such run.
        case notFound
    }

    /// The run.
    public var id: RunID
    /// Its job, if it exists.
    public var job: String?
    /// What was done.
    public var outcome: Outcome

    /// A change with these values.
    public init(id: RunID, job: String?, outcome: Outcome) {
        self.id = id
        self.job = job
        self.outcome = outcome
    }
}
