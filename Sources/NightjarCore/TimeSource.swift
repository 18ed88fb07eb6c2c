public import CloudEvents

/// Where the engine takes its time from: the system's clock, or a simulated one.
public protocol TimeSource: Sendable {
    /// The present time.
    var now: Timestamp { get }
    /// Suspends until `deadline`.
    /// - Throws: `CancellationError` when the task is cancelled.
    func sleep(until deadline: Timestamp) async throws
    /// How long something unsaid ago is: only differences mean anything. Where a system has such a clock, it goes on evenly
    /// however the present time is set.
    var elapsed: Duration { get }
    /// Suspends for `duration`, by ``elapsed``.
    /// - Throws: `CancellationError` when the task is cancelled.
    func sleep(for duration: Duration) async throws
}

extension TimeSource {
    /// The time since 1970: for a clock that is never set.
    public var elapsed: Duration { .microseconds(now.microsecondsSince1970) }

    /// Suspends until the present time has grown by `duration`: for a clock that is never set.
    /// - Throws: `CancellationError` when the task is cancelled.
    public func sleep(for duration: Duration) async throws { try await sleep(until: now + duration) }
}
