import Synchronization

/// Wakes one waiting task. Notifications that come while nobody waits are kept as one.
final class Signal: Sendable {
    private enum State {
        case idle
        case notified
        case waiting(CheckedContinuation<Void, Never>)
    }

    private let state = Mutex(State.idle)

    /// Wakes the waiting task, or the next that waits.
    func notify() {
        let waiting: CheckedContinuation<Void, Never>? = state.withLock { state in
            if case .waiting(let continuation) = state {
                state = .idle
                return continuation
            }
            state = .notified
            return nil
        }
        waiting?.resume()
    }

    /// Waits for a notification. Cancellation does not end the wait: whoever stops the waiting loop notifies it.
    func wait() async {
        await withCheckedContinuation { continuation in
            let isNotified = state.withLock { state in
                if case .notified = state {
                    state = .idle
                    return true
                }
                assert({ if case .waiting = state { false } else { true } }(), "one task at a time waits on a signal")
                state = .waiting(continuation)
                return false
            }
            if isNotified { continuation.resume() }
        }
    }

    /// Waits for a notification; cancellation ends the wait too.
    func waitUnlessCancelled() async {
        await withTaskCancellationHandler {
            await wait()
        } onCancel: {
            notify()
        }
    }
}
