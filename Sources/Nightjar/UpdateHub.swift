import NightjarCore
import Synchronization

/// Sends changes of runs to whoever listens. A listener that is too slow misses the older ones.
final class UpdateHub: Sendable {
    private static let bufferedUpdates = 1024

    private struct State {
        var nextID = 0
        var listeners: [Int: AsyncStream<RunUpdate>.Continuation] = [:]
        var isFinished = false
    }

    private let state = Mutex(State())

    /// Whether anybody listens; making an update is spared if not.
    var hasListeners: Bool { state.withLock { !$0.listeners.isEmpty } }

    func send(_ updates: [RunUpdate]) {
        let listeners = state.withLock { Array($0.listeners.values) }
        for listener in listeners {
            for update in updates { listener.yield(update) }
        }
    }

    func listen() -> AsyncStream<RunUpdate> {
        let (stream, continuation) = AsyncStream.makeStream(
            of: RunUpdate.self, bufferingPolicy: .bufferingNewest(Self.bufferedUpdates))
        let id = state.withLock { state -> Int? in
            guard !state.isFinished else { return nil }
            state.nextID += 1
            state.listeners[state.nextID] = continuation
            return state.nextID
        }
        guard let id else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.state.withLock { _ = $0.listeners.removeValue(forKey: id) }
        }
        return stream
    }

    /// Ends every stream: the node has stopped.
    func finish() {
        let listeners = state.withLock { state in
            state.isFinished = true
            defer { state.listeners = [:] }
            return Array(state.listeners.values)
        }
        for listener in listeners { listener.finish() }
    }
}
