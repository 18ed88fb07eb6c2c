import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// How runs are treated that have a key in common.
    static let keys: [RunStoreCase] = orderCases + lineCases + pausedKeyCases

    static let ordered = KeyPolicy(isOrdered: true)

    private static let orderCases: [RunStoreCase] = [
        .scene("runs of an ordered key go one at a time, in the order of acceptance, other keys beside them") { scene in
            let first = try await scene.keyed("e1", "a", priority: 0)
            let second = try await scene.keyed("e2", "a", priority: 9)
            let other = try await scene.keyed("e3", "b")
            let claimed = try await scene.claim(ordered, at: 1)
            try expect("the first of each", claimed.map(\.lease.run), [first, other])
            try expect("its key", claimed.map(\.key), ["a", "b"])
            try expect("meanwhile", try await scene.claim(ordered, at: 2).count, 0)
            try await scene.settle(element(claimed, 1), .complete(result: nil), at: 3)
            try expect("another key's end", try await scene.claim(ordered, at: 4).count, 0)
            try await scene.settle(element(claimed, 0), .complete(result: nil), at: 5)
            try expect("after the first", try await scene.claim(ordered, at: 6).map(\.lease.run), [second])
        },
        .scene("a run that is retried or waits for its time holds its ordered key") { scene in
            let first = try await scene.keyed("e1", "a")
            let second = try await scene.keyed("e2", "a")
            let claimed = try await scene.claim(ordered, at: 1)
            try await scene.settle(
                element(claimed, 0), .retry(at: scene.second(50), history: RunHistory(failures: 1)), at: 2)
            try expect("meanwhile", try await scene.claim(ordered, at: 49).count, 0)
            let again = try await scene.claim(ordered, at: 50)
            try expect("the retry", again.map(\.lease.run), [first])
            try await scene.settle(element(again, 0), .release, at: 51)
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
            try await scene.settle(element(claimed, 0), .die(reason: "no", history: RunHistory(failures: 1)), at: 2)
            let next = try await scene.claim(ordered, at: 3)
            try expect("after the dead one", next.map(\.lease.run), [second])
            try await scene.settle(element(next, 0), .release, at: 4)
            _ = try await scene.store.change(.cancel, .ids([second]), now: scene.second(5), limit: 1)
            try expect("after the cancelled one", try await scene.claim(ordered, at: 6).map(\.lease.run), [third])
        },
        .scene("a dead run that stops its key holds it until someone decides") { scene in
            let first = try await scene.keyed("e1", "a", stopsKey: true)
            let second = try await scene.keyed("e2", "a", stopsKey: true)
            let claimed = try await scene.claim(ordered, at: 1)
            let die = Settlement.Transition.die(reason: "no", history: RunHistory(failures: 1))
            try await scene.settle(element(claimed, 0), die, at: 2)
            try expect("stopped", try await scene.claim(ordered, at: 3).count, 0)
            _ = try await scene.store.change(.retry, .ids([first]), now: scene.second(4), limit: 1)
            let again = try await scene.claim(ordered, at: 5)
            try expect("retried", again.map(\.lease.run), [first])
            try await scene.settle(element(again, 0), die, at: 6)
            _ = try await scene.store.change(.discard, .ids([first]), now: scene.second(7), limit: 1)
            try expect("discarded", try await scene.claim(ordered, at: 8).map(\.lease.run), [second])
        },
        .scene("a dead run that is retried by hand goes before the runs that came after it") { scene in
            let first = try await scene.keyed("e1", "a")
            let second = try await scene.keyed("e2", "a")
            let third = try await scene.keyed("e3", "a")
            let claimed = try await scene.claim(ordered, at: 1)
            try await scene.settle(element(claimed, 0), .die(reason: "no", history: RunHistory(failures: 1)), at: 2)
            let next = try await scene.claim(ordered, at: 3)
            try expect("the second", next.map(\.lease.run), [second])
            _ = try await scene.store.change(.retry, .ids([first]), now: scene.second(4), limit: 1)
            try expect("one at a time", try await scene.claim(ordered, at: 5).count, 0)
            try await scene.settle(element(next, 0), .complete(result: nil), at: 6)
            let last = try await scene.claim(ordered, at: 7)
            try expect("the first again", last.map(\.lease.run), [first])
            try await scene.settle(element(last, 0), .complete(result: nil), at: 8)
            try expect("then the third", try await scene.claim(ordered, at: 9).map(\.lease.run), [third])
        },
        .scene("a dead run that stops its key holds only the runs that were accepted after it") { scene in
            let first = try await scene.keyed("e1", "a", stopsKey: true)
            let second = try await scene.keyed("e2", "a", stopsKey: true)
            let third = try await scene.keyed("e3", "a", stopsKey: true)
            let die = Settlement.Transition.die(reason: "no", history: RunHistory(failures: 1))
            let both = try await scene.claim(KeyPolicy(), limit: 2, at: 1)
            try await scene.settle(element(both, 0), die, at: 2)
            try await scene.settle(element(both, 1), die, at: 2)
            try expect("two are dead", try await scene.claim(ordered, at: 3).count, 0)
            _ = try await scene.store.change(.retry, .ids([first]), now: scene.second(4), limit: 1)
            let again = try await scene.claim(ordered, at: 5)
            try expect("the first goes", again.map(\.lease.run), [first])
            try await scene.settle(element(again, 0), .complete(result: nil), at: 6)
            try expect("the second still holds the third", try await scene.claim(KeyPolicy(), at: 7).count, 0)
            _ = try await scene.store.change(.retry, .ids([second]), now: scene.second(8), limit: 1)
            try expect("all go", Set(try await scene.claim(KeyPolicy(), at: 9).map(\.lease.run)), [second, third])
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
            try await scene.settle(
                element(here, 0), .retry(at: scene.second(90), history: RunHistory(failures: 1)), at: 3)
            let third = try await scene.claim(two, at: 4)
            try expect("one ended", third.count, 1)
            let history = RunHistory(crashes: 1)
            try await scene.settle(
                element(there, 0), .retry(at: scene.second(90), history: history), at: 40, onlyIfExpired: true)
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
        .scene("runs of a paused trigger hold no others of their key back, unless these are ordered after them") {
            scene in
            let paused = Pause(.trigger, "orders")
            try await scene.store.setPaused(paused, true, now: scene.second(0))
            let held = try await scene.keyed("e1", "a", trigger: "orders")
            let free = try await scene.keyed("e2", "a", trigger: "others")
            try expect("ordered", try await scene.claim(ordered, at: 1).count, 0)
            let claimed = try await scene.claim(KeyPolicy(), at: 2)
            try expect("not ordered", claimed.map(\.lease.run), [free])
            try expect("still", try await scene.claim(KeyPolicy(), at: 3).count, 0)
            try await scene.store.setPaused(paused, false, now: scene.second(4))
            try expect("resumed", try await scene.claim(KeyPolicy(), at: 5).map(\.lease.run), [held])
        },
        .scene("runs without a key take turns with the keys, as if they had one in common") { scene in
            for number in 1...3 { _ = try await scene.keyed("a\(number)", "a") }
            for number in 1...3 { try await scene.accept("n\(number)") }
            let first = try await scene.claim(KeyPolicy(), limit: 3, at: 1).map(\.event.id)
            try expect("in turn", first.sorted(), ["a1", "n1", first.contains("a2") ? "a2" : "n2"].sorted())
            let rest = try await scene.claim(KeyPolicy(), at: 2).map(\.event.id)
            try expect("each once", (first + rest).sorted(), ["a1", "a2", "a3", "n1", "n2", "n3"])
            try expect("in turn", rest.prefix(2).map { $0.prefix(1) }.sorted(), ["a", "n"])
        },
        .scene("keyless runs and keyed ones are claimed by their rank when keys do not matter") { scene in
            try await scene.accept("e1")
            try await scene.keyed("e2", "a", priority: 1)
            try await scene.accept("e3", priority: 2)
            try expect("the order", try await scene.claim(at: 1).map(\.event.id), ["e3", "e2", "e1"])
        },
        .scene("keys are the same if their bytes are, not if people read the same") { scene in
            let composed = try await scene.keyed("e1", "caf\u{E9}")
            let decomposed = try await scene.keyed("e2", "cafe\u{301}")
            try expect(
                "each its own line", try await scene.claim(ordered, at: 1).map(\.lease.run), [composed, decomposed])
        },
        .scene("a clock that was set back keeps no key waiting") { scene in
            for number in 1...2 { try await scene.keyed("a\(number)", "a", at: 5000) }
            try expect("before", try await scene.claim(KeyPolicy(), limit: 1, at: 5000).count, 1)
            try await scene.keyed("b1", "b", at: 1400)
            let later = try await scene.claim(KeyPolicy(), at: 1400).map(\.event.id)
            try expect("an hour earlier", later, ["a2", "b1"])
        },
        .scene("a dead run whose key was forgotten since is claimed when it is retried") { scene in
            let id = try await scene.keyed("e1", "a")
            let claimed = try await scene.claim(ordered, at: 1)
            let die = Settlement.Transition.die(reason: "no", history: RunHistory(failures: 1))
            try await scene.settle(element(claimed, 0), die, at: 2)
            for _ in 0..<3 {
                _ = try await scene.store.prune(runsBefore: scene.second(99), eventsBefore: scene.second(99), limit: 9)
            }
            _ = try await scene.store.change(.retry, .ids([id]), now: scene.second(100), limit: 1)
            try expect("claimed", try await scene.claim(ordered, at: 101).map(\.lease.run), [id])
        },
        .scene("pruning forgets no more keys at a time than its limit") { scene in
            for number in 1...5 { try await scene.keyed("e\(number)", "k\(number)") }
            for run in try await scene.claim(KeyPolicy(), at: 1) { try await scene.settle(run, .cancel(reason: "no")) }
            func prune() async throws -> Int {
                try await scene.store.prune(runsBefore: .distantPast, eventsBefore: scene.second(99), limit: 2)
            }
            let removed = [try await prune(), try await prune(), try await prune(), try await prune()]
            try expect("keys forgotten", removed, [2, 2, 1, 0])
        },
    ]

    private static let pausedKeyCases: [RunStoreCase] = [
        .scene("no run of a paused key is claimed, whether or not keys matter, until it is resumed") { scene in
            let pause = Pause(key: "a", ofJob: "send")
            let held = try await scene.keyed("e1", "a")
            let other = try await scene.keyed("e2", "b")
            try await scene.store.setPaused(pause, true, now: scene.second(0))
            try expect("listed", try await scene.store.pauses(), [pause])
            try expect("by key", try await scene.claim(KeyPolicy(), at: 1).map(\.lease.run), [other])
            try await scene.keyed("e3", "a")
            try expect("a later run", try await scene.claim(ordered, at: 2).count, 0)
            try expect("keys do not matter", try await scene.claim(at: 3).count, 0)
            try await scene.store.setPaused(pause, false, now: scene.second(4))
            try expect("resumed", try await scene.claim(ordered, at: 5).map(\.lease.run), [held])
        },
        .scene("a paused key is one of its job, and the same bytes") { scene in
            try await scene.store.setPaused(Pause(key: "a", ofJob: "index"), true, now: scene.second(0))
            try await scene.store.setPaused(Pause(key: "e\u{301}", ofJob: "send"), true, now: scene.second(0))
            try expect("both are kept", try await scene.store.pauses().count, 2)
            try await scene.keyed("e1", "a")
            try await scene.keyed("e2", "\u{E9}")
            try expect("the others go", try await scene.claim(KeyPolicy(), at: 1).map(\.event.id), ["e1", "e2"])
        },
    ]
}

extension StoreScene {
    /// Accepts an event that makes a run with a key.
    @discardableResult
    func keyed(
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

    func claim(
        _ policy: KeyPolicy, limit: Int = 100, node: NodeID = "node-1", at: Int
    ) async throws -> [ClaimedRun] {
        try await claimResult(
            [.init(job: "send", limit: limit, perKey: policy)], node: node, at: second(at)
        ).runs
    }
}
