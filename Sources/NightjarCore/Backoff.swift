/// How long a run waits between its attempts.
public enum Backoff: Sendable, Hashable {
    /// The n-th wait is at most `min(upTo, from × 2ⁿ⁻¹)`: with jitter a random time from zero to that, which spreads the
    /// retries of many runs that failed together ("Exponential Backoff And Jitter", AWS Architecture Blog, 2015), without
    /// jitter that time itself.
    case exponential(from: Duration, upTo: Duration, jitter: Bool = true)
    /// The n-th wait is the n-th of these; the last one stands for all that follow. Without any there is no wait.
    case schedule([Duration])

    /// The wait that follows failure number `failures` (1 for the first).
    public func delay(afterFailure failures: Int, using random: inout some RandomNumberGenerator) -> Duration {
        let place = max(0, failures - 1)
        switch self {
        case .schedule(let waits): return waits.isEmpty ? .zero : max(.zero, waits[min(place, waits.count - 1)])
        case .exponential(let from, let upTo, let jitter):
            let longest = max(0, upTo.microseconds)
            let (product, overflow) = max(0, from.microseconds).multipliedReportingOverflow(
                by: 1 << Int64(min(62, place)))
            let ceiling = overflow ? longest : min(longest, product)
            return .microseconds(jitter ? Int64.random(in: 0...ceiling, using: &random) : ceiling)
        }
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
