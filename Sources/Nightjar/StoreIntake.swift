import CloudEvents
import Metrics
import NightjarCore
import Synchronization

/// The intake of a node: validates, decides, and stores in one transaction.
final class StoreIntake: Intake {
    /// What the intake tells the rest of the node once a batch is durable.
    struct Listener: Sendable {
        /// Runs of these jobs are about to be made.
        var expecting: @Sendable (_ jobs: Set<String>) -> Void
        /// Runs were made.
        var made: @Sendable (_ runs: [NewRun], _ acceptedAt: Timestamp) -> Void
        /// Events joined runs of these jobs, which may begin now.
        var joined: @Sendable (_ jobs: Set<String>) -> Void
    }

    /// What an intake takes at a time.
    struct Limits: Sendable {
        var eventBytes: Int
        var eventsInFlight: Int
        var bytesInFlight: Int
    }

    private struct State {
        var planner: IntakePlanner
        var ids = RunIDGenerator()
        var isStopped = false
        var eventsInFlight = 0
        var bytesInFlight = 0
        var acceptedByTrigger: [String: Int] = [:]
    }

    let store: any RunStore
    let time: any TimeSource
    private let limits: Limits
    private let random: RandomSource
    private let listener: Listener
    private let state: Mutex<State>

    init(
        store: any RunStore, time: any TimeSource, planner: IntakePlanner, limits: Limits, random: RandomSource,
        listener: Listener
    ) {
        self.store = store
        self.time = time
        self.limits = limits
        self.random = random
        self.listener = listener
        state = Mutex(State(planner: planner))
    }

    /// Decides by other jobs and triggers from now on.
    func use(_ planner: IntakePlanner) {
        state.withLock { $0.planner = planner }
    }

    /// Refuses everything from now on.
    func stop() {
        state.withLock { $0.isStopped = true }
    }

    /// How many events the trigger's source has brought since the node started.
    func accepted(by trigger: String) -> Int {
        state.withLock { $0.acceptedByTrigger[trigger, default: 0] }
    }

    func accept(_ batch: [IncomingEvent]) async throws(IntakeError) -> [Acceptance] {
        guard !batch.isEmpty else { return [] }
        let bytes = try checkedBytes(of: batch)
        try enter(count: batch.count, bytes: bytes)
        defer { leave(count: batch.count, bytes: bytes) }

        let records = try plan(batch)
        // An idle dispatcher has its claim waiting behind this transaction, and need not be woken after it. Should it come
        // too early, it finds nothing, and is told again below.
        let now = time.now
        let jobs = Set(records.lazy.flatMap(\.runs).filter { $0.runAt <= now }.map(\.job))
        if !jobs.isEmpty { listener.expecting(jobs) }
        let answers: [Acceptance]
        do {
            answers = try await store.accept(records)
        } catch {
            throw IntakeError(
                .store, "the store took nothing: \(error.message)", retryAfter: .seconds(1), underlying: error)
        }
        announce(records, answers, batch)
        return answers
    }

    /// Decides on events whose runs are done without the store.
    func planDirect(_ batch: [IncomingEvent], trigger: String) throws(IntakeError) -> DirectPlan {
        _ = try checkedBytes(of: batch)
        let (isStopped, planner) = state.withLock { ($0.isStopped, $0.planner) }
        if isStopped { throw Self.stopping }
        return try planner.planDirect(batch, trigger: trigger, now: time.now)
    }

    private static var stopping: IntakeError {
        IntakeError(.stopping, "the node is stopping", retryAfter: .seconds(5))
    }

    /// Decides on events that a run emits, to be stored with its completion. They pass no limit but the size: the run
    /// holds a slot already.
    func planEmitted(_ events: [Event]) throws(IntakeError) -> [IntakeRecord] {
        guard !events.isEmpty else { return [] }
        let batch = events.map { IncomingEvent($0, to: .bus) }
        _ = try checkedBytes(of: batch)
        return try plan(batch)
    }

