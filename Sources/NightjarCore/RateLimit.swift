public import CloudEvents

/// How many runs may start in a time: a token bucket, as the generic cell rate algorithm computes it (ITU-T I.371, annex A).
///
/// One run may start each `per / limit`; of what was not used, up to `burst` are saved. The bucket's state is one time: when
/// the next run would start if all came evenly, its theoretical arrival. None lies further ahead than a full burst: one that
/// does was written by a clock that was set back since, or by another limit, and counts as a burst just spent. Whoever finds
/// one writes back what it counts as (``clamped(_:at:)``), so that waiting comes to an end.
public struct RateLimit: Sendable, Hashable {
    /// What happens to runs that are too many.
    public enum Excess: String, Sendable, Hashable, CaseIterable {
        /// They wait for their turn.
        case wait
        /// They are not even made.
        case drop
    }

    /// So many runs …
    public var limit: Int
    /// … in so long a time.
    public var per: Duration
    /// How many may start at once when none started for a while.
    public var burst: Int
    /// What happens to more.
    public var excess: Excess

    /// A limit with these values, out-of-range ones raised to the lowest that makes sense. Without a burst, `limit` may start
    /// at once.
    public init(_ limit: Int, per: Duration, burst: Int? = nil, excess: Excess = .wait) {
        self.limit = max(1, limit)
        self.per = max(.microseconds(1), per)
        self.burst = max(1, burst ?? self.limit)
        self.excess = excess
    }

    /// The time between two runs that come evenly, in microseconds.
    private var interval: Int64 { max(1, per.microseconds / Int64(limit)) }

    private func span(_ runs: Int) -> Int64 {
        let (product, overflow) = interval.multipliedReportingOverflow(by: Int64(runs))
        return overflow ? .max / 4 : min(product, .max / 4)
    }

    private var tolerance: Int64 { span(burst - 1) }

    /// The longest that a run has to wait for its turn: the time between two that come evenly.
    public var longestWait: Duration { .microseconds(interval) }

    /// What a theoretical arrival counts as now.
    public func clamped(_ arrival: Timestamp?, at now: Timestamp) -> Timestamp? {
        arrival.map { min($0, now + .microseconds(span(burst))) }
    }

    /// When the next run may start.
    public func nextStart(_ arrival: Timestamp?, at now: Timestamp) -> Timestamp {
        clamped(arrival, at: now).map { $0 - .microseconds(tolerance) } ?? .distantPast
    }

    /// How many runs may start now.
    public func available(_ arrival: Timestamp?, at now: Timestamp) -> Int {
        guard let arrival = clamped(arrival, at: now), arrival > now else { return burst }
        let left = now.microsecondsSince1970 + tolerance - arrival.microsecondsSince1970
        return left < 0 ? 0 : min(burst, Int(clamping: left / interval) + 1)
    }

    /// The theoretical arrival once `count` runs have started now.
    public func arrival(_ arrival: Timestamp?, after count: Int, at now: Timestamp) -> Timestamp {
        max(clamped(arrival, at: now) ?? now, now) + .microseconds(span(count))
    }

    /// This limit, if those that are too many wait.
    public var waiting: RateLimit? { excess == .wait ? self : nil }

    /// Why a run of the job is not made.
    public var dropReason: String { "dropped: more than \(limit) runs in \(per)" }

    /// Why a run of a key is not made.
    public func dropReason(key: String) -> String {
        "dropped: more than \(limit) runs in \(per) for the key \"\(ReasonText.cut(key, to: 100))\""
    }
}
