import CloudEvents
import Logging
import NightjarCore

/// Makes one attempt at a claimed run: calls the handler, stops it when it must end, decides what follows.
struct AttemptRunner: Sendable {
    let node: NodeID
    let time: any TimeSource
    let random: RandomSource
    let alarms: Alarms
    let inHand: RunsInHand
    let intake: StoreIntake
    let settler: Settler
    let limits: AttemptReporter.Limits
    let maximumResultBytes: Int
    let onProgress: @Sendable (RunUpdate) -> Void
    let logger: Logger

    /// Does a run that is in hand, and submits what became of it.
    ///
    /// - Parameters:
    ///   - job: the job as configured now; `nil` if it is gone, which gives the run back.
    ///   - isStopping: whether the node stops, which gives it back too: whoever stops the node after this was asked finds
    ///     the run in hand.
    func run(_ claimed: ClaimedRun, job: Job?, isStopping: () -> Bool) async {
        let lease = claimed.lease
        let startedAt = time.now
        let timeout = job?.policy.timeout
        guard let gate = inHand.begin(lease, timeout: timeout) else { return }
        guard let job, !isStopping() else {
            _ = inHand.end(lease)
            settler.submit(Settlement(lease: lease, attempt: nil, transition: .release, at: startedAt))
            return
        }
        if let reason = gate.reason {
            let end = AttemptEnd.stopped(reason, message: "stopped before it began", output: nil)
            return settle(
                claimed, end: end, done: [], policy: job.policy.retry, emitted: [], startedAt: startedAt)
        }
        let deadline = timeout.map { startedAt + $0 }
        if let timeout { alarms.set(.timeout(lease.token), after: timeout) }
        let reporter = AttemptReporter(limits: limits) { progress in
            guard inHand.setProgress(progress, of: lease) else { return }
            onProgress(
                RunUpdate(
                    run: lease.run, job: claimed.job, trigger: claimed.trigger, state: .running,
                    attempt: claimed.attempt, progress: progress, at: time.now))
        }
        let context = context(claimed, deadline: deadline, reporter: reporter)
        let (end, done) = await gate.run { await Self.call(job.handler, context, gate) } ?? (.crashed(.charged), [])
        if timeout != nil { alarms.remove(.timeout(lease.token)) }
        settle(
            claimed, end: end, done: done.map { claimed.items[$0].position }, policy: job.policy.retry,
            emitted: reporter.events, startedAt: startedAt)
    }

    private func context(_ claimed: ClaimedRun, deadline: Timestamp?, reporter: AttemptReporter) -> RunContext {
        let items = claimed.items.map { $0.event.with(input: $0.input) }
        var event = claimed.event.with(input: claimed.input)
        if !items.isEmpty {
            event.data = JSONEventFormat.encodeBatch(items)
            event.dataContentType = JSONEventFormat.batchContentType
            event.dataSchema = nil
        }
        return RunContext(
            id: claimed.lease.run, job: claimed.job, trigger: claimed.trigger, event: event,
            attempt: claimed.attempt, createdAt: claimed.createdAt, fencingToken: claimed.lease.token, node: node,
            deadline: deadline, logger: logger, items: items, reporter: reporter)
    }

    /// How the attempt ended, and the indices of the items that are done though others failed.
    static func call(
        _ handler: any RunHandler, _ context: RunContext, _ gate: StopGate<StopReason>
    ) async -> (AttemptEnd, done: [Int]) {
        do {
            return (.returned(try await handler.run(context)), [])
        } catch {
            let batch = error as? BatchFailure
            let end = Self.end(of: error, batch, context, gate)
            // What a handler says that was stopped, it says of what it had come to: the others it did not do.
            if case .stopped = end { return (end, []) }
            return (end, batch?.done(of: context.items.count) ?? [])
        }
    }

    private static func end(
        of error: any Error, _ batch: BatchFailure?, _ context: RunContext, _ gate: StopGate<StopReason>
    ) -> AttemptEnd {
        let failure =
            batch.map {
                RunFailure($0.message(of: context.items.count), $0.disposition, code: $0.code, output: $0.output)
            } ?? error as? RunFailure
        let message = ReasonText.cut(failure?.message ?? "\(error)")
        if let reason = gate.reason { return .stopped(reason, message: message, output: failure?.output) }
        // Nobody told the gate, so the whole node is being cancelled: that is a shutdown without a drain.
        if Task.isCancelled { return .stopped(.shutdown, message: message, output: failure?.output) }
        return .threw(
            message: message, disposition: failure?.disposition ?? .retry, output: failure?.output, code: failure?.code)
    }

    private func settle(
        _ claimed: ClaimedRun, end: AttemptEnd, done: [Int], policy: RetryPolicy, emitted: [Event],
        startedAt: Timestamp
    ) {
        let now = time.now
        // Not in hand any more: it was given back without waiting for the handler.
        guard let entry = inHand.end(claimed.lease) else { return }
        var end = end
        var done = done
        var records: [IntakeRecord] = []
        if case .returned(let output) = end, let bytes = output.result?.count, bytes > maximumResultBytes {
            end = .threw(
                message: "the result has \(bytes) bytes, the limit is \(maximumResultBytes)", disposition: .never,
                output: output.output)
        }
        if let output = end.output(ofAny: !done.isEmpty) {
            do throws(IntakeError) {
                records = try intake.planEmitted(emitted)
            } catch {
                done = []
                end = .threw(
                    message: ReasonText.cut("what it emitted was refused: \(error)"), disposition: .never,
                    output: output.output)
            }
        }
        let decision = random.withGenerator {
            AttemptDecision(
                end, policy: policy, history: claimed.history, startsOverAt: claimed.startsOverAt,
                isCancelRequested: entry.isCancelRequested, now: now, using: &$0)
        }
        let attempt = decision.outcome.map {
            Attempt(
                number: claimed.attempt, node: node, startedAt: startedAt, endedAt: now, outcome: $0,
                error: decision.error, output: decision.output)
        }
        settler.submit(
            Settlement(
                lease: claimed.lease, attempt: attempt, transition: decision.transition, at: now,
                progress: entry.unsavedProgress, emitted: records, doneItems: done))
    }
}

extension AttemptEnd {
    /// What the attempt produced, if it did its work, or a part of it.
    fileprivate func output(ofAny isPartlyDone: Bool) -> RunOutput? {
        switch self {
        case .returned(let output): output
        case .threw(_, _, let output, _) where isPartlyDone: RunOutput(output: output)
        default: nil
        }
    }
}
