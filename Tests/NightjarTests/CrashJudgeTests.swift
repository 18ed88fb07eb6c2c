import CloudEvents
import NightjarCore
import Testing

@testable import Nightjar

@Suite("Who is charged with a node's death")
struct CrashJudgeTests {
    private static let now = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)

    private func run(_ number: UInt64, on node: NodeID, crashes: Int = 0) -> ExpiredRun {
        ExpiredRun(
            job: "send",
            lease: Lease(run: RunID(high: 1, low: number), token: Int64(number), node: node, expiresAt: Self.now),
            attempt: 1, startedAt: Self.now, history: RunHistory(crashes: crashes), startsOverAt: Self.now,
            isCancelRequested: false)
    }

    @Test("all that it had in hand, if none was suspected before")
    func noSuspect() {
        var judge = CrashJudge(memory: .seconds(30))
        let verdicts = judge.judge([run(1, on: "a"), run(2, on: "a")], at: Self.now)
        #expect(verdicts == [.charged, .charged])
    }

    @Test("the suspect alone, if there was one; each node for itself")
    func suspect() {
        var judge = CrashJudge(memory: .seconds(30))
        let runs = [run(1, on: "a"), run(2, on: "b"), run(3, on: "a", crashes: 2), run(4, on: "a")]
        let verdicts = judge.judge(runs, at: Self.now)
        #expect(verdicts == [.spared, .charged, .charged, .spared])
    }

    @Test("the suspect alone also where the other leases of its node run out a little later")
    func later() {
        var judge = CrashJudge(memory: .seconds(30))
        _ = judge.judge([run(1, on: "a", crashes: 1)], at: Self.now)
        let soon = judge.judge([run(2, on: "a"), run(3, on: "b")], at: Self.now + .seconds(10))
        #expect(soon == [.spared, .charged])
        let muchLater = judge.judge([run(4, on: "a")], at: Self.now + .seconds(31))
        #expect(muchLater == [.charged])
    }

    @Test("what is remembered is forgotten when the clock is set back")
    func clockSetBack() {
        var judge = CrashJudge(memory: .seconds(30))
        _ = judge.judge([run(1, on: "a", crashes: 1)], at: Self.now)
        let verdicts = judge.judge([run(2, on: "a")], at: Self.now - .seconds(3600))
        #expect(verdicts == [.charged])
    }
}
