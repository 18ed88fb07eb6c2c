import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// Runs that are suspected of killing their nodes.
    static let suspects: [RunStoreCase] = [
        .scene("a node takes one suspect at a time, and others beside it") { scene in
            let suspects = try await scene.suspects(["s1", "s2", "s3"])
            try await scene.accept("e1", at: 5, runAt: 5)
            try await scene.accept("e2", at: 5, runAt: 5)
            let here = try await scene.claim(at: 10)
            try expect("one of them, and the others", here.map(\.event.id), ["s1", "e1", "e2"])
            try expect("no second", try await scene.claim(at: 11).count, 0)
            let there = try await scene.claim(node: "node-2", at: 12)
            try expect("another node takes the next", there.map(\.lease.run), [try element(suspects, 1)])
            try await scene.settle(element(here, 1), .complete(result: nil), at: 13)
            try expect("still", try await scene.claim(at: 14).count, 0)
            try await scene.settle(element(here, 0), .complete(result: nil), at: 15)
            try expect("then the next", try await scene.claim(at: 16).map(\.lease.run), [try element(suspects, 2)])
        },
        .scene("of two jobs too a node takes one suspect") { scene in
            _ = try await scene.suspects(["s1"])
            _ = try await scene.suspects(["s2"], job: "index")
            let claimed = try await scene.claim(["index", "send"], at: 10)
            try expect("the first job's", claimed.map(\.event.id), ["s2"])
        },
        .scene("a suspect keeps its place in its ordered key") { scene in
            let first = try await scene.suspects(["s1"], key: "a")
            let second = try await scene.keyed("e2", "a")
            _ = try await scene.suspects(["x1"], job: "index")
            try expect("a suspect in hand", try await scene.claim(["index"], at: 9).count, 1)
            try expect("so the key's first waits", try await scene.claim(ordered, at: 10).count, 0)
            let next = try await scene.claim(ordered, node: "node-2", at: 11)
            try expect("another node takes it", next.map(\.lease.run), first)
            try expect("one at a time", try await scene.claim(ordered, node: "node-3", at: 12).count, 0)
            try await scene.settle(element(next, 0), .complete(result: nil), at: 13)
            try expect("then the second", try await scene.claim(ordered, at: 14).map(\.lease.run), [second])
        },
        .scene("a suspect heeds its trigger's pause, its key's concurrency and its key's rate") { scene in
            let policy = KeyPolicy(concurrency: 1, rate: RateLimit(1, per: .seconds(10)))
            let suspects = try await scene.suspects(["s1"], key: "a")
            let suspect = try element(suspects, 0)
            try await scene.store.setPaused(Pause(.trigger, "orders"), true, now: scene.second(20))
            try await scene.keyed("e1", "a", trigger: "others", at: 20)
            try expect("paused", try await scene.claim(at: 20).map(\.event.id), ["e1"])
            try await scene.store.setPaused(Pause(.trigger, "orders"), false, now: scene.second(20))
            try expect("at its limit", try await scene.claim(policy, at: 21).count, 0)
            for run in try await scene.store.expired(now: scene.second(999), limit: 9) {
                _ = try await scene.store.settle([
                    Settlement(lease: run.lease, attempt: nil, transition: .cancel(reason: "no"), at: scene.second(22))
                ])
            }
            try expect("now", try await scene.claim(policy, at: 23).map(\.lease.run), [suspect])
        },
        .scene("a suspect that a person retries is none any more") { scene in
            let suspects = try await scene.suspects(["s1", "s2"])
            _ = try await scene.store.change(.cancel, .ids(suspects), now: scene.second(9), limit: 9)
            _ = try await scene.store.change(.retry, .ids(suspects), now: scene.second(9), limit: 9)
            try expect("both at once", try await scene.claim(at: 10).count, 2)
        },
        .scene("suspects are counted and listed like others") { scene in
            let suspects = try await scene.suspects(["s1", "s2"])
            try expect("counted", try await scene.store.counts()["send"]?[.available], 2)
            let page = try await scene.store.runs(RunQuery(RunFilter(states: [.available])))
            try expect("listed", page.runs.map(\.id), Array(suspects.reversed()))
        },
    ]
}

extension StoreScene {
    /// Runs that were in a node's hand when it died, with nothing else.
    fileprivate func suspects(_ events: [String], job: String = "send", key: String? = nil) async throws -> [RunID] {
        var ids: [RunID] = []
        for event in events {
            var run = newRun(job)
            run.key = key
            _ = try await store.accept([record(event, [run])])
            ids.append(run.id)
        }
        let retry = Settlement.Transition.retry(at: second(1), history: RunHistory(crashes: 1))
        for run in try await claim([job], node: "dead", at: 1) { try await settle(run, retry, at: 1) }
        return ids
    }
}
