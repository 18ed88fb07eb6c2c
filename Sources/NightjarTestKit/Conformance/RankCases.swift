import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// Which runs go first, which take how much, and which are too late.
    static let ranks: [RunStoreCase] = [
        .scene("a level of priority is worth ten minutes of waiting: the lowest is not starved") { scene in
            try await scene.accept("low")
            try await scene.accept("high", at: 599, runAt: 599, priority: 1)
            try await scene.accept("late", at: 601, runAt: 601, priority: 1)
            let claimed = try await scene.claim(at: 700)
            try expect("the order", claimed.map(\.event.id), ["high", "low", "late"])
        },
        .scene("a run that was not started in time is dead, with that reason; one that was, and was given back, too") {
            scene in
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
        .scene("a claim brings no more runs than it may, whatever they weigh") { scene in
            for number in 1...3 { try await scene.accept("e\(number)") }
            let result = try await scene.store.claim(
                ClaimRequest(
                    node: "node-1", now: scene.second(1), leaseExpiresAt: scene.second(31),
                    demands: [.init(job: "send", limit: 9, weight: 5)], limit: 100, mostRuns: 2))
            try expect("the runs", result.runs.count, 2)
        },
        .scene("a claim tells of a job whose run would start if it took fewer slots, and of no other") { scene in
            try await scene.accept("h1", job: "heavy")
            let keyed = try await scene.keyed("k1", "a")
            try await scene.accept("r1", job: "rated")
            let rate = RateLimit(1, per: .seconds(60))
            func tooHeavy(_ slots: Int, at second: Int) async throws -> Set<String> {
                let demands: [ClaimRequest.Demand] = [
                    .init(job: "heavy", limit: 9, weight: 3), .init(job: "send", limit: 9, weight: 3, perKey: ordered),
                    .init(job: "none", limit: 9, weight: 3), .init(job: "rated", limit: 9, weight: 3, rate: rate),
                ]
                let result = try await scene.claimResult(demands, total: slots, at: scene.second(second))
                return result.tooHeavy
            }
            try expect("all that have a run", try await tooHeavy(2, at: 1), ["heavy", "send", "rated"])
            try expect("which then run", try await tooHeavy(9, at: 2), [])
            try expect("its key is taken", try await scene.run(keyed).state, .running)
            try await scene.keyed("k2", "a")
            try await scene.accept("r2", job: "rated")
            try expect("held by their key and rate", try await tooHeavy(2, at: 3), [])
        },
        .scene("a retry by hand lets the deadline begin anew") { scene in
            let id = try await scene.accept("e1")
            let first = try await scene.claimOne(at: 1)
            try expect("at first", first.startsOverAt, scene.second(0))
            let die = Settlement.Transition.die(reason: "no", history: RunHistory(failures: 1))
            try await scene.settle(first, die, at: 2)
            _ = try await scene.store.change(.retry, .ids([id]), now: scene.second(50), limit: 1)
            let second = try await scene.claimOne(at: 60)
            try expect("retried", second.startsOverAt, scene.second(50))
            try expect("its acceptance", second.createdAt, scene.second(0))
            let expired = try await scene.store.expired(now: scene.second(500), limit: 9)
            try expect("a rescuer is told", expired.map(\.startsOverAt), [scene.second(50)])
        },
    ]
}
