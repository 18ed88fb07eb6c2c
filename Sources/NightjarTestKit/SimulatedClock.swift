public import CloudEvents
public import NightjarCore
import Synchronization

/// A clock that stands still until it is told to go on.
public final class SimulatedClock: TimeSource {
    private struct Sleeper {
        var deadline: Timestamp
        var order: Int
        var continuation: CheckedContinuation<Bool, Never>
    }

    private struct State {
        var now: Timestamp
        var nextOrder = 0
        var sleepers: [Int: Sleeper] = [:]
        var cancelled: Set<Int> = []
    }

    private let state: Mutex<State>

    /// A clock that stands at `start`.
    public init(start: Timestamp = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)) {
        state = Mutex(State(now: start))
    }

    /// The time at which the clock stands.
    public var now: Timestamp { state.withLock { $0.now } }

    /// The earliest time that someone sleeps until.
    public var nextDeadline: Timestamp? { state.withLock { $0.sleepers.values.map(\.deadline).min() } }

    /// Moves the clock, and wakes whoever has slept long enough, in the order of their deadlines.
    public func advance(by duration: Duration) {
        let woken = state.withLock { state in
            state.now = state.now + duration
            let due = state.sleepers.values.filter { $0.deadline <= state.now }.sorted {
                ($0.deadline, $0.order) < ($1.deadline, $1.order)
            }
            for sleeper in due { state.sleepers[sleeper.order] = nil }
            return due
        }
        for sleeper in woken { sleeper.continuation.resume(returning: true) }
    }

    /// Moves the clock to the earliest time that someone sleeps until; `false` if nobody sleeps.
    public func advanceToNextDeadline() -> Bool {
        guard let next = nextDeadline else { return false }
        advance(by: max(.zero, next - now))
        return true
    }

    /// Suspends until the clock is moved to `deadline`; goes on at once if it stands there already.
    /// - Throws: `CancellationError` when the task is cancelled.
    public func sleep(until deadline: Timestamp) async throws {
        try Task.checkCancellation()
        let order = state.withLock { state in
            state.nextOrder += 1
            return state.nextOrder
        }
        let wasWoken = await withTaskCancellationHandler {
            await withCheckedContinuation { (continuation: CheckedContinuation<Bool, Never>) in
                let answer = state.withLock { state -> Bool? in
                    if state.cancelled.remove(order) != nil { return false }
                    if deadline <= state.now { return true }
                    state.sleepers[order] = Sleeper(deadline: deadline, order: order, continuation: continuation)
                    return nil
                }
                if let answer { continuation.resume(returning: answer) }
            }
        } onCancel: {
            let sleeper = state.withLock { state in
                let sleeper = state.sleepers.removeValue(forKey: order)
                if sleeper == nil { state.cancelled.insert(order) }
                return sleeper
            }
            sleeper?.continuation.resume(returning: false)
        }
        state.withLock { _ = $0.cancelled.remove(order) }
        if !wasWoken { throw CancellationError() }
    }
}
