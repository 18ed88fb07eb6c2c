import NIOCore
import Synchronization

/// Waits for a time or for a ring, whichever comes first, also in a task that is cancelled.
final class Bell: Sendable {
    private struct State {
        var waiting: CheckedContinuation<Void, Never>?
        var number: UInt64 = 0
        var isRung = false
    }

    private let loop: any EventLoop
    private let state = Mutex(State())

    init(on loop: any EventLoop) { self.loop = loop }

    /// Wakes who waits, or keeps the next one from waiting.
    func ring() {
        let waiting = state.withLock { state in
            state.isRung = true
            return state.waiting.take()
        }
        waiting?.resume()
    }

    /// Waits. There may be one who does.
    func wait(for duration: Duration) async {
        let number = state.withLock { state in
            state.number += 1
            return state.number
        }
        let timer = loop.scheduleTask(in: TimeAmount(duration)) { self.expire(number) }
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isRung || state.number != number { return true }
                state.waiting = continuation
                return false
            }
            if isOver { continuation.resume() }
        }
        timer.cancel()
        state.withLock { $0.isRung = false }
    }

    private func expire(_ number: UInt64) {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.number == number else { return nil }
            // If nobody waits yet, he must not begin to.
            state.number += 1
            return state.waiting.take()
        }
        waiting?.resume()
    }
}
