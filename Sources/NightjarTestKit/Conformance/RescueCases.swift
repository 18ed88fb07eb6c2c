import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// How a run gets out of a dead node's hand.
    static let rescues: [RunStoreCase] = [
        .scene("a lease is over from the microsecond on at which it expires") { scene in
            let claimed = try await scene.running("e1", lasting: 30)
            let before = try await scene.store.expired(now: scene.second(30) - StoreScene.microsecond, limit: 9)
            try expect("before", before.count, 0)
            let then = try await scene.store.expired(now: scene.second(30), limit: 9)
            try expect("then", then.map(\.lease), [claimed.lease])
        },
        .scene("an expired run comes with all that a rescuer needs") { scene in
            try await scene.accept("e1", job: "index")
            let first = try await scene.claimOne("index", node: "node-1", at: 1)
            let history = RunHistory(failures: 1, snoozes: 2, crashes: 3)
            try await scene.settle(first, .retry(at: scene.second(2), history: history), at: 2)
            let second = try await scene.claimOne("index", node: "node-2", at: 3, lasting: 30)
            _ = try await scene.store.change(.cancel, .ids([second.lease.run]), now: scene.second(4), limit: 1)
            let expired = try await scene.store.expired(now: scene.second(100), limit: 9)
            let run = try require("an expired run", expired.first)
            try expect("only one", expired.count, 1)
            try expect("its job", run.job, "index")
            try expect("its lease", run.lease, second.lease)
            try expect("its attempt", run.attempt, 2)
            try expect("when that began", run.startedAt, scene.second(3))
            try expect("its history", run.history, history)
            try expect("whether it is to be cancelled", run.isCancelRequested)
        },
        .scene("at most as many expired runs are answered as were asked for") { scene in
            for number in 0..<5 { try await scene.accept("e\(number)") }
            let claimed = try await scene.claim()
            let some = try await scene.store.expired(now: scene.second(100), limit: 3)
            try expect("some", some.count, 3)
            let all = try await scene.store.expired(now: scene.second(100), limit: 100)
            try expect("all", Set(all.map(\.lease.run)), Set(claimed.map(\.lease.run)))
            try expect("none", try await scene.store.expired(now: scene.second(100), limit: 0).count, 0)
        },
        .scene("settled and waiting runs do not expire") { scene in
            for state in RunState.allCases where state != .running {
                _ = try await scene.run(at: state, event: "e-\(state)", job: "job-\(state)")
            }
            try expect("expired", try await scene.store.expired(now: scene.second(500), limit: 9).count, 0)
        },
        .scene("a rescuer settles an expired lease") { scene in
            let claimed = try await scene.running("e1", lasting: 30)
            let retry = Settlement.Transition.retry(at: scene.second(30), history: RunHistory(crashes: 1))
            let crashed = scene.attempt(of: claimed, .crashed, endedAt: 30, error: "the node died")
            let results = try await scene.store.settle([
                Settlement(
                    lease: claimed.lease, attempt: crashed, transition: retry, at: scene.second(30), onlyIfExpired: true
                )
            ])
            try expect("the answer", results, [.settled(.available, emitted: [])])
            try expect("the history", try await scene.run(claimed.lease.run).attempts, [crashed])
            let next = try await scene.claimOne(node: "node-2", at: 31)
            try expect("the next attempt", next.attempt, 2)
            try expect("what happened before", next.history, RunHistory(crashes: 1))
            let late = try await scene.settle(claimed, .complete(result: nil), at: 32)
            try expect("the first node comes too late", late, .leaseLost)
        },
        .scene("a rescuer does not take a run whose lease lasts") { scene in
            let claimed = try await scene.running("e1", lasting: 30)
            let before = try await scene.run(claimed.lease.run)
            let retry = Settlement.Transition.retry(at: scene.second(29), history: RunHistory(crashes: 1))
            let result = try await scene.settle(claimed, retry, at: 29, onlyIfExpired: true)
            try expect("the answer", result, .leaseLost)
            try expect("the run", try await scene.run(claimed.lease.run), before)
        },
        .scene("a rescuer does not take a run whose lease was renewed since it looked") { scene in
            let claimed = try await scene.running("e1", lasting: 30)
            _ = try await scene.store.renew([claimed.lease], until: scene.second(60), now: scene.second(29))
            let retry = Settlement.Transition.retry(at: scene.second(31), history: RunHistory(crashes: 1))
            let result = try await scene.settle(claimed, retry, at: 31, onlyIfExpired: true)
            try expect("the answer", result, .leaseLost)
            let done = try await scene.settle(claimed, .complete(result: nil), at: 32)
            try expect("its holder's", done, .settled(.completed, emitted: []))
        },
        .scene("of two rescuers one takes the run") { scene in
            let claimed = try await scene.running("e1", lasting: 30)
            let retry = Settlement.Transition.retry(at: scene.second(31), history: RunHistory(crashes: 1))
            let first = try await scene.settle(claimed, retry, at: 31, onlyIfExpired: true)
            let second = try await scene.settle(claimed, retry, at: 31, onlyIfExpired: true)
            try expect("the first", first, .settled(.available, emitted: []))
            try expect("the second", second, .leaseLost)
            try expect("the history", try await scene.run(claimed.lease.run).attempts.count, 1)
        },
    ]
}
