public import CloudEvents

/// Where the engine takes its time from: the system's clock, or a simulated one.
public protocol TimeSource: Sendable {
    /// The present time.
    var now: Timestamp { get }
    /// Suspends until `deadline`.
    /// - Throws: `CancellationError` when the task is cancelled.
    func sleep(until deadline: Timestamp) async throws
}
