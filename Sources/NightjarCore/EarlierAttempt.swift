package import CloudEvents

/// What happened to a run before its store took it: direct delivery makes attempts first, and stores what failed.
public struct EarlierAttempt: Sendable, Hashable {
    /// The last attempt, which has ended. Earlier ones are counted by its number.
    public var attempt: Attempt
    /// What is counted by now.
    public var history: RunHistory
    /// Why the run is dead; `nil` if it is to be tried again at ``NewRun/runAt``.
    public var death: String?

    /// An attempt with what follows it.
    public init(_ attempt: Attempt, history: RunHistory, death: String? = nil) {
        self.attempt = attempt
        self.history = history
        self.death = death
    }
}

extension NewRun {
    /// The state that it begins in, if it is accepted at that time.
    package func firstState(at acceptedAt: Timestamp) -> RunState {
        if earlier?.death != nil { return .dead }
        if runAt <= acceptedAt { return .available }
        return earlier == nil ? .scheduled : .retryable
    }
}
