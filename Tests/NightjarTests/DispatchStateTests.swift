import CloudEvents
import NightjarCore
import Testing

@testable import Nightjar

@Suite("What a node claims next")
struct DispatchStateTests {
    private func state(slots: Int = 10, _ jobs: [String: Int?]) -> DispatchState {
        var state = DispatchState(slots: slots, claimLimit: 100)
        state.configure(jobs.mapValues { JobPolicy(concurrency: $0) })
        return state
    }

    private func demands(_ plan: DispatchState.Plan?) -> [String: Int] {
        Dictionary(uniqueKeysWithValues: (plan?.demands ?? []).map { ($0.job, $0.limit) })
    }

    @Test("each job is asked for as many runs as it has free slots, and the node has")
    func limits() throws {
        var state = state(["a": 3, "b": nil])
        let first = state.plan()
        let plan = try #require(first)
        #expect(demands(plan) == ["a": 3, "b": 10])
        state.claimed(plan, ["a", "a", "b"])
        #expect(state.used == 3)
        // Less came than was asked for, so nothing is left until something says otherwise.
        let next9 = state.plan()
        #expect(next9?.demands == nil)
        state.hint("a")
        let next1 = state.plan()
        #expect(demands(next1) == ["a": 1])
        state.release("a", weight: 1)
        state.hint("a")
        let next2 = state.plan()
        #expect(demands(next2) == ["a": 2])
    }

    @Test("a hint that comes while a claim is under way is not lost")
    func hintDuringClaim() throws {
        var state = state(["a": nil])
        let first = state.plan()
        let plan = try #require(first)
        state.hint("a")
        state.claimed(plan, [])
        let next3 = state.plan()
        #expect(demands(next3) == ["a": 10])
    }

    @Test("a full claim is followed by another without a hint")
    func fullClaim() throws {
        var state = state(slots: 2, ["a": nil])
        let first = state.plan()
        let plan = try #require(first)
        state.claimed(plan, ["a", "a"])
        let next10 = state.plan()
        #expect(next10?.demands == nil)
        state.release("a", weight: 1)
        let next4 = state.plan()
        #expect(demands(next4) == ["a": 1])
    }

    @Test("paused jobs are not asked for, and are again when they are resumed")
    func paused() {
        var state = state(["a": nil, "b": nil])
        state.pause(["a"])
        let next5 = state.plan()
        #expect(demands(next5) == ["b": 10])
        state.pause([])
        let next6 = state.plan()
        #expect(demands(next6) == ["a": 10, "b": 10])
    }

    @Test("a run takes as many slots as its job's weight says, at most all of the node's")
    func weights() throws {
        var state = DispatchState(slots: 8, claimLimit: 100)
        state.configure(["heavy": JobPolicy(weight: 3), "huge": JobPolicy(weight: 99)])
        let first = state.plan()
        let plan = try #require(first)
        #expect(demands(plan) == ["heavy": 2, "huge": 1])
        #expect(plan.demands.map(\.weight) == [3, 8])
        state.claimed(plan, ["heavy", "heavy"])
        #expect(state.used == 6)
        state.release("heavy", weight: 3)
        #expect(state.used == 3 && state.used(by: "heavy") == 1)
    }

