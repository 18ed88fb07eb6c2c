import Synchronization

/// A value that tests wait for: everyone who waits looks again whenever it changes.
public final class Watched<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var observers: [Int: AsyncStream<Void>.Continuation] = [:]
        var last = 0
    }

    private let state: Mutex<State>

    /// A value to begin with.
    public init(_ value: Value) { state = Mutex(State(value: value)) }

    /// The value as it is now.
    public var value: Value { state.withLock { $0.value } }

    /// Changes the value, and tells those who wait.
    @discardableResult
    public func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        let (result, observers) = state.withLock { state in
            let result = body(&state.value)
            return (result, Array(state.observers.values))
        }
        for observer in observers { observer.yield() }
        return result
    }

    /// Waits for a condition, at most so long.
    /// - Parameters:
    ///   - details: what the error tells of the value.
    /// - Throws: ``Overdue``, or `CancellationError`.
    @discardableResult
    public func wait(
        _ what: String, within limit: Duration = .seconds(30),
        details: @escaping @Sendable (Value) -> String = { String("it is \($0)".prefix(2000)) },
        until isMet: @escaping @Sendable (Value) -> Bool
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await self.first(isMet) }
            group.addTask {
                try await ContinuousClock().sleep(for: limit)
                throw Overdue(what, within: limit, details: details(self.value))
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }

    /// Waits for a condition, however long, or until the task is cancelled.
    public func waitUnlessCancelled(until isMet: @escaping @Sendable (Value) -> Bool) async {
        _ = try? await first(isMet)
    }

    /// Waits for a condition, however long and though the task is cancelled: as a handler that ignores its cancellation.
    public func waitThroughCancellation(until isMet: @escaping @Sendable (Value) -> Bool) async {
        // A task of its own is not cancelled with the one that waits for it.
        _ = await Task { try await self.first(isMet) }.result
    }

    private func first(_ isMet: @Sendable (Value) -> Bool) async throws -> Value {
        let (changes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.last += 1
            state.observers[state.last] = continuation
            return state.last
        }
        defer { state.withLock { _ = $0.observers.removeValue(forKey: number) } }
        var present = value
        if isMet(present) { return present }
        for await _ in changes {
            present = value
            if isMet(present) { return present }
        }
        throw CancellationError()
    }
}
