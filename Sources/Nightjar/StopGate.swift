import Synchronization

/// Lets someone outside stop an operation, and tells why it was stopped.
///
/// Only the first reason counts. The operation runs as a child task that is cancelled when the gate is told to stop.
final class StopGate<Reason: Sendable>: Sendable {
    private struct State {
        var reason: Reason?
        var isFinished = false
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state = Mutex(State())

    /// Why the operation was stopped; `nil` if nobody stopped it.
    var reason: Reason? { state.withLock { $0.reason } }

    /// Stops the operation, or keeps it from starting.
    func stop(_ reason: Reason) {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.reason == nil, !state.isFinished else { return nil }
            state.reason = reason
            return state.waiting.take()
        }
        waiting?.resume()
    }

    /// Runs `operation` until it ends by itself or is stopped, which cancels it; returns when it has ended.
    func run<Value: Sendable>(_ operation: @escaping @Sendable () async -> Value) async -> Value? {
        await withTaskGroup(of: Value.self) { group in
            group.addTask {
                let value = await operation()
                self.finish()
                return value
            }
            await wait()
            if reason != nil { group.cancelAll() }
            return await group.next()
        }
    }

    private func finish() {
        let waiting = state.withLock { state in
            state.isFinished = true
            return state.waiting.take()
        }
        waiting?.resume()
    }

    private func wait() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.isFinished || state.reason != nil { return true }
                state.waiting = continuation
                return false
            }
            if isOver { continuation.resume() }
        }
    }
}
