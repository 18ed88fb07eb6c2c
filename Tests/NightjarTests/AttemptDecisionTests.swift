import CloudEvents
import NightjarCore
import NightjarTestKit
import Testing

@testable import Nightjar

@Suite("What follows an attempt")
struct AttemptDecisionTests {
    private static let now = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)
    private static let policy = RetryPolicy(
        attempts: 3, from: .seconds(1), upTo: .seconds(10), jitter: false, snoozes: 2, crashes: 2)

    private func decide(
        _ end: AttemptEnd, _ history: RunHistory = RunHistory(), policy: RetryPolicy = policy,
        startsOverAt: Timestamp = now, isCancelRequested: Bool = false
    ) -> AttemptDecision {
        var generator = SeededGenerator(seed: 1)
        return AttemptDecision(
            end, policy: policy, history: history, startsOverAt: startsOverAt, isCancelRequested: isCancelRequested,
            now: Self.now, using: &generator)
    }

    private func threw(_ disposition: RunFailure.Disposition, code: String? = nil) -> AttemptEnd {
        .threw(message: "broken", disposition: disposition, output: nil, code: code)
    }

    @Test("with a schedule each retry has a wait of its own, and the last one stands for all that follow")
    func schedule() {
        let waits: [Duration] = [.seconds(1), .seconds(30)]
        #expect(RetryPolicy.schedule(waits).attempts == 3)
        let policy = RetryPolicy(attempts: 9, backoff: .schedule(waits))
        for (failures, wait) in [(0, 1), (1, 30), (2, 30), (7, 30)] {
            #expect(
                decide(threw(.retry), RunHistory(failures: failures), policy: policy).transition
                    == .retry(at: Self.now + .seconds(wait), history: RunHistory(failures: failures + 1)))
        }
    }

    @Test("a failure is treated as the first rule with its code says, a timeout by the code timeout")
    func rules() {
        var policy = Self.policy
        policy.rules = [
            .never("65", "404"), .init(codes: ["503"], attempts: 9, backoff: .schedule([.seconds(60)])),
            .init(codes: ["503", "timeout"], backoff: .schedule([.seconds(7)])),
        ]
        #expect(
            decide(threw(.retry, code: "65"), policy: policy).transition
                == .die(reason: "broken", history: RunHistory(failures: 1)))
        #expect(
            decide(threw(.retry, code: "503"), RunHistory(failures: 7), policy: policy).transition
                == .retry(at: Self.now + .seconds(60), history: RunHistory(failures: 8)))
        #expect(
            decide(threw(.retry, code: "503"), RunHistory(failures: 8), policy: policy).transition
                == .die(reason: "broken", history: RunHistory(failures: 9)))
        #expect(
            decide(.stopped(.timeout(.seconds(3)), message: "x", output: nil), policy: policy).transition
                == .retry(at: Self.now + .seconds(7), history: RunHistory(failures: 1)))
        #expect(
            decide(threw(.retry, code: "1"), policy: policy).transition
                == .retry(at: Self.now + .seconds(1), history: RunHistory(failures: 1)))
    }

    @Test("no attempt begins after the deadline, whatever asks for one")
    func deadline() {
        var policy = Self.policy
        policy.deadline = .seconds(60)
        let inTime = Self.now - .seconds(59)
        let late = inTime - .milliseconds(1)
        let ends = [threw(.retry), threw(.retryAfter(.seconds(1))), threw(.snooze(.seconds(1)))]
        for end in ends {
            guard case .retry = decide(end, policy: policy, startsOverAt: inTime).transition else {
                Issue.record("\(end) is not retried in time")
                continue
            }
            guard case .die(let reason, _) = decide(end, policy: policy, startsOverAt: late).transition else {
                Issue.record("\(end) is retried past the deadline")
                continue
            }
            #expect(reason == "past its deadline, 60.0 seconds after its acceptance: broken")
        }
        guard
            case .retry = decide(.crashed(.charged), policy: policy, startsOverAt: Self.now - .seconds(60)).transition,
            case .die = decide(.crashed(.charged), policy: policy, startsOverAt: Self.now - .seconds(61)).transition
        else {
            Issue.record("a crash does not heed the deadline")
            return
        }
    }

    @Test("a handler that returns completes the run, even one that was asked to cancel")
    func returned() {
        for isCancelRequested in [false, true] {
            let decision = decide(.returned(RunOutput(result: [1], output: [2])), isCancelRequested: isCancelRequested)
            #expect(decision.outcome == .completed)
            #expect(decision.transition == .complete(result: [1]))
            #expect(decision.output == [2])
        }
    }

    @Test("failures are retried with doubled waits until the attempts are used up")
    func failures() {
        #expect(
            decide(threw(.retry)).transition == .retry(at: Self.now + .seconds(1), history: RunHistory(failures: 1)))
        #expect(
            decide(threw(.retry), RunHistory(failures: 1)).transition
                == .retry(at: Self.now + .seconds(2), history: RunHistory(failures: 2)))
        #expect(
            decide(threw(.retry), RunHistory(failures: 2)).transition
                == .die(reason: "broken", history: RunHistory(failures: 3)))
    }

    @Test("a handler chooses when it is tried again, and that it never is")
    func dispositions() {
        #expect(
            decide(threw(.retryAfter(.seconds(77)))).transition
                == .retry(at: Self.now + .seconds(77), history: RunHistory(failures: 1)))
        #expect(decide(threw(.never)).transition == .die(reason: "broken", history: RunHistory(failures: 1)))
    }

    @Test("a request to be tried later is no failure, but is not granted for ever")
    func snoozes() {
        let first = decide(threw(.snooze(.seconds(5))))
        #expect(first.outcome == .snoozed)
        #expect(first.transition == .retry(at: Self.now + .seconds(5), history: RunHistory(snoozes: 1)))
        guard case .die(_, let history) = decide(threw(.snooze(nil)), RunHistory(snoozes: 2)).transition else {
            Issue.record("the run goes on for ever")
            return
        }
        #expect(history == RunHistory(snoozes: 3))
    }

    @Test("a timeout is a failure; a shutdown is no attempt; a lost lease settles nothing")
    func stopped() {
        let timeout = decide(.stopped(.timeout(.seconds(3)), message: "cancelled", output: nil))
        #expect(timeout.outcome == .timedOut)
        #expect(timeout.transition == .retry(at: Self.now + .seconds(1), history: RunHistory(failures: 1)))
        let shutdown = decide(.stopped(.shutdown, message: "cancelled", output: nil))
        #expect(shutdown.outcome == nil && shutdown.transition == .release)
        #expect(decide(.stopped(.leaseLost, message: "cancelled", output: nil)).transition == .release)
        let reasons: [StopReason] = [.shutdown, .timeout(.seconds(3)), .cancelled]
        for reason in reasons {
            #expect(
                decide(.stopped(reason, message: "x", output: nil), isCancelRequested: true).transition
                    == .cancel(reason: "cancelled by hand"))
        }
    }

    @Test("a crash counts apart from failures, and quarantines a run that keeps killing its node")
    func crashes() {
        let first = decide(.crashed(.charged), RunHistory(failures: 2))
        #expect(first.outcome == .crashed)
        #expect(first.transition == .retry(at: Self.now, history: RunHistory(failures: 2, crashes: 1)))
        guard case .die(let reason, _) = decide(.crashed(.charged), RunHistory(crashes: 1)).transition else {
            Issue.record("the run is not quarantined")
            return
        }
        #expect(reason.contains("quarantined"))
        #expect(decide(.crashed(.charged), isCancelRequested: true).transition == .cancel(reason: "cancelled by hand"))
    }

    @Test("a crash that another run is charged with counts nothing, however often it happens")
    func sparedOfCrash() {
        let history = RunHistory(failures: 1, crashes: 1)
        let decision = decide(.crashed(.spared), history)
        #expect(decision.outcome == .crashed)
        #expect(decision.error?.contains("another run is charged") == true)
        #expect(decision.transition == .retry(at: Self.now, history: history))
        #expect(decide(.crashed(.spared), isCancelRequested: true).transition == .cancel(reason: "cancelled by hand"))
    }

    @Test("a rule for the code of a failure wins over the handler that would never retry it")
    func ruleWinsOverNever() {
        var policy = Self.policy
        policy.rules = [.init(codes: ["404"], attempts: 3, backoff: .schedule([.seconds(5)]))]
        #expect(
            decide(threw(.never, code: "404"), policy: policy).transition
                == .retry(at: Self.now + .seconds(5), history: RunHistory(failures: 1)))
        #expect(
            decide(threw(.never, code: "404"), RunHistory(failures: 2), policy: policy).transition
                == .die(reason: "broken", history: RunHistory(failures: 3)))
        for code in [nil, "400"] {
            #expect(
                decide(threw(.never, code: code), policy: policy).transition
                    == .die(reason: "broken", history: RunHistory(failures: 1)))
        }
    }

    @Test("full jitter draws waits from zero up to the doubled bound, never above the limit")
    func jitter() {
        let policy = RetryPolicy(attempts: 100, from: .seconds(1), upTo: .seconds(8))
        var generator = SeededGenerator(seed: 7)
        for failures in 1...70 {
            let bound = Duration.seconds(min(8, 1 << min(failures - 1, 10)))
            let waits = (0..<200).map { _ in policy.delay(afterFailure: failures, using: &generator) }
            #expect(waits.allSatisfy { $0 >= .zero && $0 <= bound })
            #expect(waits.contains { $0 < bound / 2 } && waits.contains { $0 > bound / 2 })
        }
    }
}
