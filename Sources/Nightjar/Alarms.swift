import NightjarCore
import Synchronization

/// Calls back when time has passed, however the clock is set meanwhile. One task sleeps for all deadlines.
final class Alarms: Sendable {
    /// What a deadline is for.
    enum Key: Hashable, Sendable {
        case timeout(FencingToken)
        case dispatch
        case retryClaim
        case directTimeout(DirectSchedule.Ticket)
        case directRetry
        case directRest(Int)
    }

    private let time: any TimeSource
    private let queue = Mutex(DeadlineQueue<Key>())
    private let earlier = Signal()

    init(time: any TimeSource) {
        self.time = time
    }

    func set(_ key: Key, after duration: Duration) {
        let deadline = time.elapsed + duration
        if queue.withLock({ $0.set(key, at: deadline) }) { earlier.notify() }
    }

    func remove(_ key: Key) {
        queue.withLock { $0.remove(key) }
    }

    /// Waits for deadlines until the task is cancelled, and calls `ring` with the keys of those that came.
    func run(_ ring: @Sendable ([Key]) -> Void) async {
        while !Task.isCancelled {
            let now = time.elapsed
            let (due, next) = queue.withLock { ($0.due(at: now), $0.earliest) }
            if !due.isEmpty { ring(due) }
            guard let next else {
                await earlier.waitUnlessCancelled()
                continue
            }
            await withTaskGroup(of: Void.self) { group in
                group.addTask { [time] in
                    // Cancelled when an earlier deadline was set: the loop looks again.
                    try? await time.sleep(for: next - now)
                }
                group.addTask { [earlier] in await earlier.waitUnlessCancelled() }
                await group.next()
                group.cancelAll()
            }
        }
    }
}
