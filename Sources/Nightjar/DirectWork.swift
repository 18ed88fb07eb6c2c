import CloudEvents
import NightjarCore
import Synchronization

/// One run of direct delivery, on its way to its end. An object, since it is handed on often.
final class DirectUnit: Sendable {
    /// Runs that are done one after the other, as they came.
    struct Order: Hashable, Sendable {
        var trigger: String
        var key: [UInt8]

        func hash(into hasher: inout Hasher) {
            // Array's own hash takes byte after byte; triggers are few.
            key.withUnsafeBytes { hasher.combine(bytes: $0) }
        }
    }

    /// Who waits for its end, and its place there.
    let batch: DirectBatch
    let index: Int
    /// The line that it waits in.
    let line: Int
    let id: RunID
    let event: Event
    /// What the job gets instead of the event's data.
    let input: [UInt8]?
    let order: Order?
    /// How its event can be given back; `nil` if it cannot.
    let redelivery: Redelivery?
    /// How often its event was delivered; 1 where nobody counts.
    let deliveries: Int
    let acceptedAt: Timestamp
    /// The last attempt that was made here, and when the next one is due.
    let last: (attempt: EarlierAttempt, runAt: Timestamp)?

    /// How many attempts were made, those of earlier deliveries included.
    var attempts: Int { last?.attempt.attempt.number ?? deliveries - 1 }
    var history: RunHistory { last?.attempt.history ?? RunHistory(failures: deliveries - 1) }
    /// From when on its deadline counts: a delivery that is not the first has no better memory than the event's time.
    var startsAt: Timestamp { deliveries > 1 ? min(event.time ?? acceptedAt, acceptedAt) : acceptedAt }

    init(
        batch: DirectBatch, index: Int, line: Int, id: RunID, event: Event, input: [UInt8]?, order: Order?,
        redelivery: Redelivery?, deliveries: Int, acceptedAt: Timestamp,
        last: (attempt: EarlierAttempt, runAt: Timestamp)? = nil
    ) {
        self.batch = batch
        self.index = index
        self.line = line
        self.id = id
        self.event = event
        self.input = input
        self.order = order
        self.redelivery = redelivery
        self.deliveries = deliveries
        self.acceptedAt = acceptedAt
        self.last = last
    }

    /// The same run after one more attempt.
    func again(_ attempt: EarlierAttempt, at runAt: Timestamp) -> DirectUnit {
        DirectUnit(
            batch: batch, index: index, line: line, id: id, event: event, input: input, order: order,
            redelivery: redelivery, deliveries: deliveries, acceptedAt: acceptedAt, last: (attempt, runAt))
    }

    /// The run as the store is to keep it: with the attempt given, or the last that was made here.
    func kept(by line: DirectSchedule.Line, runAt: Timestamp? = nil, _ earlier: EarlierAttempt? = nil) -> NewRun {
        var run = NewRun(
            id: id, job: line.job, trigger: line.trigger, runAt: runAt ?? last?.runAt ?? acceptedAt,
            priority: line.priority, input: input)
        run.earlier = earlier ?? last?.attempt
        return run
    }
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
        /// Those that are not just done, by their places.
        var ends: [Int: DirectEnd] = [:]
        var hasEnded: [Bool]
        var open: Int
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let state: Mutex<State>

    init(count: Int) {
        state = Mutex(State(hasEnded: Array(repeating: false, count: count), open: count))
    }

    /// Only the first end of a run counts.
    func end(_ index: Int, _ end: DirectEnd) {
        let waiting = state.withLock { state -> CheckedContinuation<Void, Never>? in
            guard !state.hasEnded[index] else { return nil }
            state.hasEnded[index] = true
            if case .done(let emitted) = end, emitted.isEmpty {} else { state.ends[index] = end }
            state.open -= 1
            return state.open == 0 ? state.waiting.take() : nil
        }
        waiting?.resume()
    }

    /// Waits until all have ended, also in a cancelled task.
    /// - Returns: the ends of those that are not just done, by their places.
    func ends() async -> [Int: DirectEnd] {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                if state.open > 0 { state.waiting = continuation }
                return state.open == 0
            }
            if isOver { continuation.resume() }
        }
        return state.withLock { $0.ends }
    }
}
