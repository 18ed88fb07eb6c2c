import Synchronization

/// A message that somebody waits for to be confirmed.
final class Publication: Sendable {
    private enum State {
        case waiting(CheckedContinuation<Result<Void, any Error>, Never>?)
        case done(Result<Void, any Error>)
    }

    let message: OutgoingMessage
    /// Until when it must be confirmed.
    let deadline: ContinuousClock.Instant
    private let state = Mutex(State.waiting(nil))

    init(_ message: OutgoingMessage, deadline: ContinuousClock.Instant) {
        self.message = message
        self.deadline = deadline
    }

    /// Whether nobody waits any more.
    var isDone: Bool {
        state.withLock { state in
            if case .done = state { true } else { false }
        }
    }

    /// Says what became of it. Only the first answer counts.
    func finish(_ result: Result<Void, any Error>) {
        let continuation = state.withLock { state -> CheckedContinuation<Result<Void, any Error>, Never>? in
            guard case .waiting(let continuation) = state else { return nil }
            state = .done(result)
            return continuation
        }
        continuation?.resume(returning: result)
    }

    /// Waits for what becomes of it. Called once.
    /// - Throws: ``RabbitMQError`` if it was not confirmed; `CancellationError` if the task was cancelled before: whether it
    ///   was published is unknown then.
    func wait() async throws {
        let result = await withTaskCancellationHandler {
            await withCheckedContinuation { continuation in
                let result = state.withLock { state -> Result<Void, any Error>? in
                    if case .done(let result) = state { return result }
                    state = .waiting(continuation)
                    return nil
                }
                if let result { continuation.resume(returning: result) }
            }
        } onCancel: {
            finish(.failure(CancellationError()))
        }
        try result.get()
    }
}
