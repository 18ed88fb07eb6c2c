public import CloudEvents
public import NightjarCore
import Synchronization

/// A clock that somebody sets back by a second at each look; the time that passes is right. Whoever sleeps until a time to come
/// sleeps until the task is cancelled.
public final class BackwardClock: TimeSource {
    private let base: any TimeSource
    private let looks = Mutex(0)

    /// A clock that falls behind `base` more and more.
    public init(_ base: any TimeSource) { self.base = base }

    public var now: Timestamp {
        let looks = looks.withLock { looks in
            looks += 1
            return looks
        }
        return base.now - .seconds(looks)
    }

    public var elapsed: Duration { base.elapsed }

    public func sleep(for duration: Duration) async throws { try await base.sleep(for: duration) }

    public func sleep(until deadline: Timestamp) async throws {
        while now < deadline { try await base.sleep(for: .milliseconds(100)) }
    }
}
