import NightjarCore
import Synchronization

/// A value that tests wait for: everyone who waits looks again whenever it changes.
final class Watched<Value: Sendable>: Sendable {
    private struct State {
        var value: Value
        var observers: [Int: AsyncStream<Void>.Continuation] = [:]
        var last = 0
    }

    private let state: Mutex<State>

    init(_ value: Value) { state = Mutex(State(value: value)) }

    var value: Value { state.withLock { $0.value } }

    @discardableResult
    func change<Result: Sendable>(_ body: (inout Value) -> Result) -> Result {
        let (result, observers) = state.withLock { state in
            let result = body(&state.value)
            return (result, Array(state.observers.values))
        }
        for observer in observers { observer.yield() }
        return result
    }

    /// Waits for a condition, at most so long.
    @discardableResult
    func wait(
        _ what: String, within limit: Duration = .seconds(30), until isMet: @escaping @Sendable (Value) -> Bool
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Value.self) { group in
            group.addTask { try await self.firstThat(isMet) }
            group.addTask {
                try await ContinuousClock().sleep(for: limit)
                throw Overdue(
                    description: "not within \(limit): \(what); it is \(String("\(self.value)".prefix(2000)))")
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() else { throw CancellationError() }
            return value
        }
    }

    private func firstThat(_ isMet: @Sendable (Value) -> Bool) async throws -> Value {
        let (changes, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let number = state.withLock { state in
            state.last += 1
            state.observers[state.last] = continuation
            return state.last
        }
        defer { state.withLock { _ = $0.observers.removeValue(forKey: number) } }
        if isMet(value) { return value }
        for await _ in changes {
            let present = value
            if isMet(present) { return present }
        }
        throw CancellationError()
    }
}

struct Overdue: Error, CustomStringConvertible {
    var description: String
}
