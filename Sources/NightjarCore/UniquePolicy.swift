public import CloudEvents
public import Expressions

/// Which runs of a job stand for the same thing, so that one of them is enough.
public struct UniquePolicy: Sendable, Hashable {
    /// What becomes of the second where the first still counts.
    public enum Second: String, Sendable, Hashable, CaseIterable {
        /// No run is made; whoever asked is told the first.
        case ignore
        /// The second is made, and firsts that wait are cancelled. One that runs ends undisturbed.
        case replace
        /// No run is made; a first that waits gets the time that the second would have had.
        case extend
    }

    /// The states of firsts that count where nothing else is said: all in which it is yet to be done.
    public static let usualStates: Set<RunState> = [.scheduled, .available, .running, .retryable]
    /// The states that may count. A dead or cancelled run never freezes a key.
    public static let possibleStates: Set<RunState> = usualStates.union([.completed])

    /// Runs of the same key stand for the same thing: an expression over the event. `nil` for the job's key, and if that has
    /// none, for one key that all runs of the job have in common.
    public var key: CELExpression?
    /// How long after its acceptance a first counts; `nil` for any time.
    public var window: Duration?
    /// In which states a first counts.
    public var states: Set<RunState>
    /// What becomes of the second.
    public var second: Second

    /// A policy with these values; states that cannot count are left out.
    public init(
        key: CELExpression? = nil, window: Duration? = nil, states: Set<RunState> = UniquePolicy.usualStates,
        second: Second = .ignore
    ) {
        self.key = key
        self.window = window.map { max(.microseconds(1), $0) }
        self.states = states.intersection(Self.possibleStates)
        self.second = second
    }
}

/// What a new run asks of others with the same unique key; see ``UniquePolicy``.
public struct UniqueClaim: Sendable, Hashable {
    /// The key. Two are the same if their bytes are.
    public var key: String
    /// Only firsts that were accepted later than this count; `nil` for all.
    public var after: Timestamp?
    /// In which states a first counts. Of completed firsts, only those count whose own claim has that state.
    public var states: Set<RunState>
    /// What becomes of the second.
    public var second: UniquePolicy.Second

    /// A claim with these values.
    public init(
        key: String, after: Timestamp? = nil, states: Set<RunState> = UniquePolicy.usualStates,
        second: UniquePolicy.Second = .ignore
    ) {
        self.key = key
        self.after = after
        self.states = states
        self.second = second
    }

    /// Another run with the same key of the same job.
    public struct First: Sendable, Hashable {
        /// Its identity.
        public var id: RunID
        /// Where it stands.
        public var state: RunState

        /// A run with these values.
        public init(id: RunID, state: RunState) {
            self.id = id
            self.state = state
        }
    }

    /// What follows from the firsts that count.
    public enum Ruling: Sendable, Hashable {
        /// The new run is made, and these are cancelled.
        case make(cancelling: [RunID])
        /// No run is made: this one stands for it.
        case refuse(RunID)
        /// No run is made: this one gets its time.
        case extend(RunID)
    }

    /// What follows.
    /// - Parameter firsts: those that count: the unfinished ones, latest first, or else the completed one that came last.
    public func ruling(_ firsts: [First]) -> Ruling {
        guard let first = firsts.first else { return .make(cancelling: []) }
        switch second {
        case .ignore: return .refuse(first.id)
        case .replace: return .make(cancelling: firsts.filter(\.state.isWaiting).map(\.id))
        case .extend: return firsts.first { $0.state.isWaiting }.map { .extend($0.id) } ?? .refuse(first.id)
        }
    }

    /// Why no run is made.
    public func refusal(by first: RunID, isExtended: Bool = false) -> String {
        let which = key.isEmpty ? "is there already" : "has the key \"\(ReasonText.cut(key, to: 100))\""
        return "unique: run \(first) \(which)\(isExtended ? ", its time was moved" : "")"
    }

    /// Why a first is cancelled.
    public static func replacement(by second: RunID) -> String { "replaced by run \(second)" }
}
