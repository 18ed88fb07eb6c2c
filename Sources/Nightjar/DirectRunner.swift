import CloudEvents
import Logging
import NightjarCore
import Synchronization

/// Does the runs of triggers with direct delivery. Of what is done nothing is stored; what fails and is not given back to its
/// source, or could not be done before the node ends, goes to the store.
final class DirectRunner: Sendable {
    /// So long an event that its source's system cannot deliver again waits here for its next attempt, if others of its order
    /// wait for it; a longer wait is the store's.
    static let longestWaitInPlace = Duration.seconds(30)

    struct State {
        var schedule = DirectSchedule()
        var workers: [Int: StopGate<StopReason>] = [:]
        var lastWorker = 0
        /// A worker more is wanted, and not there yet.
        var isWorkerWanted = false
        var timeouts: [DirectSchedule.Ticket: (gate: StopGate<StopReason>, limit: Duration)] = [:]
        /// Those who wait to try the store again.
        var rests: [Int: Signal] = [:]
        var lastRest = 0
        /// Whoever still wants something kept that the store does not take has to give up.
        var isGivenUp = false
        var isFinished = false
    }

    let node: NodeID
    private let concurrency: Int
    let time: any TimeSource
    let random: RandomSource
    let alarms: Alarms
    let intake: StoreIntake
    let limits: AttemptReporter.Limits
    let logger: Logger
    let state = Mutex(State())
    let wanted = Signal()
    let emptied = Signal()

    init(
        node: NodeID, concurrency: Int, time: any TimeSource, random: RandomSource, alarms: Alarms,
        intake: StoreIntake, limits: AttemptReporter.Limits, logger: Logger
    ) {
        self.node = node
        self.concurrency = concurrency
        self.time = time
        self.random = random
        self.alarms = alarms
        self.intake = intake
        self.limits = limits
        self.logger = logger
    }

    func configure(_ jobs: [Job], _ triggers: [Trigger]) {
        change { $0.schedule.configure(jobs, triggers: Set(triggers.map(\.name))) }
    }

    func pause(_ pauses: Set<Pause>) {
        change { $0.schedule.pause(pauses) }
    }

    /// Something changed that may let runs start.
    func change(_ body: (inout State) -> Void) {
        let isWanted = state.withLock { state in
            body(&state)
            return wantsWorker(&state)
        }
        if isWanted { wanted.notify() }
    }

    func wantsWorker(_ state: inout State) -> Bool {
        guard !state.isWorkerWanted, state.workers.count < concurrency, state.schedule.hasNext else { return false }
        state.isWorkerWanted = true
        return true
    }

    // MARK: Taking events

    /// Takes events, and answers when their runs have ended, and what is to be kept of them is durable.
    func accept(_ batch: [IncomingEvent], trigger name: String) async throws(IntakeError) -> [Acceptance] {
        let plan = try intake.planDirect(batch, trigger: name)
        let works = DirectBatch(count: plan.count)
        var ends: [Int: DirectEnd] = [:]
        if plan.count > 0 {
            add(plan, batch, works)
            ends = await works.ends()
        }
        let (answers, kept) = Self.answers(batch, plan, ends)
        if !kept.isEmpty { try await keep(kept) }
        var taken = answers.count
        for case .redeliver in ends.values { taken -= 1 }
        intake.countAccepted(taken, by: name)
        return answers
    }

