import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// Runs that collect events.
    static let collectCases: [RunStoreCase] = joinCases + itemCases

    private static let joinCases: [RunStoreCase] = [
        .scene("events join the run of their key as long as it waits, and are told so") { scene in
            let first = try await scene.collect("e1", "a", runAt: 10, until: 10)
            let second = try await scene.collect("e2", "a", at: 5, runAt: 15, until: 15)
            let other = try await scene.collect("e3", "b", at: 5, runAt: 15, until: 15)
            try expect("the same", second.runs, first.runs)
            try expect("accepted", second.outcome, .accepted)
            try expect("another key", other.runs == first.runs, false)
            let run = try await scene.run(first.runs[0])
            try expect("its time", run.runAt, scene.second(10))
            try expect("its items", run.items, 2)
            try expect("its event", run.event.id, "e1")
            try expect(
                "decisions", try await scene.record(of: "e2").decisions,
                [Decision(trigger: "orders", job: "send", outcome: .joined, run: first.runs[0])])
            let claimed = try await scene.claimOne(at: 10)
            try expect("handed over", claimed.items.map(\.event.id), ["e1", "e2"])
            try expect("in order", claimed.items.map(\.position), [0, 1])
            let late = try await scene.collect("e4", "a", at: 11, runAt: 20, until: 20)
            try expect("a claim closes it", late.runs == first.runs, false)
        },
        .scene("a debounce moves the time with each event, at most to its limit") { scene in
            let id = try await scene.collect("e1", "a", runAt: 5, until: 12).runs[0]
            _ = try await scene.collect("e2", "a", at: 3, runAt: 8, until: 15)
            try expect("moved", try await scene.run(id).runAt, scene.second(8))
            _ = try await scene.collect("e3", "a", at: 4, runAt: 7, until: 16)
            try expect("never ahead", try await scene.run(id).runAt, scene.second(8))
            _ = try await scene.collect("e4", "a", at: 8, runAt: 13, until: 20)
            try expect("at most", try await scene.run(id).runAt, scene.second(12))
            try expect("before", try await scene.claim(at: 11).count, 0)
            try expect("then", try await scene.claim(at: 12).map(\.lease.run), [id])
        },
        .scene("an event that comes after a run's time opens another, though nobody claimed that one") { scene in
            let first = try await scene.collect("e1", "a", runAt: 5, until: 12).runs
            let second = try await scene.collect("e2", "a", at: 6, runAt: 11, until: 18).runs
            try expect("a run of its own", second == first, false)
            try expect("the first stays", try await scene.run(first[0]).runAt, scene.second(5))
            try expect("joins the second", try await scene.collect("e3", "a", at: 7, runAt: 12, until: 19).runs, second)
        },
        .scene("a debounce without a limit waits as long as events come") { scene in
            let id = try await scene.collect("e1", "a", runAt: 5, until: nil).runs[0]
            for number in 1...20 {
                _ = try await scene.collect("n\(number)", "a", at: number * 4, runAt: number * 4 + 5, until: nil)
                try expect("not yet", try await scene.claim(at: number * 4 + 3).count, 0)
            }
            try expect("then", try await scene.claim(at: 85).map(\.lease.run), [id])
        },
        .scene("a run that keeps the first or the last event hands over that one alone") { scene in
            for (keep, kept, input) in [(DebouncePolicy.Keep.first, "f1", "1"), (.last, "l3", "3")] {
                let letter = keep == .first ? "f" : "l"
                var ids: [RunID] = []
                for number in 1...3 {
                    ids += try await scene.collect(
                        "\(letter)\(number)", letter, at: number, runAt: number + 5, until: nil, keep: keep,
                        input: "\(number)"
                    ).runs
                }
                try expect("one run", Set(ids).count, 1)
                let claimed = try await scene.claimOne(at: 50)
                try expect("\(keep)", claimed.event.id, kept)
                try expect("\(keep)", claimed.input, Array(input.utf8))
                try expect("no items", claimed.items.count, 0)
                try expect("no items", try await scene.run(ids[0]).items, nil)
                let outcomes = try await [1, 2, 3].asyncMap { number in
                    try await scene.record(of: "\(letter)\(number)").decisions.map(\.outcome)
                }
                try expect(
                    "decisions", outcomes,
                    keep == .first ? [[.started], [.joined], [.joined]] : [[.joined], [.joined], [.started]])
            }
        },
        .scene("a batch that is full begins at once, and the next event begins another") { scene in
            let first = try await scene.collect("e1", "a", runAt: 50, until: 50, size: 2)
            _ = try await scene.collect("e2", "a", at: 1, runAt: 51, until: 51, size: 2)
            try expect("available", try await scene.run(first.runs[0]).state, .available)
            let third = try await scene.collect("e3", "a", at: 1, runAt: 51, until: 51, size: 2)
            try expect("another", third.runs == first.runs, false)
            try expect("claimed", try await scene.claim(at: 2).map(\.lease.run), first.runs)
        },
        .scene("a batch that has as many bytes as it may begins at once") { scene in
            let half = String(repeating: "1", count: CollectClaim.mostBytes / 2)
            let first = try await scene.collect("e1", "a", runAt: 50, until: 50, input: half)
            _ = try await scene.collect("e2", "a", at: 1, runAt: 51, until: 51, input: half)
            try expect("available", try await scene.run(first.runs[0]).state, .available)
            let third = try await scene.collect("e3", "a", at: 1, runAt: 51, until: 51)
            try expect("another", third.runs == first.runs, false)
        },
        .scene("an event that joined joins no second time, whatever became of the run") { scene in
            let first = try await scene.collect("e1", "a", runAt: 10, until: 10)
            for _ in 1...2 {
                let again = try await scene.collect("e2", "a", at: 1, runAt: 11, until: 11)
                try expect("the same", again.runs, first.runs)
            }
            let claimed = try await scene.claimOne(at: 10)
            try expect("once", claimed.items.map(\.event.id), ["e1", "e2"])
            try await scene.settle(claimed, .complete(result: nil), at: 11)
            let late = try await scene.collect("e2", "a", at: 12, runAt: 22, until: 22)
            try expect("a duplicate", late.outcome, .duplicate)
            try expect("the same", late.runs, first.runs)
        },
        .scene("events of one batch and emitted ones join one another's run") { scene in
            let cause = try await scene.running("cause", job: "other")
            let records = (1...3).map { scene.collectRecord("e\($0)", "a", runAt: 10, until: 10) }
            let answers = try await scene.store.accept(records)
            try expect("one run", Set(answers.flatMap(\.runs)).count, 1)
            let emitted = [scene.collectRecord("e4", "a", runAt: 11, until: 11)]
            try await scene.settle(cause, .complete(result: nil), emitted: emitted)
            let claimed = try await scene.claimOne(at: 10)
            try expect("all", claimed.items.map(\.event.id), ["e1", "e2", "e3", "e4"])
        },
        .scene("a run that is cancelled or retried by hand collects no more") { scene in
            for (number, command) in [RunCommand.cancel, .retry].enumerated() {
                let key = "k\(number)"
                let first = try await scene.collect("a\(number)", key, runAt: 10, until: 10)
                _ = try await scene.store.change(command, .ids(first.runs), now: scene.second(1), limit: 1)
                let second = try await scene.collect("b\(number)", key, at: 2, runAt: 12, until: 12)
                try expect("\(command)", second.runs == first.runs, false)
            }
        },
        .scene("a run of its own is joined by none, and joins none") { scene in
            let open = try await scene.collect("e1", "a", runAt: 10, until: 10)
            let own = try await scene.collect("e2", "a", at: 1, runAt: 99, until: nil, isOpen: false)
            try expect("its own", own.runs == open.runs, false)
            let third = try await scene.collect("e3", "a", at: 2, runAt: 12, until: 12)
            try expect("the open one", third.runs, open.runs)
            try expect("its time", try await scene.run(own.runs[0]).runAt, scene.second(99))
            try expect("its item", try await scene.run(own.runs[0]).items, 1)
        },
    ]

    private static let itemCases: [RunStoreCase] = [
        .scene("the next attempt gets the items that are left, and what a partly done one emitted counts") { scene in
            let claimed = try await scene.batch(4)
            let emitted = [scene.record("emitted", [scene.newRun("other", runAt: 11)], at: 11)]
            var retry = scene.settlement(
                claimed, .retry(at: scene.second(20), history: RunHistory(failures: 1)), at: 11, error: "two failed",
                emitted: emitted)
            retry.doneItems = [0, 2]
            let result = try await scene.store.settle([retry])
            guard case .settled(.retryable, let answers)? = result.first else { return try expect("it settles", false) }
            try expect("what was emitted", answers.count, 1)
            try expect("done", try await scene.run(claimed.lease.run).itemsDone, 2)
            let second = try await scene.claimOne(at: 20)
            try expect("left", second.items.map(\.position), [1, 3])
            try await scene.settle(second, .complete(result: nil), at: 21)
            let run = try await scene.run(claimed.lease.run)
            try expect("completed", run.itemsDone, 4)
        },
        .scene("a stale lease marks no item as done and emits nothing") { scene in
            let claimed = try await scene.batch(2, lasting: 5)
            try await scene.settle(
                claimed, .retry(at: scene.second(30), history: RunHistory(crashes: 1)), at: 30, onlyIfExpired: true)
            let again = try await scene.claimOne(at: 30)
            var stale = scene.settlement(
                claimed, .retry(at: scene.second(40), history: RunHistory()), at: 31, error: "x",
                emitted: [scene.record("emitted", [])])
            stale.doneItems = [0]
            try expect("stale", try await scene.store.settle([stale]), [.leaseLost])
            try expect("no event", try await scene.store.events(id: "emitted", source: nil).count, 0)
            try await scene.settle(again, .release, at: 32)
            try expect("all left", try await scene.claimOne(at: 33).items.count, 2)
        },
        .scene("a dead run that is retried by hand gets the items that are left") { scene in
            let claimed = try await scene.batch(3)
            var die = scene.settlement(claimed, .die(reason: "no", history: RunHistory(failures: 1)), at: 11)
            die.doneItems = [1]
            _ = try await scene.store.settle([die])
            let dead = try await scene.run(claimed.lease.run)
            try expect("dead", [dead.items, dead.itemsDone], [3, 1])
            _ = try await scene.store.change(.retry, .ids([dead.id]), now: scene.second(12), limit: 1)
            try expect("left", try await scene.claimOne(at: 12).items.map(\.position), [0, 2])
        },
        .scene("items keep their inputs, triggers and events as they came") { scene in
            var records = [scene.collectRecord("e1", "a", runAt: 10, until: 10, input: "[1]")]
            records.append(scene.collectRecord("e2", "a", runAt: 10, until: 10))
            records[1].runs[0].trigger = nil
            _ = try await scene.store.accept(records)
            let items = try await scene.claimOne(at: 10).items
            try expect("inputs", items.map(\.input), [Array("[1]".utf8), nil])
            try expect("triggers", items.map(\.trigger), ["orders", nil])
            for (item, record) in zip(items, records) { try expectSame(item.event, record.event) }
        },
        .scene("events that joined a run are kept as long as it is, and go with it") { scene in
            let claimed = try await scene.batch(3)
            func prune(at: Int) async throws -> Int {
                try await scene.store.prune(runsBefore: scene.second(at), eventsBefore: scene.second(at), limit: 100)
            }
            try expect("while it runs", try await prune(at: 1000), 0)
            try await scene.settle(claimed, .complete(result: nil), at: 11)
            try expect("too early", try await prune(at: 11), 0)
            try expect("the run and its events", try await prune(at: 1000), 4)
            try expect("nothing is left", try await scene.store.events(after: 0, limit: 10).count, 0)
        },
        .scene("an event that joined one run and made another stays until both are gone") { scene in
            var records = (1...2).map { scene.collectRecord("e\($0)", "a", runAt: 10, until: 10) }
            records[1].runs.append(scene.newRun("other"))
            _ = try await scene.store.accept(records)
            let batch = try await scene.claimOne(at: 10)
            try await scene.settle(batch, .complete(result: nil), at: 11)
            func prune() async throws -> Int {
                try await scene.store.prune(
                    runsBefore: scene.second(1000), eventsBefore: scene.second(1000), limit: 100)
            }
            try expect("the run and its own event", try await prune(), 2)
            try expect("the other's event", try await scene.record(of: "e2").decisions.map(\.job), ["other"])
            try await scene.settle(try await scene.claimOne("other", at: 12), .complete(result: nil), at: 13)
            try expect("the rest", try await prune(), 2)
        },
    ]
}

