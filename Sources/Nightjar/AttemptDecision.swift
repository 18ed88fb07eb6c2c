import CloudEvents
import NightjarCore

/// How an attempt ended, as its worker saw it.
enum AttemptEnd: Sendable {
    /// The handler returned.
    case returned(RunOutput)
    /// The handler threw, of its own accord.
    case threw(message: String, disposition: RunFailure.Disposition, output: [UInt8]?, code: String? = nil)
    /// The handler was stopped and threw.
    case stopped(StopReason, message: String, output: [UInt8]?)
    /// Its node died, or lost the lease.
    case crashed(CrashVerdict)
}

/// Why a handler is stopped.
enum StopReason: Sendable, Hashable {
    case timeout(Duration)
    case cancelled
    case shutdown
    case leaseLost
}

/// Decides what follows an attempt: a pure function of how it ended, the job's policy and the run's history.
struct AttemptDecision: Sendable {
    /// What the run's history gets; `nil` if the attempt does not count.
    var outcome: Attempt.Outcome?
    var error: String?
    var output: [UInt8]?
    /// Where the run goes. If it is another node's by now, the store refuses this.
    var transition: Settlement.Transition

    init(
        _ end: AttemptEnd, policy: RetryPolicy, history: RunHistory, startsOverAt: Timestamp,
        isCancelRequested: Bool, now: Timestamp, using random: inout some RandomNumberGenerator
    ) {
        let next = Next(policy: policy, history: history, startsOverAt: startsOverAt, now: now)
        switch end {
        case .returned(let produced):
            outcome = .completed
            output = produced.output
            transition = .complete(result: produced.result)
        case .threw(let message, let disposition, let written, let code):
            error = message
            output = written
            if isCancelRequested {
                outcome = .cancelled
                transition = .cancel(reason: Settlement.cancelledByHand)
                return
            }
            let isSnooze = if case .snooze = disposition { true } else { false }
            outcome = isSnooze ? .snoozed : .failed
            transition = next.transition(after: disposition, message: message, code: code, using: &random)
        case .stopped(let reason, let message, let written):
            output = written
            switch reason {
            case .timeout(let limit):
                let message = "timed out after \(limit)"
                outcome = .timedOut
                error = message
                transition =
                    isCancelRequested
                    ? .cancel(reason: Settlement.cancelledByHand)
                    : next.transition(after: .retry, message: message, code: "timeout", using: &random)
            case .cancelled:
                outcome = .cancelled
                error = message
                transition = .cancel(reason: Settlement.cancelledByHand)
            case .shutdown where isCancelRequested, .leaseLost where isCancelRequested:
                outcome = .cancelled
                error = message
                transition = .cancel(reason: Settlement.cancelledByHand)
            case .shutdown, .leaseLost:
                transition = .release
            }
        case .crashed(let verdict):
            outcome = .crashed
            error = verdict.reason
            var history = history
            if verdict == .charged { history.crashes += 1 }
            if isCancelRequested {
                transition = .cancel(reason: Settlement.cancelledByHand)
            } else if verdict == .charged, history.crashes >= policy.crashes {
                let deaths = history.crashes == 1 ? "1 node" : "\(history.crashes) nodes"
                transition = .die(reason: "quarantined: \(deaths) died with the run in hand", history: history)
            } else {
                transition = next.retry(after: .zero, "its node died", history)
            }
        }
    }
}

/// Decides what follows a failure.
private struct Next {
    let policy: RetryPolicy
    let history: RunHistory
    let startsOverAt: Timestamp
    let now: Timestamp

    func transition(
        after disposition: RunFailure.Disposition, message: String, code: String?,
        using random: inout some RandomNumberGenerator
    ) -> Settlement.Transition {
        var history = history
        let rule = policy.rule(for: code)
        let attempts = rule?.attempts ?? policy.attempts
        let backoff = rule?.backoff ?? policy.backoff
        switch disposition {
        case .never where rule == nil:
            history.failures += 1
            return .die(reason: message, history: history)
        case .snooze(let delay):
            history.snoozes += 1
            if history.snoozes > policy.snoozes {
                return .die(reason: "asked to be tried later \(history.snoozes) times: \(message)", history: history)
            }
            return retry(after: delay ?? backoff.delay(afterFailure: history.snoozes, using: &random), message, history)
        // What someone wrote down for this very failure says more than what handlers make of such failures by default.
        case .never, .retry, .retryAfter:
            history.failures += 1
            if history.failures >= attempts { return .die(reason: message, history: history) }
            let drawn = backoff.delay(afterFailure: history.failures, using: &random)
            let wait = if case .retryAfter(let asked) = disposition { asked } else { drawn }
            return retry(after: wait, message, history)
        }
    }

    func retry(after wait: Duration, _ message: String, _ history: RunHistory) -> Settlement.Transition {
        let runAt = now + max(.zero, wait)
        if let deadline = policy.deadline, runAt > startsOverAt + deadline {
            return .die(reason: "past its deadline, \(deadline) after its acceptance: \(message)", history: history)
        }
        return .retry(at: runAt, history: history)
    }
}