    /// How it is decided now. Expressions are evaluated outside the lock.
    var planner: IntakePlanner { state.withLock { $0.planner } }

    /// A new run's id.
    func makeID(_ now: Timestamp) -> RunID {
        state.withLock { state in
            random.withGenerator { state.ids.next(microseconds: now.microsecondsSince1970, using: &$0) }
        }
    }

    private func plan(_ batch: [IncomingEvent]) throws(IntakeError) -> [IntakeRecord] {
        let now = time.now
        let planner = planner
        var records: [IntakeRecord] = []
        records.reserveCapacity(batch.count)
        for (index, incoming) in batch.enumerated() {
            do throws(IntakeError) {
                records.append(try planner.plan(incoming, now: now) { makeID(now) })
            } catch {
                throw IntakeError(error.code, error.message, index: index)
            }
        }
        return records
    }

    /// Tells the node which runs a durable batch has made.
    func announce(_ records: [IntakeRecord], _ answers: [Acceptance], _ batch: [IncomingEvent] = []) {
        var made: [NewRun] = []
        var joined: Set<String> = []
        for (record, answer) in zip(records, answers) {
            for run in record.runs {
                if answer.runs.contains(run.id) {
                    made.append(run)
                } else if run.collect != nil || run.unique?.second == .extend {
                    joined.insert(run.job)
                }
            }
        }
        if !joined.isEmpty { listener.joined(joined) }
        if !batch.isEmpty {
            count(batch, answers)
        }
        if let now = records.first?.acceptedAt, !made.isEmpty { listener.made(made, now) }
    }

    /// Counts what triggers' sources brought.
    private func count(_ batch: [IncomingEvent], _ answers: [Acceptance]) {
        var new: [String: Int] = [:]
        for (incoming, answer) in zip(batch, answers) where answer.outcome == .accepted {
            if case .trigger(let name) = incoming.addressee { new[name, default: 0] += 1 }
        }
        for (trigger, count) in new { countAccepted(count, by: trigger) }
    }

    /// Counts events that a trigger's source brought, and that were new.
    func countAccepted(_ count: Int, by trigger: String) {
        guard count > 0 else { return }
        Counter(label: "nightjar_source_events", dimensions: [("trigger", trigger)]).increment(by: count)
        state.withLock { $0.acceptedByTrigger[trigger, default: 0] += count }
    }

    /// The size of the batch, once every event in it is found valid and within the limit.
    private func checkedBytes(of batch: [IncomingEvent]) throws(IntakeError) -> Int {
        var total = 0
        for index in batch.indices {
            do {
                try batch[index].event.validate()
            } catch {
                throw IntakeError(.invalidEvent, "\(error)", index: index, underlying: error)
            }
            let bytes = batch[index].event.data?.count ?? 0
            guard bytes <= limits.eventBytes else {
                throw IntakeError(
                    .tooLarge, "the event's data has \(bytes) bytes, the limit is \(limits.eventBytes)", index: index)
            }
            total += bytes
        }
        return total
    }

    func enter(count: Int, bytes: Int) throws(IntakeError) {
        let refusal = state.withLock { state -> IntakeError? in
            if state.isStopped {
                return Self.stopping
            }
            // A batch larger than the limit itself is let in when nothing else is under way.
            if state.eventsInFlight > 0,
                state.eventsInFlight + count > limits.eventsInFlight
                    || state.bytesInFlight + bytes > limits.bytesInFlight
            {
                return IntakeError(
                    .full, "\(state.eventsInFlight) events are on their way into the store", retryAfter: .seconds(1))
            }
            state.eventsInFlight += count
            state.bytesInFlight += bytes
            return nil
        }
        if let refusal { throw refusal }
    }

    func leave(count: Int, bytes: Int) {
        state.withLock { state in
            state.eventsInFlight -= count
            state.bytesInFlight -= bytes
        }
    }
}
