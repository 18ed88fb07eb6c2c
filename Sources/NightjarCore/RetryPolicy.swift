/// When a failed run is tried again, and when it is given up.
public struct RetryPolicy: Sendable, Hashable {
    /// Another treatment of failures with certain codes.
    public struct Rule: Sendable, Hashable {
        /// The codes it is for, also of failures that the handler itself would not retry: a ``RunFailure/code``, such as the exit code `65`, the HTTP status `503` or `timeout`.
        public var codes: Set<String>
        /// How many attempts may fail, in all, before such a failure is the last; `nil` for as many as else.
        public var attempts: Int?
        /// How long the run waits after such a failure; `nil` for as long as else.
        public var backoff: Backoff?

        /// A rule with these values.
        public init(codes: Set<String>, attempts: Int? = nil, backoff: Backoff? = nil) {
            self.codes = codes
            self.attempts = attempts.map { max(1, $0) }
            self.backoff = backoff
        }

        /// Failures with these codes are never retried.
        public static func never(_ codes: String...) -> Rule { Rule(codes: Set(codes), attempts: 1) }
    }

    /// How many attempts may fail before the run is dead; 1 means that no failure is retried.
    public var attempts: Int
    /// How long it waits before it is tried again.
    public var backoff: Backoff
    /// How long after its acceptance, or after a person retried it, the last attempt may begin; `nil` for any time.
    public var deadline: Duration?
    /// Other treatments of certain failures; the first that has the failure's code counts.
    public var rules: [Rule]
    /// How many times a handler may ask to be tried later, without that counting as a failure, before the run is dead.
    public var snoozes: Int
    /// How many times the run may be charged with the death of its node before it is dead, quarantined.
    public var crashes: Int

    /// A policy with these values; out-of-range ones are raised to the lowest that makes sense.
    public init(
        attempts: Int, backoff: Backoff, deadline: Duration? = nil, rules: [Rule] = [], snoozes: Int = 100,
        crashes: Int = 5
    ) {
        self.attempts = max(1, attempts)
        self.backoff = backoff
        self.deadline = deadline.map { max(.zero, $0) }
        self.rules = rules
        self.snoozes = max(0, snoozes)
        self.crashes = max(1, crashes)
    }

    /// A policy with exponential backoff; out-of-range values are raised to the lowest that makes sense.
    /// - Parameters:
    ///   - attempts: how many attempts may fail before the run is dead.
    ///   - from: the longest wait before the first retry.
    ///   - upTo: the longest wait before any retry.
    ///   - jitter: whether the wait is drawn at random from zero on; otherwise it is the longest wait itself.
    ///   - deadline: how long after its acceptance the last attempt may begin.
    ///   - rules: other treatments of certain failures.
    ///   - snoozes: how many times a handler may ask to be tried later.
    ///   - crashes: how many times a node may die with the run in hand.
    public init(
        attempts: Int = 8, from: Duration = .seconds(1), upTo: Duration = .seconds(3600), jitter: Bool = true,
        deadline: Duration? = nil, rules: [Rule] = [], snoozes: Int = 100, crashes: Int = 5
    ) {
        let from = max(.zero, from)
        self.init(
            attempts: attempts, backoff: .exponential(from: from, upTo: max(from, upTo), jitter: jitter),
            deadline: deadline, rules: rules, snoozes: snoozes, crashes: crashes)
    }

    /// How many attempts may fail at most, whatever their codes.
    package var mostAttempts: Int { max(attempts, rules.compactMap(\.attempts).max() ?? 0) }

    /// The default policy: 8 attempts, from one second up to one hour.
    public static let `default` = RetryPolicy()

    /// One attempt, no retry.
    public static let never = RetryPolicy(attempts: 1)

    /// Exponential backoff with full jitter.
    public static func exponential(
        attempts: Int, from: Duration = .seconds(1), upTo: Duration = .seconds(3600)
    ) -> RetryPolicy {
        RetryPolicy(attempts: attempts, from: from, upTo: upTo)
    }

    /// A wait of its own before each retry; when they are used up, the run is dead.
    public static func schedule(_ waits: [Duration]) -> RetryPolicy {
        RetryPolicy(attempts: waits.count + 1, backoff: .schedule(waits))
    }

    /// The wait before the retry that follows failure number `failures` (1 for the first).
    public func delay(afterFailure failures: Int, using random: inout some RandomNumberGenerator) -> Duration {
        backoff.delay(afterFailure: failures, using: &random)
    }

    /// The rule for failures with that code.
    package func rule(for code: String?) -> Rule? {
        guard let code else { return nil }
        return rules.first { $0.codes.contains(code) }
    }
}
