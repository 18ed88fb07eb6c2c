import Synchronization

/// Gathers entries while requests with earlier ones are on their way, and lets batches of them be sent: no timer, no entry
/// that waits in vain, no task of its own. Whoever brings an entry while there is room sends it, with those that wait.
final class Batcher<Entry: Sendable, Answer: Sendable>: Sendable {
    /// What a batch may hold, and how many are on their way at once.
    struct Limits: Sendable {
        var entries = 10
        var bytes = Int.max
        var requests = 1
    }

    private enum Turn {
        case send
        case answered(Answer)
        case withdrawn
    }

    private struct Waiting {
        var number: UInt64
        var entry: Entry
        var bytes: Int
        var continuation: CheckedContinuation<Turn, Never>
    }

    private struct State {
        var waiting: [Waiting] = []
        var requests = 0
        var last: UInt64 = 0
    }

    private let limits: Limits
    private let send: @Sendable ([Entry]) async -> [Answer]
    private let state = Mutex(State())

    /// - Parameter send: sends a batch, and answers for each entry in its place. It may run in a task that is cancelled.
    init(_ limits: Limits, send: @escaping @Sendable ([Entry]) async -> [Answer]) {
        self.limits = limits
        self.send = send
    }

    /// How many entries wait.
    var waiting: Int { state.withLock { $0.waiting.count } }

    /// Brings an entry, and waits until it was sent and answered.
    /// - Parameters:
    ///   - bytes: how much of a batch it takes.
    ///   - isStoppable: whether it is withdrawn when the task is cancelled and it is not yet on its way.
    /// - Throws: `CancellationError` if it was withdrawn.
    func submit(_ entry: Entry, bytes: Int = 0, isStoppable: Bool = false) async throws(CancellationError) -> Answer {
        let number = state.withLock { state in
            state.last += 1
            return state.last
        }
        let turn = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let next = state.withLock { state -> Turn? in
                    if isStoppable, Task.isCancelled { return .withdrawn }
                    guard state.requests == limits.requests else {
                        state.requests += 1
                        return .send
                    }
                    state.waiting.append(
                        Waiting(number: number, entry: entry, bytes: bytes, continuation: continuation))
                    return nil
                }
                if let next { continuation.resume(returning: next) }
            }
        } onCancel: {
            if isStoppable { withdraw(number) }
        }
        switch turn {
        case .answered(let answer): return answer
        case .withdrawn: throw CancellationError()
        case .send: return await lead(entry, bytes)
        }
    }

    /// Brings an entry that is not withdrawn.
    func deliver(_ entry: Entry, bytes: Int = 0) async -> Answer {
        while true {
            // Only what is withdrawn throws.
            if let answer = try? await submit(entry, bytes: bytes) { return answer }
        }
    }

    private func withdraw(_ number: UInt64) {
        let waiting = state.withLock { state -> Waiting? in
            guard let index = state.waiting.firstIndex(where: { $0.number == number }) else { return nil }
            return state.waiting.remove(at: index)
        }
        waiting?.continuation.resume(returning: .withdrawn)
    }

    private func lead(_ entry: Entry, _ bytes: Int) async -> Answer {
        let others = state.withLock { state in
            var room = limits.bytes - bytes
            var count = 0
            while count < min(state.waiting.count, limits.entries - 1), state.waiting[count].bytes <= room {
                room -= state.waiting[count].bytes
                count += 1
            }
            defer { state.waiting.removeFirst(count) }
            return Array(state.waiting.prefix(count))
        }
        let answers = await send([entry] + others.map(\.entry))
        for (other, answer) in zip(others, answers.dropFirst()) {
            other.continuation.resume(returning: .answered(answer))
        }
        let next = state.withLock { state -> Waiting? in
            guard state.waiting.isEmpty else { return state.waiting.removeFirst() }
            state.requests -= 1
            return nil
        }
        next?.continuation.resume(returning: .send)
        return answers[0]
    }
}
