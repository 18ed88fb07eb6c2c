import CloudEvents
import Logging
import Metrics
import NightjarCore
import Synchronization

extension DirectRunner {
    /// Does runs until the task is cancelled. There are as many workers as there is work for, up to the limit.
    func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled, !state.withLock({ $0.isFinished }) {
                await wanted.waitUnlessCancelled()
                guard let (number, gate) = takeWorker() else { continue }
                group.addTask {
                    _ = await gate.run { await self.work(number, gate) }
                }
            }
        }
    }

    private func takeWorker() -> (Int, StopGate<StopReason>)? {
        state.withLock { state in
            guard state.isWorkerWanted else { return nil }
            state.isWorkerWanted = false
            state.lastWorker += 1
            let gate = StopGate<StopReason>()
            state.workers[state.lastWorker] = gate
            return (state.lastWorker, gate)
        }
    }

    /// Does one run after the other until there is none.
    private func work(_ number: Int, _ gate: StopGate<StopReason>) async {
        var next = takeNext(number)
        while let (ticket, unit, line) = next {
            let step = await attempt(ticket, unit, line, gate)
            next = finish(ticket, unit, step)
        }
    }

    private typealias Work = (DirectSchedule.Ticket, DirectUnit, DirectSchedule.Line)

    /// The next run; a worker without one leaves in the same moment.
    private func takeNext(_ number: Int) -> Work? {
        let (next, isWanted) = state.withLock { takeNext(number, &$0) }
        if isWanted { wanted.notify() }
        return next
    }

    private func takeNext(_ number: Int, _ state: inout State) -> (Work?, isWanted: Bool) {
        let next = state.schedule.next(for: number)
        if next == nil { state.workers[number] = nil }
        return (next, next != nil && wantsWorker(&state))
    }

    /// What follows an attempt.
    private enum Step {
        case end(DirectEnd)
        case again(DirectUnit, after: Duration)
    }

    /// Ends an attempt, and takes the next run in the same step.
    private func finish(_ ticket: DirectSchedule.Ticket, _ unit: DirectUnit, _ step: Step) -> Work? {
        switch step {
        case .end(let end):
            let (isEmpty, next, isWanted) = state.withLock { state in
                let isEmpty = state.schedule.end(ticket) && state.schedule.count == 0
                let (next, isWanted) = takeNext(ticket.worker, &state)
                return (isEmpty, next, isWanted)
            }
            if isWanted { wanted.notify() }
            unit.batch.end(unit.index, end)
            if isEmpty { emptied.notify() }
            return next
        case .again(let unit, let wait):
            let now = time.elapsed
            let (line, isDelayed) = state.withLock { state in
                let isDelayed = state.schedule.delay(ticket, unit, until: now + wait)
                if let due = state.schedule.nextDue { alarms.set(.directRetry, after: max(.zero, due - now)) }
                return (state.schedule.line(unit.line), isDelayed)
            }
            guard isDelayed else { return finish(ticket, unit, .end(.kept(unit.kept(by: line)))) }
            return takeNext(ticket.worker)
        }
    }

    // MARK: One attempt

    private func attempt(
        _ ticket: DirectSchedule.Ticket, _ unit: DirectUnit, _ line: DirectSchedule.Line, _ gate: StopGate<StopReason>
    ) async -> Step {
        // What cannot be done here and now is the store's, as if nothing had happened.
        guard let handler = line.handler, gate.reason == nil else { return .end(.kept(unit.kept(by: line))) }
        if unit.last == nil, unit.deliveries - 1 - line.retry.crashes >= line.retry.mostAttempts {
            return .end(quarantined(unit, line))
        }
        let startedAt = time.now
        let timeout = line.timeout
        let reporter = AttemptReporter(limits: limits) { _ in }
        let context = RunContext(
            id: unit.id, job: line.job, trigger: line.trigger,
            event: unit.input == nil ? unit.event : unit.event.with(input: unit.input),
            attempt: unit.attempts + 1, createdAt: unit.acceptedAt, fencingToken: FencingToken(0), node: node,
            deadline: timeout.map { startedAt + $0 }, logger: logger, reporter: reporter)
        var end: AttemptEnd
        if let timeout {
            end = await call(handler, context, ticket, timeout)
        } else {
            end = await AttemptRunner.call(handler, context, gate).0
        }
        if case .returned(let output) = end {
            do throws(IntakeError) {
                return .end(.done(emitted: try intake.planEmitted(reporter.events)))
            } catch {
                end = .threw(
                    message: ReasonText.cut("what it emitted was refused: \(error)"), disposition: .never,
                    output: output.output)
            }
        }
        return step(after: end, unit, line, startedAt)
    }

    /// Calls a handler that may take so long.
    private func call(
        _ handler: any RunHandler, _ context: RunContext, _ ticket: DirectSchedule.Ticket, _ timeout: Duration
    ) async -> AttemptEnd {
        let gate = StopGate<StopReason>()
        state.withLock { $0.timeouts[ticket] = (gate, timeout) }
        alarms.set(.directTimeout(ticket), after: timeout)
        let end = await gate.run { await AttemptRunner.call(handler, context, gate).0 }
        alarms.remove(.directTimeout(ticket))
        state.withLock { _ = $0.timeouts.removeValue(forKey: ticket) }
        return end ?? .crashed(.charged)
    }

    private func step(
        after end: AttemptEnd, _ unit: DirectUnit, _ line: DirectSchedule.Line, _ startedAt: Timestamp
    ) -> Step {
        let now = time.now
        let decision = random.withGenerator {
            AttemptDecision(
                end, policy: line.retry, history: unit.history, startsOverAt: unit.startsAt,
                isCancelRequested: false, now: now, using: &$0)
        }
        guard let outcome = decision.outcome else { return .end(.kept(unit.kept(by: line))) }
        Counter(label: "nightjar_direct_failures", dimensions: [("job", line.job)]).increment()
        let attempt = Attempt(
            number: unit.attempts + 1, node: node, startedAt: startedAt, endedAt: now, outcome: outcome,
            error: decision.error, output: decision.output)
        switch decision.transition {
        case .retry(let runAt, let history):
            let wait = max(.zero, runAt - now)
            let earlier = EarlierAttempt(attempt, history: history)
            if let redelivery = unit.redelivery {
                // The system would count a snooze as a failure.
                if wait <= redelivery.longestWait, outcome != .snoozed { return .end(.redeliver(after: wait)) }
            } else if unit.order != nil, wait <= Self.longestWaitInPlace {
                return .again(unit.again(earlier, at: runAt), after: wait)
            }
            return .end(.kept(unit.kept(by: line, runAt: runAt, earlier)))
        case .die(let reason, let history):
            return .end(.kept(unit.kept(by: line, EarlierAttempt(attempt, history: history, death: reason))))
        // A run without a lease is neither cancelled by a person nor given back by a store.
        case .complete, .cancel, .release: return .end(.kept(unit.kept(by: line)))
        }
    }

    /// It was delivered more often than its attempts and deaths of nodes allow, and nobody ever answered for it.
    private func quarantined(_ unit: DirectUnit, _ line: DirectSchedule.Line) -> DirectEnd {
        let now = time.now
        let reason = "quarantined: it was delivered \(unit.deliveries - 1) times, and its nodes died with it in hand"
        let attempt = Attempt(
            number: unit.attempts, node: node, startedAt: now, endedAt: now, outcome: .crashed, error: reason)
        return .kept(unit.kept(by: line, EarlierAttempt(attempt, history: unit.history, death: reason)))
    }

    // MARK: Times and ends

    /// An attempt has taken too long.
    func timeOut(_ ticket: DirectSchedule.Ticket) {
        guard let (gate, limit) = state.withLock({ $0.timeouts[ticket] }) else { return }
        gate.stop(.timeout(limit))
    }

    /// The time of some next attempt has come.
    func retry() {
        let now = time.elapsed
        change { state in
            if let due = state.schedule.ring(at: now) { alarms.set(.directRetry, after: max(.zero, due - now)) }
        }
    }

    /// Whoever waits to try the store again has waited long enough.
    func endRest(_ number: Int) {
        state.withLock { $0.rests[number] }?.notify()
    }

    /// Waits until nothing is in hand; cancellation ends the wait too. One task at a time waits.
    func waitUntilEmpty() async {
        while state.withLock({ $0.schedule.count > 0 }), !Task.isCancelled { await emptied.waitUnlessCancelled() }
    }

    /// Nothing comes any more, and nothing is in hand.
    func finish() {
        state.withLock { $0.isFinished = true }
        wanted.notify()
    }

    /// The node stops: what has not begun, or waits for its next attempt, is the store's now.
    func end() {
        let (waiting, isEmpty) = state.withLock { state in
            let waiting = state.schedule.takeWaiting()
            return (waiting, state.schedule.count == 0)
        }
        for (unit, line) in waiting { unit.batch.end(unit.index, .kept(unit.kept(by: line))) }
        if isEmpty { emptied.notify() }
    }

    /// Cancels what runs.
    func stopAll() {
        let gates = state.withLock { $0.workers.sorted { $0.key < $1.key }.map(\.value) }
        for gate in gates { gate.stop(.shutdown) }
    }

    /// Leaves handlers alone that ignore their cancellation: their runs are the store's. From now on nothing waits for a store
    /// that is away.
    func giveUp() {
        let (units, rests) = state.withLock { state in
            state.isGivenUp = true
            return (state.schedule.giveUp(), state.rests.values)
        }
        for (unit, line) in units {
            logger.error(
                "a handler ignored its cancellation; its run is given back without it", metadata: ["run": "\(unit.id)"])
            unit.batch.end(unit.index, .kept(unit.kept(by: line)))
        }
        for rest in rests { rest.notify() }
    }
}

