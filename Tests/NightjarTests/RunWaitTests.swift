import CloudEvents
import Expressions
import NightjarCore
import Testing

@Suite("What a run waits for")
struct RunWaitTests {
    private static let now = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)
    private static let id = RunID(high: 1, low: 5)
    private static let other = RunID(high: 1, low: 1)

    private func circumstances(_ change: (inout RunCircumstances) -> Void = { _ in }) -> RunCircumstances {
        var found = RunCircumstances(
            run: Self.id, job: "send", state: .available, runAt: Self.now, trigger: "orders", key: "a",
            isSuspect: false, pauses: [], firstOfKey: Self.id)
        change(&found)
        return found
    }

    private func policy(_ perKey: KeyPolicy = KeyPolicy(), rate: RateLimit? = nil) throws -> JobPolicy {
        JobPolicy(rate: rate, key: try CELExpression("event.subject", in: .event), perKey: perKey)
    }

    private func wait(_ circumstances: RunCircumstances, _ policy: JobPolicy?) -> RunWait? {
        RunWait(circumstances, policy: policy, now: Self.now)
    }

    @Test(
        "a run that runs or is finished waits for nothing",
        arguments: [RunState.running, .completed, .dead, .cancelled])
    func nothing(state: RunState) throws {
        #expect(wait(circumstances { $0.state = state }, try policy()) == nil)
    }

    @Test("its time, until that has come")
    func time() throws {
        let later = Self.now + .seconds(5)
        for state in [RunState.scheduled, .retryable] {
            let early = circumstances {
                $0.state = state
                $0.runAt = later
                $0.pauses = [Pause(.job, "send")]
            }
            #expect(wait(early, try policy()) == .time(later))
            #expect(wait(circumstances { $0.state = state }, try policy()) == .capacity)
        }
    }

    @Test("a pause of its job, its trigger or its key, and of no other")
    func pause() throws {
        let own = [Pause(.job, "send"), Pause(.trigger, "orders"), Pause(key: "a", ofJob: "send")]
        for pause in own { #expect(wait(circumstances { $0.pauses = [pause] }, try policy()) == .pause(pause)) }
        let others: Set = [Pause(.job, "orders"), Pause(.trigger, "send"), Pause(key: "b", ofJob: "send")]
        #expect(wait(circumstances { $0.pauses = others }, try policy()) == .capacity)
    }

    @Test("its key: a run before it, as many as may run, or a dead run that stops it")
    func key() throws {
        let ordered = try policy(KeyPolicy(isOrdered: true))
        let two = try policy(KeyPolicy(concurrency: 2))
        #expect(wait(circumstances { $0.firstOfKey = Self.other }, ordered) == .key("a", heldBy: Self.other))
        #expect(wait(circumstances { $0.runningOfKey = [Self.other] }, ordered) == .key("a", heldBy: Self.other))
        #expect(wait(circumstances(), ordered) == .capacity)
        #expect(wait(circumstances { $0.runningOfKey = [Self.other] }, two) == .capacity)
        let full = circumstances { $0.runningOfKey = [Self.other, RunID(high: 1, low: 2)] }
        #expect(wait(full, two) == .key("a", heldBy: Self.other))
        #expect(wait(circumstances { $0.stoppedBy = Self.other }, two) == .stop("a", deadRun: Self.other))
        #expect(wait(circumstances { $0.stoppedBy = Self.other }, JobPolicy()) == .capacity, "keys do not matter")
    }

    @Test("a rate, until it lets the run start")
    func rate() throws {
        let rate = RateLimit(1, per: .seconds(10))
        let next = Self.now + .seconds(4)
        let ofKey = circumstances { $0.arrivalOfKey = next }
        #expect(wait(ofKey, try policy(KeyPolicy(rate: rate))) == .rate(until: next, key: "a"))
        let ofJob = circumstances { $0.arrivalOfJob = next }
        #expect(wait(ofJob, try policy(rate: rate)) == .rate(until: next, key: nil))
        #expect(wait(ofJob, try policy(rate: RateLimit(1, per: .seconds(10), excess: .drop))) == .capacity)
    }

    @Test("other suspects, a node that knows the job, a free slot")
    func others() throws {
        let suspect = circumstances {
            $0.isSuspect = true
            $0.runningSuspects = [Self.other]
        }
        #expect(wait(suspect, try policy()) == .suspects(running: Self.other))
        #expect(wait(circumstances { $0.runningSuspects = [Self.other] }, try policy()) == .capacity)
        #expect(wait(circumstances(), nil) == .job("send"))
        #expect("\(RunWait.job("send"))".contains("send"))
    }
}
