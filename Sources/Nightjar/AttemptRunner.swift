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
            return settle(claimed, end: end, policy: job.policy.retry, emitted: [], startedAt: startedAt)
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
        let end = await gate.run { await Self.call(job.handler, context, gate) } ?? .crashed(.charged)
        if timeout != nil { alarms.remove(.timeout(lease.token)) }
        settle(claimed, end: end, policy: job.policy.retry, emitted: reporter.events, startedAt: startedAt)
    }

    private func context(_ claimed: ClaimedRun, deadline: Timestamp?, reporter: AttemptReporter) -> RunContext {
        var logger = logger
        logger[metadataKey: "run"] = "\(claimed.lease.run)"
        logger[metadataKey: "job"] = "\(claimed.job)"
        logger[metadataKey: "attempt"] = "\(claimed.attempt)"
        var event = claimed.event
        if let input = claimed.input {
            event.data = input
            event.dataContentType = "application/json"
            event.dataSchema = nil
        }
        return RunContext(
            id: claimed.lease.run, job: claimed.job, trigger: claimed.trigger, event: event,
            attempt: claimed.attempt, createdAt: claimed.createdAt, fencingToken: claimed.lease.token, node: node,
            deadline: deadline, logger: logger, reporter: reporter)
    }

    private static func call(
        _ handler: any RunHandler, _ context: RunContext, _ gate: StopGate<StopReason>
    ) async -> AttemptEnd {
        do {
            return .returned(try await handler.run(context))
        } catch {
            let failure = error as? RunFailure
            let message = ReasonText.cut(failure?.message ?? "\(error)")
            if let reason = gate.reason { return .stopped(reason, message: message, output: failure?.output) }
            // Nobody told the gate, so the whole node is being cancelled: that is a shutdown without a drain.
            if Task.isCancelled { return .stopped(.shutdown, message: message, output: failure?.output) }
            return .threw(
                message: message, disposition: failure?.disposition ?? .retry, output: failure?.output,
                code: failure?.code)
        }
    }

    private func settle(
        _ claimed: ClaimedRun, end: AttemptEnd, policy: RetryPolicy, emitted: [Event], startedAt: Timestamp
    ) {
        let now = time.now
        // Not in hand any more: it was given back without waiting for the handler.
        guard let entry = inHand.end(claimed.lease) else { return }
        var end = end
        var records: [IntakeRecord] = []
        if case .returned(let output) = end, let bytes = output.result?.count, bytes > maximumResultBytes {
            end = .threw(
                message: "the result has \(bytes) bytes, the limit is \(maximumResultBytes)", disposition: .never,
                output: output.output)
        }
        if case .returned(let output) = end {
            do throws(IntakeError) {
                records = try intake.planEmitted(emitted)
            } catch {
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
                progress: entry.unsavedProgress, emitted: records))
    }
}