extension RunID {
    /// The id of a run of direct delivery: the same whenever its event is delivered. A UUID of version 8 (RFC 9562, section
    /// 5.8): 48 bits of the event's time in milliseconds, if it has one, and a hash of what makes the run.
    static func direct(of event: Event, job: String) -> RunID {
        var first = Hash64(seed: 0xcbf2_9ce4_8422_2325)
        var second = Hash64(seed: 0x9ae1_6a3b_2f90_404f)
        for text in [event.source, event.id, job] {
            var text = text
            text.withUTF8 { bytes in
                first.add(bytes)
                second.add(bytes)
            }
        }
        let milliseconds = UInt64(max(0, event.time?.microsecondsSince1970 ?? 0) / 1000) & 0xFFFF_FFFF_FFFF
        return RunID(
            high: milliseconds << 16 | 0x8000 | (first.value & 0xFFF),
            low: (second.value & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000)
    }
}

/// FNV-1a over 64 bits, with its end mixed (the finalizer of MurmurHash3).
private struct Hash64 {
    private var state: UInt64

    init(seed: UInt64) { state = seed }

    mutating func add(_ bytes: UnsafeBufferPointer<UInt8>) {
        for byte in bytes { state = (state ^ UInt64(byte)) &* 0x100_0000_01b3 }
        // Where a text ends counts too.
        state = (state ^ 0xFF) &* 0x100_0000_01b3
    }

    var value: UInt64 {
        var value = state
        value = (value ^ (value >> 33)) &* 0xff51_afd7_ed55_8ccd
        value = (value ^ (value >> 33)) &* 0xc4ce_b9fe_1a85_ec53
        return value ^ (value >> 33)
    }
}

extension IntakeRecord {
    /// A record that keeps what a source remembers, and no event of its own: always the same one of the trigger.
    static func stateOnly(_ changes: [SourceStateChange], at now: Timestamp) -> IntakeRecord {
        let event = Event(
            id: changes.first?.trigger ?? "", source: "nightjar:source-state", type: "nightjar.source.state", time: now)
        var state = IntakeRecord(event: event, acceptedAt: now, runs: [], stateChanges: changes)
        state.addressee = .nobody
        return state
    }

    /// The record without runs that are dead: of those there is no news for whoever does runs.
    var living: IntakeRecord {
        var record = self
        record.runs.removeAll { $0.earlier?.death != nil }
        return record
    }
}
