import CloudEvents
import NightjarCore

extension RunStoreConformance {
    static let claims: [RunStoreCase] = [
        .scene("a claimed run is running under a lease") { scene in
            let new = scene.newRun("send")
            let event = scene.event("e1", data: [0, 1, 255])
            _ = try await scene.store.accept([IntakeRecord(event: event, acceptedAt: scene.second(1), runs: [new])])
            let claimed = try await scene.claimOne(node: "node-7", at: 2, lasting: 30)
            try expect("its job", claimed.job, "send")
            try expect("its trigger", claimed.trigger, "orders")
            try expectSame(claimed.event, event)
            try expect("its attempt", claimed.attempt, 1)
            try expect("its history", claimed.history, RunHistory())
            try expect("when it was accepted", claimed.createdAt, scene.second(1))
            let lease = Lease(run: new.id, token: claimed.lease.token, node: "node-7", expiresAt: scene.second(32))
            try expect("its lease", claimed.lease, lease)
            let run = try await scene.run(new.id)
            try expect("its state", run.state, .running)
            try expect("its lease, as shown", run.lease, lease)
            let underWay = Attempt(number: 1, node: "node-7", startedAt: scene.second(2))
            try expect("the attempt under way", run.attempts, [underWay])
        },
        .scene("a run is claimed once") { scene in
            try await scene.accept("e1")
            try expect("the first claim", try await scene.claim().count, 1)
            try expect("the second claim", try await scene.claim(node: "node-2").count, 0)
        },
        .scene("an empty store gives nothing and knows no next time") { scene in
            let result = try await scene.claimResult([.init(job: "send", limit: 5)], at: scene.second(0))
            try expect("the runs", result.runs.count, 0)
            try expect("the next time", result.nextDueAt, nil)
        },
        .scene("higher priority goes first") { scene in
            let low = try await scene.accept("e1", priority: 0)
            let high = try await scene.accept("e2", priority: 9)
            let middle = try await scene.accept("e3", priority: 5)
            try expect("the order", try await scene.claim().map(\.lease.run), [high, middle, low])
        },
        .scene("of one priority, the earliest time goes first") { scene in
            let late = try await scene.accept("e1", at: 10, runAt: 3)
            let early = try await scene.accept("e2", at: 10, runAt: 1)
            let middle = try await scene.accept("e3", at: 10, runAt: 2)
            try expect("the order", try await scene.claim(at: 10).map(\.lease.run), [early, middle, late])
        },
        .scene("of one priority and time, the first accepted goes first") { scene in
            // Ids that fall: the order of acceptance decides, not that of ids.
            let ids = Array((0..<10).map { _ in scene.newRunID() }.reversed())
            for (index, id) in ids.enumerated() {
                _ = try await scene.store.accept([scene.record("e\(index)", [scene.newRun("send", id: id)])])
            }
            try expect("the order", try await scene.claim().map(\.lease.run), ids)
        },
        .scene("priority outranks time") { scene in
            let early = try await scene.accept("e1", at: 10, runAt: 1, priority: 1)
            let high = try await scene.accept("e2", at: 10, runAt: 9, priority: 2)
            try expect("the order", try await scene.claim(at: 10).map(\.lease.run), [high, early])
        },
        .scene("a job's limit is kept, and the next claim goes on where it ended") { scene in
            var ids: [RunID] = []
            for number in 0..<5 { ids.append(try await scene.accept("e\(number)")) }
            try expect("the first claim", try await scene.claim(limit: 2).map(\.lease.run), Array(ids[0..<2]))
            try expect("the second claim", try await scene.claim(limit: 2).map(\.lease.run), Array(ids[2..<4]))
            try expect("the third claim", try await scene.claim(limit: 2).map(\.lease.run), Array(ids[4...]))
        },
        .scene("the limit over all jobs is kept, and jobs are served in the order given") { scene in
            for number in 0..<3 {
                try await scene.accept("a\(number)", job: "a")
                try await scene.accept("b\(number)", job: "b")
                try await scene.accept("c\(number)", job: "c")
            }
            let claimed = try await scene.claim(["c", "a", "b"], limit: 2, total: 5)
            try expect("the jobs", claimed.map(\.job), ["c", "c", "a", "a", "b"])
        },
        .scene("jobs that were not asked for stay where they are") { scene in
            let other = try await scene.accept("e1", job: "index")
            try expect("the claim", try await scene.claim(["send", "unknown"]).count, 0)
            try await scene.expectState(other, .available)
        },
        .scene("a limit of zero or less claims nothing") { scene in
            let id = try await scene.accept("e1")
            try expect("a job's limit of 0", try await scene.claim(limit: 0).count, 0)
            try expect("a job's limit of -1", try await scene.claim(limit: -1).count, 0)
            try expect("a limit of 0 in all", try await scene.claim(total: 0).count, 0)
            try expect("no job", try await scene.claim([]).count, 0)
            try await scene.expectState(id, .available)
        },
        .scene("a scheduled run is claimed at its time and not a microsecond before") { scene in
            let id = try await scene.accept("e1", runAt: 60)
            let demand = [ClaimRequest.Demand(job: "send", limit: 1)]
            let before = try await scene.claimResult(demand, at: scene.second(60) - StoreScene.microsecond)
            try expect("before its time", before.runs.count, 0)
            try await scene.expectState(id, .scheduled)
            let then = try await scene.claimResult(demand, at: scene.second(60))
            try expect("at its time", then.runs.map(\.lease.run), [id])
        },
        .scene("a retryable run is claimed at its time and not a microsecond before") { scene in
            let first = try await scene.running("e1")
            try await scene.settle(first, .retry(at: scene.second(60), history: RunHistory(failures: 1)))
            let demand = [ClaimRequest.Demand(job: "send", limit: 1)]
            let before = try await scene.claimResult(demand, at: scene.second(60) - StoreScene.microsecond)
            try expect("before its time", before.runs.count, 0)
            try await scene.expectState(first.lease.run, .retryable)
            let then = try await scene.claimResult(demand, at: scene.second(60))
            try expect("at its time", then.runs.map(\.lease.run), [first.lease.run])
            try expect("its attempt", then.runs.first?.attempt, 2)
            try expect("its history", then.runs.first?.history, RunHistory(failures: 1))
        },
        .scene("a claim makes due runs of every job available, whatever it asks for") { scene in
            let id = try await scene.accept("e1", job: "index", runAt: 60)
            _ = try await scene.claim(["send"], at: 60)
            try await scene.expectState(id, .available)
        },
        .scene("the next time is the earliest of any job's scheduled and retryable runs") { scene in
            let failed = try await scene.running("e1")
            try await scene.accept("e2", job: "index", runAt: 70)
            try await scene.accept("e3", job: "send", runAt: 80)
            try await scene.settle(failed, .retry(at: scene.second(60), history: RunHistory(failures: 1)))
            func next(at seconds: Int) async throws -> Timestamp? {
                let demands = [ClaimRequest.Demand(job: "charge", limit: 1)]
                let result = try await scene.claimResult(demands, at: scene.second(seconds))
                return result.nextDueAt
            }
            try expect("first the retry", try await next(at: 10), scene.second(60))
            try expect("then another job's run", try await next(at: 60), scene.second(70))
            try expect("then the last", try await next(at: 75), scene.second(80))
            try expect("then none", try await next(at: 80), nil)
        },
        .scene("fencing tokens grow with every lease, over jobs, nodes and claims") { scene in
            var tokens: [FencingToken] = []
            for round in 0..<4 {
                try await scene.accept("a\(round)", job: "a")
                try await scene.accept("b\(round)", job: "b")
                let claimed = try await scene.claim(["b", "a"], node: "node-\(round)", at: round)
                try expect("both are claimed", claimed.count, 2)
                tokens += claimed.map(\.lease.token)
                try await scene.settle(claimed[0], .retry(at: scene.second(round), history: RunHistory()), at: round)
                try await scene.settle(claimed[1], .complete(result: nil), at: round)
                let again = try await scene.claimOne("b", at: round)
                tokens.append(again.lease.token)
                try await scene.settle(again, .complete(result: nil), at: round)
            }
            try expect("the tokens grow", zip(tokens, tokens.dropFirst()).allSatisfy { $0 < $1 })
        },
        .scene("runs of paused triggers stay where they are and use up no limit") { scene in
            let paused = try await scene.accept("e1", trigger: "paused", priority: 9)
            let other = try await scene.accept("e2", trigger: "orders")
            let byHand = try await scene.accept("e3", trigger: nil)
            for trigger in ["paused", "unknown"] {
                try await scene.store.setPaused(Pause(.trigger, trigger), true, now: scene.second(0))
            }
            let claimed = try await scene.claim(limit: 2)
            try expect("the others", claimed.map(\.lease.run), [other, byHand])
            try await scene.expectState(paused, .available)
            try await scene.store.setPaused(Pause(.trigger, "paused"), false, now: scene.second(1))
            try expect("after the pause", try await scene.claim().map(\.lease.run), [paused])
        },
        .scene("runs of a paused job stay where they are, whoever claims, and use up no limit") { scene in
            let paused = try await scene.accept("e1", job: "send", priority: 9)
            let other = try await scene.accept("e2", job: "index")
            try await scene.store.setPaused(Pause(.job, "send"), true, now: scene.second(0))
            let claimed = try await scene.claim(["send", "index"], total: 1)
            try expect("the other", claimed.map(\.lease.run), [other])
            try expect("another node", try await scene.claim(node: "node-2").count, 0)
            try await scene.expectState(paused, .available)
            try await scene.store.setPaused(Pause(.job, "send"), false, now: scene.second(1))
            try expect("after the pause", try await scene.claim().map(\.lease.run), [paused])
        },
        .scene("each attempt has the next number, and the history is carried on") { scene in
            try await scene.accept("e1")
            for number in 1...5 {
                let claimed = try await scene.claimOne(node: "node-\(number)", at: number)
                try expect("the attempt's number", claimed.attempt, number)
                let before = RunHistory(failures: number - 1, snoozes: 2 * (number - 1), crashes: 3 * (number - 1))
                try expect("the history", claimed.history, before)
                let history = RunHistory(failures: number, snoozes: 2 * number, crashes: 3 * number)
                try await scene.settle(claimed, .retry(at: scene.second(number), history: history), at: number)
            }
        },
    ]
}
