/// When a failed run is tried again: exponential backoff with full jitter.
///
/// The n-th retry waits a random time between zero and `min(upTo, from × 2ⁿ⁻¹)`, which spreads the retries of
/// many runs that failed together ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015).
public struct RetryPolicy: Sendable, Hashable {
    /// How many attempts may fail before the run is dead; 1 means that no failure is retried.
    public var attempts: Int
    /// The longest wait before the first retry.
    public var from: Duration
    /// The longest wait before any retry.
    public var upTo: Duration
    /// Whether the wait is drawn at random from zero on; otherwise it is the longest wait itself.
    public var jitter: Bool
    /// How many times a handler may ask to be tried later, without that counting as a failure, before the run is dead.
    public var snoozes: Int
    /// How many times a node may die with the run in hand before the run is dead.
    public var crashes: Int

    /// A policy with these values; out-of-range ones are raised to the lowest that makes sense.
    public init(
        attempts: Int = 8, from: Duration = .seconds(1), upTo: Duration = .seconds(3600), jitter: Bool = true,
        snoozes: Int = 100, crashes: Int = 5
    ) {
        self.attempts = max(1, attempts)
        self.from = max(.zero, from)
        self.upTo = max(self.from, upTo)
        self.jitter = jitter
        self.snoozes = max(0, snoozes)
        self.crashes = max(1, crashes)
    }

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

    /// The wait before the retry that follows failure number `failures` (1 for the first).
    public func delay(afterFailure failures: Int, using random: inout some RandomNumberGenerator) -> Duration {
        let doublings = min(62, max(0, failures - 1))
        let base = from.microseconds
        let longest = upTo.microseconds
        let (product, overflow) = base.multipliedReportingOverflow(by: 1 << Int64(doublings))
        let ceiling = overflow ? longest : min(longest, product)
        guard jitter else { return .microseconds(ceiling) }
        return .microseconds(Int64.random(in: 0...max(0, ceiling), using: &random))
    }
}

extension Duration {
    /// The whole microseconds in this duration; saturates.
    public var microseconds: Int64 {
        let (product, overflow) = components.seconds.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return components.seconds < 0 ? .min : .max }
        let (sum, overflowed) = product.addingReportingOverflow(components.attoseconds / 1_000_000_000_000)
        return overflowed ? (product < 0 ? .min : .max) : sum
    }
}