    /// A node of four slots, three of them taken by light runs, which come and go for ever.
    private func crowded() throws -> DispatchState {
        var state = DispatchState(slots: 4, claimLimit: 100)
        state.configure(["heavy": JobPolicy(weight: 4), "light": JobPolicy(concurrency: 3)])
        let plan = state.plan()
        state.claimed(try #require(plan), ["light", "light", "light"])
        return state
    }

    @Test("a job whose runs are heavy gets its slots in the end, however many light runs there are")
    func heavyIsNotStarved() throws {
        var state = try crowded()
        var claims = 0
        while claims < 1000 {
            // One light run ends, and another one comes.
            state.release("light", weight: 1)
            state.hint("light")
            state.hint("heavy")
            guard let plan = state.plan() else { break }
            // Once the slots are kept, only whether there still is a heavy run is asked.
            guard demands(plan)["light"] != nil else {
                #expect(demands(plan) == ["heavy": 1])
                state.claimed(plan, [], tooHeavy: ["heavy"])
                break
            }
            state.claimed(plan, ["light"], tooHeavy: ["heavy"])
            claims += 1
        }
        #expect((1..<100).contains(claims), "light runs went before for ever")
        state.release("light", weight: 1)
        state.release("light", weight: 1)
        state.hint("light")
        let last = state.plan()
        #expect(last?.demands.first?.job == "heavy", "it goes first")
        state.claimed(try #require(last), ["heavy"])
        state.release("heavy", weight: 4)
        state.hint("light")
        let after = state.plan()
        #expect(demands(after)["light"] == 3, "nothing is kept any more")
    }

    @Test("no slots are kept for a heavy job without a run, however often it is asked for")
    func nothingIsKeptInVain() throws {
        var state = try crowded()
        for _ in 0..<200 {
            state.release("light", weight: 1)
            state.hintAll()
            let plan = state.plan()
            #expect(demands(plan)["light"] == 1)
            state.claimed(try #require(plan), ["light"])
        }
    }

    @Test("slots that are kept are given up when another node took the heavy run")
    func keptNoLonger() throws {
        var state = try crowded()
        for _ in 0..<16 {
            state.release("light", weight: 1)
            state.hintAll()
            let plan = state.plan()
            state.claimed(try #require(plan), ["light"], tooHeavy: ["heavy"])
        }
        state.release("light", weight: 1)
        state.hintAll()
        let asked = state.plan()
        #expect(demands(asked) == ["heavy": 1], "its slots are kept")
        state.claimed(try #require(asked), [])
        let next = state.plan()
        #expect(demands(next) == ["light": 1])
    }

    @Test("a job with a run that is too heavy is not asked for again before slots get free")
    func noBusyLoop() throws {
        var state = try crowded()
        state.hint("heavy")
        let first = state.plan()
        state.claimed(try #require(first), [], tooHeavy: ["heavy"])
        let second = state.plan()
        #expect(second == nil)
        state.release("light", weight: 1)
        let third = state.plan()
        #expect(demands(third)["heavy"] == 1)
    }

    @Test("a job heavier than a claim may bring runs is claimed all the same")
    func heavierThanAClaim() throws {
        var state = DispatchState(slots: 64, claimLimit: 4)
        state.configure(["heavy": JobPolicy(weight: 32), "light": JobPolicy()])
        let plan = state.plan()
        #expect(demands(plan) == ["heavy": 2, "light": 4])
        #expect(plan?.mostRuns == 4 && plan?.limit == 64)
        // As many runs as a claim may bring: there may be more of each.
        state.claimed(try #require(plan), ["heavy", "light", "light", "light"])
        let next = state.plan()
        #expect(demands(next) == ["heavy": 1, "light": 4])
    }

    @Test("which job is served first rotates")
    func rotation() {
        var state = state(["a": nil, "b": nil, "c": nil])
        var served: [String?] = []
        for _ in 0..<4 { served.append(state.plan()?.demands.first?.job) }
        #expect(served == ["a", "b", "c", "a"])
    }

    @Test("a job that a reload took away keeps its slots until its runs have ended")
    func reload() throws {
        var state = state(slots: 3, ["old": nil])
        let first = state.plan()
        let plan = try #require(first)
        state.claimed(plan, ["old", "old"])
        state.configure(["new": JobPolicy()])
        let next7 = state.plan()
        #expect(demands(next7) == ["new": 1])
        state.release("old", weight: 1)
        state.release("old", weight: 1)
        #expect(state.used(by: "old") == 0)
        let next8 = state.plan()
        #expect(demands(next8) == ["new": 3])
    }

    @Test("a job that went away while its runs were being claimed keeps count of them when it comes back")
    func reloadDuringClaim() throws {
        var state = state(slots: 3, ["old": nil])
        let first = state.plan()
        let plan = try #require(first)
        state.configure([:])
        state.claimed(plan, ["old", "old"])
        #expect(state.used(by: "old") == 2)
        state.configure(["old": JobPolicy(concurrency: 2)])
        let full = state.plan()
        #expect(full == nil, "its two slots are taken")
        state.release("old", weight: 1)
        state.release("old", weight: 1)
        #expect(state.used(by: "old") == 0 && state.used == 0)
        let next = state.plan()
        #expect(demands(next) == ["old": 2])
    }

    @Test("deadlines come out in order, replaced and removed ones never")
    func deadlines() {
        func at(_ seconds: Int64) -> Duration { .seconds(seconds) }
        var queue = DeadlineQueue<String>()
        var wasEarliest = [queue.set("b", at: at(2)), queue.set("a", at: at(1)), queue.set("c", at: at(3))]
        #expect(wasEarliest == [true, true, false])
        wasEarliest = [queue.set("a", at: at(5))]
        queue.remove("c")
        var earliest = queue.earliest
        #expect(wasEarliest == [false] && earliest == at(2))
        let due = [queue.due(at: at(1)), queue.due(at: at(9))]
        #expect(due == [[], ["b", "a"]])
        earliest = queue.earliest
        #expect(earliest == nil && queue.count == 0)
        // Many replacements leave no more behind than a few.
        for second in 0..<10_000 { _ = queue.set("x", at: at(Int64(second))) }
        let last = queue.due(at: at(20_000))
        #expect(last == ["x"])
    }
}
