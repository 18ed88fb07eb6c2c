import CloudEvents
import NightjarCore
import Synchronization

/// One run of direct delivery, on its way to its end.
struct DirectUnit: Sendable {
    /// Runs that are done one after the other, as they came.
    struct Order: Hashable, Sendable {
        var trigger: String
        var key: [UInt8]
    }

    /// Where it may wait: what is paused, or has as many runs as its job allows, holds up no other.
    struct Line: Hashable, Sendable {
        var job: String
        var trigger: String
    }

    /// Who waits for its end, and its place there.
    let batch: DirectBatch
    let index: Int
    let run: NewRun
    let line: Line
    let event: Event
    let order: Order?
    let redelivery: Redelivery?
    let acceptedAt: Timestamp
    /// How many attempts were made, those of earlier deliveries included.
    var attempts: Int
    var history: RunHistory
}

/// What became of a run of direct delivery.
enum DirectEnd: Sendable {
    /// Its work is done, and it emitted these events.
    case done(emitted: [IntakeRecord])
    /// The store is to keep it: it failed, or could not be done here and now.
    case kept(NewRun)
    /// Its event goes back to where it came from.
    case redeliver(after: Duration)
}

/// Runs that were handed over together; whoever did so waits until the last has ended.
final class DirectBatch: Sendable {
    private struct State {
        var ends: [DirectEnd?]
        var open: Int
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(State(ends: Array(repeating: nil, count: count), open: count))
    }

    /// Only the first end of a run counts.
    func end(_ index: Int, _ end: DirectEnd) {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard state.ends[index] == nil else { return nil }
            state.ends[index] = end
            state.open -= 1
            return state.open == 0 ? state.waiting.take() : nil
        }
        waiting?.resume()
    }

    /// Waits until all have ended, also in a cancelled task.
    func ends() async -> [DirectEnd] {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.open > 0 { state.waiting = continuation }
                return state.open == 0
            }
            if isOver { continuation.resume() }
        }
        return state.withLock { $0.ends.compactMap { $0 } }
    }
}
