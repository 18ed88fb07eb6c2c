import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// How many runs may start in a time.
    static let rates: [RunStoreCase] = [
        .scene("a job's rate lets its burst start at once, then one after the other, and says when the next may") {
            scene in
            for number in 1...5 { try await scene.accept("e\(number)") }
            let rate = RateLimit(1, per: .seconds(10), burst: 2)
            func claim(_ second: Int) async throws -> ClaimResult {
                try await scene.claimResult([.init(job: "send", limit: 9, rate: rate)], at: scene.second(second))
            }
            let first = try await claim(1)
            try expect("the burst", first.runs.count, 2)
            try expect("the next", first.nextDueAt, scene.second(11))
            try expect("too early", try await claim(10).runs.count, 0)
            try expect("in time", try await claim(11).runs.count, 1)
            try expect("saved while idle", try await claim(60).runs.count, 2)
        },
        .scene("a key's rate delays the runs of that key alone") { scene in
            for number in 1...3 { _ = try await scene.keyed("a\(number)", "a") }
            _ = try await scene.keyed("b1", "b")
            let policy = KeyPolicy(rate: RateLimit(1, per: .seconds(10), burst: 1))
            func claim(_ second: Int) async throws -> ClaimResult {
                try await scene.claimResult([.init(job: "send", limit: 9, perKey: policy)], at: scene.second(second))
            }
            let first = try await claim(1)
            try expect("one of each", first.runs.map(\.event.id), ["a1", "b1"])
            try expect("the next", first.nextDueAt, scene.second(11))
            try expect("too early", try await claim(10).runs.count, 0)
            try expect("in time", try await claim(12).runs.map(\.event.id), ["a2"])
        },
        .scene("beyond a rate that drops no run is made, and the event's decisions say why") { scene in
            let drops = NewRun.DropLimits(
                job: RateLimit(3, per: .seconds(60)), key: RateLimit(1, per: .seconds(60)))
            func accept(_ id: String, _ key: String, at second: Int = 0) async throws -> Acceptance {
                var run = scene.newRun("send", trigger: "orders", runAt: second)
                run.key = key
                run.dropsBeyond = drops
                let answers = try await scene.store.accept([scene.record(id, [run], at: second)])
                return try require("an answer", answers.first)
            }
            try expect("a1", try await accept("a1", "a").runs.count, 1)
            let dropped = try await accept("a2", "a")
            try expect("beyond the key's", dropped.runs, [])
            try expect("durable all the same", dropped.outcome, .accepted)
            let decision = try require("a decision", try await scene.record(of: "a2").decisions.first)
            try expect("its outcome", decision.outcome, .refused)
            try expect("its job", decision.job, "send")
            try expect("its reason", decision.reason ?? "", drops.key?.dropReason(key: "a") ?? "?")
            try expect("b1", try await accept("b1", "b").runs.count, 1)
            try expect("c1", try await accept("c1", "c").runs.count, 1)
            try expect("beyond the job's", try await accept("d1", "d").runs, [])
            try expect("what was dropped does not count", try await accept("d2", "d", at: 20).runs.count, 1)
            try expect("known already", try await accept("a1", "a", at: 20).runs.count, 1)
        },
        .scene("a rate lets runs start again at once after the clock was set back, or the limit was mended") { scene in
            for number in 1...6 { try await scene.accept("e\(number)", at: 10, runAt: 10) }
            func claim(_ rate: RateLimit, _ second: Int) async throws -> Int {
                let demand = ClaimRequest.Demand(job: "send", limit: 9, rate: rate)
                let result = try await scene.claimResult([demand], at: scene.second(second))
                return result.runs.count
            }
            let slow = RateLimit(1, per: .seconds(3600))
            try expect("the first", try await claim(slow, 5000), 1)
            try expect("no second", try await claim(slow, 5001), 0)
            // Mended: the next waits no longer than the new limit says.
            let fast = RateLimit(1, per: .seconds(10))
            try expect("mended", try await claim(fast, 5002), 0)
            try expect("mended", try await claim(fast, 5012), 1)
            // Set back: as long as after a run that started just now.
            try expect("set back", try await claim(fast, 100), 0)
            try expect("set back", try await claim(fast, 110), 1)
        },
        .scene("a key's rate lets runs start again at once after the clock was set back, or the limit was mended") {
            scene in
            for number in 1...6 { try await scene.keyed("e\(number)", "a", at: 10) }
            func claim(_ rate: RateLimit, _ second: Int) async throws -> ClaimResult {
                try await scene.claimResult(
                    [.init(job: "send", limit: 9, perKey: KeyPolicy(rate: rate))], at: scene.second(second))
            }
            let slow = RateLimit(1, per: .seconds(3600))
            try expect("the first", try await claim(slow, 5000).runs.count, 1)
            try expect("the next", try await claim(slow, 5001).nextDueAt, scene.second(8600))
            let fast = RateLimit(1, per: .seconds(10))
            let mended = try await claim(fast, 5002)
            try expect("mended", mended.runs.count, 0)
            try expect("mended", mended.nextDueAt, scene.second(5012))
            try expect("mended", try await claim(fast, 5012).runs.count, 1)
            try expect("set back", try await claim(fast, 100).runs.count, 0)
            try expect("set back", try await claim(fast, 110).runs.count, 1)
        },
        .scene("a drop limit makes runs again after the clock was set back") { scene in
            let drops = NewRun.DropLimits(job: RateLimit(1, per: .seconds(10)), key: RateLimit(1, per: .seconds(10)))
            func accept(_ id: String, at second: Int) async throws -> Int {
                var run = scene.newRun("send", runAt: second)
                run.key = "a"
                run.dropsBeyond = drops
                let answers = try await scene.store.accept([scene.record(id, [run], at: second)])
                return try require("an answer", answers.first).runs.count
            }
            try expect("the first", try await accept("e1", at: 5000), 1)
            try expect("set back", try await accept("e2", at: 100), 0)
            try expect("set back", try await accept("e3", at: 111), 1)
        },
        .scene("a key without a run that waits says nothing of when its rate allows one") { scene in
            try await scene.keyed("a1", "a")
            let policy = KeyPolicy(rate: RateLimit(1, per: .seconds(10)))
            let result = try await scene.claimResult(
                [.init(job: "send", limit: 9, perKey: policy)], at: scene.second(1))
            try expect("the run", result.runs.count, 1)
            try expect("nothing is due", result.nextDueAt, nil)
        },
    ]
}