    private func add(_ plan: DirectPlan, _ batch: [IncomingEvent], _ works: DirectBatch) {
        var units: [DirectUnit] = []
        units.reserveCapacity(plan.count)
        let lines = state.withLock { state in
            plan.jobs.map { state.schedule.line(job: $0, trigger: plan.trigger) }
        }
        // Events are large values: they are looked at where they are, and copied once.
        for index in batch.indices {
            let order = batch[index].order.map { DirectUnit.Order(trigger: plan.trigger, key: $0) }
            let jobs = plan.events[index].jobs
            var redelivery = batch[index].redelivery
            let deliveries = redelivery?.deliveries ?? 1
            // An event that goes back does so with all of its runs, also those that are done.
            if jobs.count != 1 || redelivery?.longestWait == .zero { redelivery = nil }
            for job in jobs {
                let event = plan.events[index].event ?? batch[index].event
                units.append(
                    DirectUnit(
                        batch: works, index: units.count, line: lines[job],
                        id: .direct(of: event, job: plan.jobs[job]), event: event, input: plan.events[index].input,
                        order: order, redelivery: redelivery, deliveries: deliveries, acceptedAt: plan.acceptedAt))
            }
        }
        var isEnding = false
        change { state in
            state.schedule.add(units)
            isEnding = state.schedule.isEnding
        }
        if isEnding { end() }
    }

    /// What the source is told, and what the store is to keep.
    private static func answers(
        _ batch: [IncomingEvent], _ plan: DirectPlan, _ ends: [Int: DirectEnd]
    ) -> ([Acceptance], [IntakeRecord]) {
        var kept: [IntakeRecord] = []
        var answers: [Acceptance] = []
        answers.reserveCapacity(batch.count)
        var place = 0
        for index in batch.indices {
            var answer = Acceptance(
                source: batch[index].event.source, id: plan.events[index].event?.id ?? batch[index].event.id,
                outcome: .accepted, runs: [])
            if ends.isEmpty, !plan.events[index].mustBeKept, batch[index].stateChanges.isEmpty {
                answers.append(answer)
                continue
            }
            let (incoming, event) = (batch[index], plan.events[index])
            var runs: [NewRun] = []
            for _ in event.jobs {
                switch ends[place] {
                case .done(let emitted): kept += emitted
                case .kept(let run): runs.append(run)
                case .redeliver(let wait):
                    answer.outcome = .redeliver
                    answer.retryAfter = wait
                case nil: break
                }
                place += 1
            }
            if !runs.isEmpty || event.mustBeKept {
                var record = plan.record(of: event, incoming)
                record.runs = runs
                answer.runs = runs.map(\.id)
                kept.append(record)
            } else if !incoming.stateChanges.isEmpty, answer.outcome == .accepted {
                kept.append(.stateOnly(incoming.stateChanges, at: plan.acceptedAt))
            }
            answers.append(answer)
        }
        return (answers, kept)
    }

    /// Stores records. While the store is away it is tried again, until the node ends: what was done is not to be done again.
    private func keep(_ records: [IntakeRecord]) async throws(IntakeError) {
        var failures = 0
        while true {
            do throws(StoreError) {
                let answers = try await intake.store.accept(records)
                for run in records.lazy.flatMap(\.runs) {
                    guard let death = run.earlier?.death else { continue }
                    logger.error(
                        "a run is dead", metadata: ["run": "\(run.id)", "job": "\(run.job)", "reason": "\(death)"])
                }
                return intake.announce(records.map(\.living), answers)
            } catch {
                failures += 1
                if failures == 1 {
                    logger.error(
                        "what direct delivery leaves could not be stored; tried again", metadata: ["error": "\(error)"])
                }
                guard !state.withLock({ $0.isGivenUp }) else {
                    throw IntakeError(
                        .stopping, "the node ends, and the store took nothing: \(error.message)", underlying: error)
                }
            }
            await rest(for: .milliseconds(10 << Int64(min(failures, 9))))
        }
    }

    /// Waits a while, also in a cancelled task; not once the node gives up.
    private func rest(for duration: Duration) async {
        let signal = Signal()
        let number = state.withLock { state -> Int? in
            guard !state.isGivenUp else { return nil }
            state.lastRest += 1
            state.rests[state.lastRest] = signal
            return state.lastRest
        }
        guard let number else { return }
        alarms.set(.directRest(number), after: duration)
        await signal.wait()
        alarms.remove(.directRest(number))
        state.withLock { _ = $0.rests.removeValue(forKey: number) }
    }
}
