import Synchronization

/// So many messages may be held at once: whoever receives waits until there is room.
final class Permits: Sendable {
    private struct Waiting {
        var number: UInt64
        var most: Int
        var continuation: CheckedContinuation<Int, Never>
    }

    private struct State {
        var free: Int
        var waiting: [Waiting] = []
        var last: UInt64 = 0
    }

    private let state: Mutex<State>

    init(_ count: Int) { state = Mutex(State(free: count)) }

    /// Takes as many as are free, but no more than `most`, which is at least one; waits until there is one.
    /// - Throws: `CancellationError`; none was taken then.
    func take(upTo most: Int) async throws(CancellationError) -> Int {
        let number = state.withLock { state in
            state.last += 1
            return state.last
        }
        let count = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let count = state.withLock { state -> Int? in
                    if Task.isCancelled { return 0 }
                    let count = min(most, state.free)
                    state.free -= count
                    if count > 0 { return count }
                    state.waiting.append(Waiting(number: number, most: most, continuation: continuation))
                    return nil
                }
                if let count { continuation.resume(returning: count) }
            }
        } onCancel: {
            let waiting = state.withLock { state -> Waiting? in
                guard let index = state.waiting.firstIndex(where: { $0.number == number }) else { return nil }
                return state.waiting.remove(at: index)
            }
            waiting?.continuation.resume(returning: 0)
        }
        guard count > 0 else { throw CancellationError() }
        return count
    }

    /// Gives some back.
    func give(_ count: Int) {
        let next = state.withLock { state -> (Waiting, Int)? in
            state.free += count
            guard state.free > 0, !state.waiting.isEmpty else { return nil }
            let waiting = state.waiting.removeFirst()
            let taken = min(waiting.most, state.free)
            state.free -= taken
            return (waiting, taken)
        }
        if let (waiting, taken) = next {
            waiting.continuation.resume(returning: taken)
            // What is left may serve another one.
            give(0)
        }
    }
}