extension Array {
    fileprivate func asyncMap<Value>(_ transform: (Element) async throws -> Value) async throws -> [Value] {
        var values: [Value] = []
        for element in self { values.append(try await transform(element)) }
        return values
    }
}

extension StoreScene {
    fileprivate func collectRecord(
        _ event: String, _ key: String, at: Int = 0, runAt: Int, until: Int?, size: Int = 100,
        keep: DebouncePolicy.Keep = .all, isOpen: Bool = true, input: String? = nil
    ) -> IntakeRecord {
        var run = newRun("send", runAt: runAt)
        run.input = input.map { Array($0.utf8) }
        run.collect = CollectClaim(key: key, until: until.map { second($0) }, size: size, keep: keep, isOpen: isOpen)
        return record(event, [run], at: at)
    }

    /// Accepts an event that may join a run.
    fileprivate func collect(
        _ event: String, _ key: String, at: Int = 0, runAt: Int, until: Int?, size: Int = 100,
        keep: DebouncePolicy.Keep = .all, isOpen: Bool = true, input: String? = nil
    ) async throws -> Acceptance {
        let record = collectRecord(
            event, key, at: at, runAt: runAt, until: until, size: size, keep: keep, isOpen: isOpen, input: input)
        let answer = try require("an answer", try await store.accept([record]).first)
        try expect("one run is answered", answer.runs.count, 1)
        return answer
    }

    /// A claimed run of so many items.
    fileprivate func batch(_ count: Int, lasting: Int = 30) async throws -> ClaimedRun {
        for number in 1...count { _ = try await collect("e\(number)", "a", runAt: 10, until: 10) }
        return try await claimOne(at: 10, lasting: lasting)
    }
}
