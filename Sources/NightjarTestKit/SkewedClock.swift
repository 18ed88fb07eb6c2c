public import CloudEvents
public import NightjarCore

/// The clock of a node that is fast or slow by a fixed time; the time that passes is the same for all.
public struct SkewedClock: TimeSource {
    private let base: any TimeSource
    private let skew: Duration

    /// A clock that shows `skew` more than `base`.
    public init(_ base: any TimeSource, by skew: Duration) {
        self.base = base
        self.skew = skew
    }

    public var now: Timestamp { base.now + skew }

    public var elapsed: Duration { base.elapsed }

    public func sleep(until deadline: Timestamp) async throws {
        try await base.sleep(until: deadline - skew)
    }

    public func sleep(for duration: Duration) async throws {
        try await base.sleep(for: duration)
    }
}
