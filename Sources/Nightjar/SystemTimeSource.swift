public import CloudEvents
public import NightjarCore

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// The system's clock: what runs outside of simulations go by.
public struct SystemTimeSource: TimeSource {
    /// The system's clock.
    public init() {}

    public var now: Timestamp {
        var time = timespec()
        clock_gettime(CLOCK_REALTIME, &time)
        return Timestamp(microsecondsSince1970: Int64(time.tv_sec) * 1_000_000 + Int64(time.tv_nsec) / 1000)
    }

    /// The time since this was first asked for, the time that the system was suspended included.
    public var elapsed: Duration { Self.start.duration(to: .now) }

    public func sleep(for duration: Duration) async throws {
        try await ContinuousClock().sleep(for: duration)
    }

    private static let start = ContinuousClock.now

    public func sleep(until deadline: Timestamp) async throws {
        // In slices, so that a step of the wall clock is noticed within a minute.
        while true {
            let left = deadline - now
            if left <= .zero { return try Task.checkCancellation() }
            try await ContinuousClock().sleep(for: min(left, .seconds(60)))
        }
    }
}
