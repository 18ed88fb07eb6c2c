public import Expressions

/// How the runs of a job are treated.
public struct JobPolicy: Sendable, Hashable {
    /// When a failed run is tried again.
    public var retry: RetryPolicy
    /// How long an attempt may take; `nil` for as long as it likes. When it passes, the handler is cancelled, and the
    /// attempt counts as failed.
    public var timeout: Duration?
    /// How many runs of this job a node does at once; `nil` for as many as the node has slots.
    public var concurrency: Int?
    /// 0 to 9 where the trigger does not say; higher goes first. A level is worth ``agingPerLevel`` of waiting.
    public var priority: Int
    /// How long after its time a run may wait for its first attempt; then it is dead. `nil` for any time.
    public var expires: Duration?
    /// How many of its node's slots a run takes.
    public var weight: Int
    /// How many runs may start in a time, on all nodes.
    public var rate: RateLimit?
    /// What runs have in common that ``perKey`` is about, such as a customer: an expression over the event, whose value is a
    /// text, a whole number or a bool.
    public var key: CELExpression?
    /// How runs of one key are treated.
    public var perKey: KeyPolicy
    /// Which runs stand for the same thing, so that one of them is enough; `nil` if each counts.
    public var unique: UniquePolicy?
    /// How events that come in quick succession become one run; `nil` if each makes its own.
    public var debounce: DebouncePolicy?
    /// How events are gathered, so that a run does many; `nil` if each makes its own.
    public var batch: BatchPolicy?

    /// How much longer a run must have waited to go before one whose priority is a level higher. So the lowest priority is
    /// never starved: whatever comes, nothing that comes more than 90 minutes later goes before it.
    public static let agingPerLevel = Duration.seconds(600)

    /// A policy with these values; out-of-range ones are moved to the nearest that makes sense.
    public init(
        retry: RetryPolicy = .default, timeout: Duration? = nil, concurrency: Int? = nil, priority: Int = 0,
        expires: Duration? = nil, weight: Int = 1, rate: RateLimit? = nil, key: CELExpression? = nil,
        perKey: KeyPolicy = KeyPolicy(), unique: UniquePolicy? = nil, debounce: DebouncePolicy? = nil,
        batch: BatchPolicy? = nil
    ) {
        self.unique = unique
        self.debounce = debounce
        self.batch = batch
        self.retry = retry
        self.timeout = timeout
        self.concurrency = concurrency.map { max(1, $0) }
        self.priority = min(9, max(0, priority))
        self.expires = expires.map { max(.zero, $0) }
        self.weight = max(1, weight)
        self.rate = rate
        self.key = key
        self.perKey = perKey
    }

    /// What of it cannot be together, in words; `nil` if all can.
    public var contradiction: String? {
        let given = [("debounce", debounce != nil), ("batch", batch != nil), ("unique", unique != nil)]
            .filter(\.1).map { "\"\($0.0)\"" }
        guard given.count > 1 else { return nil }
        return
            "has \(given.joined(separator: " and ")); expected one of them, for each says what becomes of a second event"
    }
}

/// How runs with the same key are treated, on all nodes. Priority orders the runs of one key, not the keys: these take turns.
public struct KeyPolicy: Sendable, Hashable {
    /// What a dead run does to the runs after it.
    public enum Death: String, Sendable, Hashable, CaseIterable {
        /// They go on.
        case goOn = "continue"
        /// Those accepted after it wait until a person retries or discards it.
        case stop
    }

    /// Whether they go one at a time, in the order in which their events were accepted. A run that is retried holds its key.
    public var isOrdered: Bool
    /// What a dead run does to the runs after it.
    public var whenDead: Death
    /// How many of them run at once; `nil` for any number.
    public var concurrency: Int?
    /// How many may start in a time; those that are too many wait.
    public var rate: RateLimit?

    /// A policy with these values; out-of-range ones are raised to the lowest that makes sense.
    public init(
        isOrdered: Bool = false, whenDead: Death = .goOn, concurrency: Int? = nil, rate: RateLimit? = nil
    ) {
        self.isOrdered = isOrdered
        self.whenDead = whenDead
        self.concurrency = concurrency.map { max(1, $0) }
        self.rate = rate
    }
}
