import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// Keys, rates, ranks and expiry.
    static let keyCases: [RunStoreCase] = orderCases + lineCases + rateCases + rankCases

    private static let ordered = KeyPolicy(isOrdered: true)

    private static let orderCases: [RunStoreCase] = [
        .scene("runs of an ordered key go one at a time, in the order of acceptance, other keys beside them") { scene in
            let first = try await scene.keyed("e1", "a", priority: 0)
            let second = try await scene.keyed("e2", "a", priority: 9)
            let other = try await scene.keyed("e3", "b")
            let claimed = try await scene.claim(ordered, at: 1)
            try expect("the first of each", claimed.map(\.lease.run), [first, other])
            try expect("its key", claimed.map(\.key), ["a", "b"])
            try expect("meanwhile", try await scene.claim(ordered, at: 2).count, 0)
            try await scene.settle(claimed[1], .complete(result: nil), at: 3)
            try expect("another key's end", try await scene.claim(ordered, at: 4).count, 0)
            try await scene.settle(claimed[0], .complete(result: nil), at: 5)
            try expect("after the first", try await scene.claim(ordered, at: 6).map(\.lease.run), [second])
        },
        .scene("a run that is retried or waits for its time holds its ordered key") { scene in
            let first = try await scene.keyed("e1", "a")
            let second = try await scene.keyed("e2", "a")
            let claimed = try await scene.claim(ordered, at: 1)
            try await scene.settle(claimed[0], .retry(at: scene.second(50), history: RunHistory(failures: 1)), at: 2)
            try expect("meanwhile", try await scene.claim(ordered, at: 49).count, 0)
            let again = try await scene.claim(ordered, at: 50)
            try expect("the retry", again.map(\.lease.run), [first])
            try await scene.settle(again[0], .release, at: 51)
            try expect("given back", try await scene.claim(ordered, at: 52).map(\.lease.run), [first])
            let later = try await scene.keyed("e3", "b", runAt: 80)
            let last = try await scene.keyed("e4", "b")
            try expect("before its time", try await scene.claim(ordered, at: 60).count, 0)
            try expect("at its time", try await scene.claim(ordered, at: 80).map(\.lease.run), [later])
            try expect("the others wait", try await scene.run(last).state, .available)
            try expect("the others wait", try await scene.run(second).state, .available)
        },
        .scene("a run that is dead or cancelled lets its ordered key go on") { scene in
            _ = try await scene.keyed("e1", "a")
            let second = try await scene.keyed("e2", "a")
            let third = try await scene.keyed("e3", "a")
            let claimed = try await scene.claim(ordered, at: 1)
            try await scene.settle(claimed[0], .die(reason: "no", history: RunHistory(failures: 1)), at: 2)
            let next = try await scene.claim(ordered, at: 3)
            try expect("after the dead one", next.map(\.lease.run), [second])
            try await scene.settle(next[0], .release, at: 4)
            _ = try await scene.store.change(.cancel, .ids([second]), now: scene.second(5), limit: 1)
            try expect("after the cancelled one", try await scene.claim(ordered, at: 6).map(\.lease.run), [third])
        },
        .scene("a dead run that stops its key holds it until someone decides") { scene in
            let first = try await scene.keyed("e1", "a", stopsKey: true)
            let second = try await scene.keyed("e2", "a", stopsKey: true)
            let claimed = try await scene.claim(ordered, at: 1)
            let die = Settlement.Transition.die(reason: "no", history: RunHistory(failures: 1))
            try await scene.settle(claimed[0], die, at: 2)
            try expect("stopped", try await scene.claim(ordered, at: 3).count, 0)
            _ = try await scene.store.change(.retry, .ids([first]), now: scene.second(4), limit: 1)
            let again = try await scene.claim(ordered, at: 5)
            try expect("retried", again.map(\.lease.run), [first])
            try await scene.settle(again[0], die, at: 6)
            _ = try await scene.store.change(.discard, .ids([first]), now: scene.second(7), limit: 1)
            try expect("discarded", try await scene.claim(ordered, at: 8).map(\.lease.run), [second])
        },
        .scene("a dead run that is retried by hand goes before the runs that came after it") { scene in
            let first = try await scene.keyed("e1", "a")
            let second = try await scene.keyed("e2", "a")
            let third = try await scene.keyed("e3", "a")
            let claimed = try await scene.claim(ordered, at: 1)
            try await scene.settle(claimed[0], .die(reason: "no", history: RunHistory(failures: 1)), at: 2)
            let next = try await scene.claim(ordered, at: 3)
            try expect("the second", next.map(\.lease.run), [second])
            _ = try await scene.store.change(.retry, .ids([first]), now: scene.second(4), limit: 1)
            try expect("one at a time", try await scene.claim(ordered, at: 5).count, 0)
            try await scene.settle(next[0], .complete(result: nil), at: 6)
            let last = try await scene.claim(ordered, at: 7)
            try expect("the first again", last.map(\.lease.run), [first])
            try await scene.settle(last[0], .complete(result: nil), at: 8)
            try expect("then the third", try await scene.claim(ordered, at: 9).map(\.lease.run), [third])
        },
    ]

    private static let lineCases: [RunStoreCase] = [
        .scene("when a policy changes, runs that waited because of the old one go by the new one") { scene in
            for number in 1...4 { _ = try await scene.keyed("e\(number)", "a") }
            try expect("ordered", try await scene.claim(ordered, at: 1).count, 1)
            try expect("ordered", try await scene.claim(ordered, at: 1).count, 0)
            try expect("two at once", try await scene.claim(KeyPolicy(concurrency: 2), at: 2).count, 1)
            try expect("any number", try await scene.claim(KeyPolicy(), at: 3).count, 2)
        },
        .scene("so many runs of a key run at once on all nodes, and the next when one ends or its node died") { scene in
            for number in 1...5 { _ = try await scene.keyed("e\(number)", "a") }
            let two = KeyPolicy(concurrency: 2)
            let here = try await scene.claim(two, limit: 1, node: "node-1", at: 1)
            let there = try await scene.claim(two, node: "node-2", at: 1)
            try expect("on both nodes", [here.count, there.count], [1, 1])
            try expect("no more", try await scene.claim(two, at: 2).count, 0)
            try await scene.settle(here[0], .retry(at: scene.second(90), history: RunHistory(failures: 1)), at: 3)
            let third = try await scene.claim(two, at: 4)
            try expect("one ended", third.count, 1)
            let history = RunHistory(crashes: 1)
            try await scene.settle(there[0], .retry(at: scene.second(90), history: history), at: 40, onlyIfExpired: true)
            try expect("one was taken back", try await scene.claim(two, at: 41).count, 1)
        },
        .scene("keys are served in turn, whoever came first with how much") { scene in
            for number in 1...6 { _ = try await scene.keyed("a\(number)", "a") }
            _ = try await scene.keyed("b1", "b")
            for number in 1...2 { _ = try await scene.keyed("c\(number)", "c") }
            func events(_ limit: Int, at second: Int) async throws -> [String] {
                try await scene.claim(KeyPolicy(), limit: limit, at: second).map(\.event.id)
            }
            try expect("one of each", try await events(3, at: 1), ["a1", "b1", "c1"])
            try expect("one by one", try await events(1, at: 2), ["a2"])
            try expect("the next", try await events(1, at: 3), ["c2"])
            _ = try await scene.keyed("d1", "d", at: 4)
            try expect("the rest", try await events(9, at: 5), ["a3", "d1", "a4", "a5", "a6"])
        },
        .scene("runs of a paused trigger hold no others of their key back, unless these are ordered after them") { scene in
            let paused = Pause(.trigger, "orders")
            try await scene.store.setPaused(paused, true, now: scene.second(0))
            let held = try await scene.keyed("e1", "a", trigger: "orders")
            let free = try await scene.keyed("e2", "a", trigger: "others")
            try expect("ordered", try await scene.claim(ordered, at: 1, pausedTriggers: ["orders"]).count, 0)
            let claimed = try await scene.claim(KeyPolicy(), at: 2, pausedTriggers: ["orders"])
            try expect("not ordered", claimed.map(\.lease.run), [free])
            try expect("still", try await scene.claim(KeyPolicy(), at: 3, pausedTriggers: ["orders"]).count, 0)
            try await scene.store.setPaused(paused, false, now: scene.second(4))
            try expect("resumed", try await scene.claim(KeyPolicy(), at: 5).map(\.lease.run), [held])
        },
        .scene("runs without keys are claimed after those with keys, and all when keys do not matter") { scene in
            try await scene.accept("e1", job: "send")
            let keyed = try await scene.keyed("e2", "a")
            let claimed = try await scene.claim(KeyPolicy(), at: 1)
            try expect("both", claimed.map(\.event.id), ["e2", "e1"])
            try await scene.settle(claimed[0], .release)
            try expect("without regard to keys", try await scene.claim(at: 2).map(\.lease.run), [keyed])
        },
    ]

    private static let rateCases: [RunStoreCase] = [
        .scene("a job's rate lets its burst start at once, then one after the other, and says when the next may") { scene in
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
    ]

    private static let rankCases: [RunStoreCase] = [
        .scene("a level of priority is worth ten minutes of waiting: the lowest is not starved") { scene in
            try await scene.accept("low")
            try await scene.accept("high", at: 599, runAt: 599, priority: 1)
            try await scene.accept("late", at: 601, runAt: 601, priority: 1)
            let claimed = try await scene.claim(at: 700)
            try expect("the order", claimed.map(\.event.id), ["high", "low", "late"])
        },
        .scene("a run that was not started in time is dead, with that reason; one that was, and was given back, too") { scene in
            let waiting = try await scene.keyed("e1", "a", expiresAt: 10)
            let scheduled = try await scene.keyed("e2", "a", runAt: 5, expiresAt: 20)
            try expect("the next", try await scene.claimResult([], at: scene.second(6)).nextDueAt, scene.second(10))
            let claimed = try await scene.claimOne(at: 9)
            try await scene.settle(claimed, .release, at: 9)
            let result = try await scene.claimResult([.init(job: "send", limit: 9)], at: scene.second(10))
            try expect("told", result.expired, [UnstartedRun(id: waiting, job: "send", trigger: nil)])
            let run = try await scene.run(waiting)
            try expect("its state", run.state, .dead)
            try expect("its reason", run.reason, UnstartedRun.reason)
            try expect("its end", run.finishedAt, scene.second(10))
            let other = try require("the other", result.runs.first)
            try expect("the other", other.lease.run, scheduled)
            let retry = Settlement.Transition.retry(at: scene.second(15), history: RunHistory(failures: 1))
            try await scene.settle(other, retry, at: 15)
            try expect("after an attempt", try await scene.claim(at: 30).map(\.lease.run), [scheduled])
        },
        .scene("an expired run that is retried by hand does not expire again") { scene in
            let id = try await scene.keyed("e1", "a", expiresAt: 10)
            _ = try await scene.claim(at: 11)
            _ = try await scene.store.change(.retry, .ids([id]), now: scene.second(12), limit: 1)
            try expect("later", try await scene.claim(at: 99).map(\.lease.run), [id])
        },
        .scene("a claim brings no more than its slots hold, however heavy the runs are") { scene in
            for number in 1...3 {
                try await scene.accept("h\(number)", job: "heavy")
                try await scene.accept("l\(number)", job: "light")
            }
            let demands: [ClaimRequest.Demand] = [
                .init(job: "heavy", limit: 9, weight: 3), .init(job: "light", limit: 9),
            ]
            let claimed = try await scene.claimResult(demands, total: 8, at: scene.second(1)).runs
            try expect("two heavy and two light", claimed.map(\.job), ["heavy", "heavy", "light", "light"])
        },
    ]
}

extension StoreScene {
    /// Accepts an event that makes a run with a key.
    @discardableResult
    fileprivate func keyed(
        _ event: String, _ key: String, trigger: String? = nil, priority: Int = 0, at: Int = 0, runAt: Int? = nil,
        expiresAt: Int? = nil, stopsKey: Bool = false
    ) async throws -> RunID {
        var run = newRun("send", trigger: trigger, runAt: runAt ?? at, priority: priority)
        run.key = key
        run.expiresAt = expiresAt.map { second($0) }
        run.stopsKey = stopsKey
        _ = try await store.accept([record(event, [run], at: at)])
        return run.id
    }

    fileprivate func claim(
        _ policy: KeyPolicy, limit: Int = 100, node: NodeID = "node-1", at: Int, pausedTriggers: Set<String> = []
    ) async throws -> [ClaimedRun] {
        try await claimResult(
            [.init(job: "send", limit: limit, perKey: policy)], node: node, at: second(at),
            pausedTriggers: pausedTriggers
        ).runs
    }
}
