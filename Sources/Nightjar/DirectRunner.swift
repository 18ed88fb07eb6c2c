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

    func configure(_ jobs: [Job]) {
        change { $0.schedule.configure(jobs) }
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
    func accept(_ batch: [IncomingEvent], trigger: String) async throws(IntakeError) -> [Acceptance] {
        let records = try intake.planDirect(batch)
        let works = DirectBatch(count: records.reduce(0) { $0 + $1.runs.count })
        var units: [DirectUnit] = []
        for (incoming, record) in zip(batch, records) {
            let order = incoming.order.map { DirectUnit.Order(trigger: trigger, key: $0) }
            for run in record.runs {
                var run = run
                run.id = .direct(of: record.event, job: run.job)
                // An event that goes back does so with all of its runs, also those that are done.
                let redelivery = record.runs.count == 1 ? incoming.redelivery : nil
                let attempts = (incoming.redelivery?.deliveries ?? 1) - 1
                units.append(
                    DirectUnit(
                        batch: works, index: units.count, run: run, line: .init(job: run.job, trigger: trigger),
                        event: record.event, order: order, redelivery: redelivery, acceptedAt: record.acceptedAt,
                        attempts: attempts, history: RunHistory(failures: attempts)))
            }
        }
        var ends: [DirectEnd] = []
        if !units.isEmpty {
            change { $0.schedule.add(units) }
            ends = await works.ends()
        }
        let (answers, kept) = Self.answers(batch, records, ends)
        if !kept.isEmpty { try await keep(kept) }
        intake.countAccepted(answers.lazy.filter { $0.outcome != .redeliver }.count, by: trigger)
        return answers
    }

    /// What the source is told, and what the store is to keep.
    private static func answers(
        _ batch: [IncomingEvent], _ records: [IntakeRecord], _ ends: [DirectEnd]
    ) -> ([Acceptance], [IntakeRecord]) {
        var kept: [IntakeRecord] = []
        var next = ends.makeIterator()
        let answers = zip(batch, records).map { incoming, record in
            var answer = Acceptance(
                source: record.event.source, id: record.event.id, outcome: .accepted, runs: [])
            var keep = record
            keep.runs = []
            for _ in record.runs {
                switch next.next() {
                case .done(let emitted): kept += emitted
                case .kept(let run): keep.runs.append(run)
                case .redeliver(let wait):
                    answer.outcome = .redeliver
                    answer.retryAfter = wait
                case nil: break
                }
            }
            answer.runs = keep.runs.map(\.id)
            let isForNobody = if case .nobody = incoming.addressee { true } else { false }
            if !keep.runs.isEmpty || record.isUndecided || isForNobody {
                kept.append(keep)
            } else if !record.stateChanges.isEmpty, answer.outcome == .accepted {
                kept.append(.stateOnly(keep))
            }
            return answer
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
                    throw IntakeError(.stopping, "the node ends, and the store took nothing: \(error.message)", underlying: error)
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
