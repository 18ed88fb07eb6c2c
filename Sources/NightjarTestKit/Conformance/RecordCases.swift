import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// Events as they are kept.
    static let records: [RunStoreCase] = [
        .scene("an event is kept with a decision for each run, then its refusals") { scene in
            let runs = [scene.newRun("send"), scene.newRun("index", trigger: nil)]
            let refusal = Decision(trigger: "big-orders", outcome: .refused, reason: "too small")
            _ = try await scene.store.accept([scene.record("e1", runs, at: 3, refusals: [refusal])])
            let record = try await scene.record(of: "e1")
            try expect("when it was accepted", record.acceptedAt, scene.second(3))
            let expected = [
                Decision(trigger: "orders", job: "send", outcome: .started, run: runs[0].id),
                Decision(trigger: nil, job: "index", outcome: .started, run: runs[1].id), refusal,
            ]
            try expect("the decisions", record.decisions, expected)
        },
        .scene("events of one id are found newest first, from every source or from one") { scene in
            for source in ["/b", "/a", "/c"] {
                let event = scene.event("e1", source: source)
                _ = try await scene.store.accept([IntakeRecord(event: event, acceptedAt: scene.second(0), runs: [])])
            }
            try await scene.accept("e2")
            let all = try await scene.store.events(id: "e1", source: nil)
            try expect("from every source", all.map(\.event.source), ["/c", "/a", "/b"])
            let one = try await scene.store.events(id: "e1", source: "/a")
            try expect("from one", one.map(\.event.source), ["/a"])
            try expect("from another", try await scene.store.events(id: "e1", source: "/d"), [])
            try expect("of another id", try await scene.store.events(id: "E1", source: nil), [])
        },
        .scene("events are numbered in the order of acceptance, duplicates not") { scene in
            _ = try await scene.store.accept([scene.record("e1", []), scene.record("e2", []), scene.record("e1", [])])
            _ = try await scene.store.accept([scene.record("e3", [])])
            let records = try await scene.store.events(after: nil, limit: 10)
            try expect("the events", records.map(\.event.id), ["e1", "e2", "e3"])
            let grow = zip(records, records.dropFirst()).allSatisfy { $0.sequence < $1.sequence }
            try expect("their numbers grow", grow)
        },
        .scene("events after a number are read on in their order") { scene in
            _ = try await scene.store.accept((1...7).map { scene.record("e\($0)", []) })
            var read: [String] = []
            var last: Int64 = 0
            while true {
                let records = try await scene.store.events(after: last, limit: 3)
                guard let newest = records.last, read.count < 20 else { break }
                read += records.map(\.event.id)
                last = newest.sequence
            }
            try expect("the events", read, (1...7).map { "e\($0)" })
            _ = try await scene.store.accept([scene.record("e8", [])])
            let more = try await scene.store.events(after: last, limit: 3)
            try expect("what came since", more.map(\.event.id), ["e8"])
        },
        .scene("without a number the last events are read, oldest of them first") { scene in
            _ = try await scene.store.accept((1...7).map { scene.record("e\($0)", [scene.newRun("send")]) })
            let records = try await scene.store.events(after: nil, limit: 3)
            try expect("the events", records.map(\.event.id), ["e5", "e6", "e7"])
            try expect("each with its decision", records.map(\.decisions.count), [1, 1, 1])
            try expect("their data", records.map(\.event.data), Array(repeating: Array("{}".utf8), count: 3))
            try expect("none", try await scene.store.events(after: nil, limit: 0), [])
        },
    ]

    /// Pauses and retention.
    static let upkeep: [RunStoreCase] = [
        .scene("what is paused is remembered until it is resumed") { scene in
            try expect("at first", try await scene.store.pauses(), [])
            let job = Pause(.job, "send")
            let trigger = Pause(.trigger, "send")
            for pause in [job, trigger, job] {
                try await scene.store.setPaused(pause, true, now: scene.second(1))
            }
            try expect("both", try await scene.store.pauses(), [job, trigger])
            try await scene.store.setPaused(job, false, now: scene.second(2))
            try expect("the other", try await scene.store.pauses(), [trigger])
            try await scene.store.setPaused(Pause(.job, "never"), false, now: scene.second(2))
            try await scene.store.setPaused(trigger, false, now: scene.second(3))
            try expect("at last", try await scene.store.pauses(), [])
        },
        .scene("completed and cancelled runs that finished before the time are removed, with their history") { scene in
            let completed = try await scene.run(at: .completed, event: "e1")
            let cancelled = try await scene.run(at: .cancelled, event: "e2")
            // Both finished in second 1.
            let early = try await scene.store.prune(
                runsBefore: scene.second(1), eventsBefore: scene.second(100), limit: 10)
            try expect("at that time", early, 0)
            let removed = try await scene.store.prune(
                runsBefore: scene.second(1) + StoreScene.microsecond, eventsBefore: scene.second(100), limit: 10)
            try expect("after that time, with their events", removed, 4)
            for id in [completed, cancelled] { try expect("the run", try await scene.store.run(id), nil) }
            try expect("the list", try await scene.store.runs(RunQuery()).runs, [])
        },
        .scene("a run stays as long as its event does, which makes no second one when it comes again") { scene in
            let id = try await scene.run(at: .completed, event: "e1")
            for eventsBefore in [Timestamp.distantPast, scene.second(0)] {
                let removed = try await scene.store.prune(
                    runsBefore: .distantFuture, eventsBefore: eventsBefore, limit: 10)
                try expect("removed", removed, 0)
                let answers = try await scene.store.accept([scene.record("e1", [scene.newRun("send")], at: 3)])
                let duplicate = Acceptance(source: "/orders", id: "e1", outcome: .duplicate, runs: [id])
                try expect("the answer", answers, [duplicate])
            }
        },
        .scene("dead runs and runs that are not finished are never removed, nor are their events") { scene in
            let kept: [RunState] = [.scheduled, .available, .running, .retryable, .dead]
            var before: [Run] = []
            for state in kept {
                let id = try await scene.run(at: state, event: "e-\(state)", job: "job-\(state)")
                before.append(try await scene.run(id))
            }
            let removed = try await scene.store.prune(
                runsBefore: .distantFuture, eventsBefore: .distantFuture, limit: 100)
            try expect("removed", removed, 0)
            for run in before { try expect("the run", try await scene.run(run.id), run) }
        },
        .scene("events that were accepted before the time and have no run left are removed") { scene in
            _ = try await scene.store.accept([scene.record("e1", [], at: 1), scene.record("e2", [], at: 2)])
            let removed = try await scene.store.prune(
                runsBefore: .distantPast, eventsBefore: scene.second(2), limit: 10)
            try expect("removed", removed, 1)
            try expect("kept", try await scene.store.events(after: 0, limit: 10).map(\.event.id), ["e2"])
        },
        .scene("an event that matched nothing at first and made a run when it came again goes with that run") { scene in
            _ = try await scene.store.accept([scene.record("e1", [], at: 1)])
            _ = try await scene.store.accept([scene.record("e1", [scene.newRun("send")], at: 2)])
            try expect("while its run is live", try await pruneAll(scene), 0)
            try await scene.settle(try await scene.claimOne("send"), .complete(result: nil))
            try expect("the run and the event", try await pruneAll(scene), 2)
            try expect("the event", try await scene.store.events(id: "e1", source: nil), [])
        },
        .scene("an event stays as long as one of its runs does") { scene in
            let completed = scene.newRun("send")
            let dead = scene.newRun("index")
            _ = try await scene.store.accept([scene.record("e1", [completed, dead])])
            try await scene.settle(try await scene.claimOne("send"), .complete(result: nil))
            try await scene.settle(try await scene.claimOne("index"), .die(reason: "no", history: RunHistory()))
            _ = try await pruneAll(scene)
            try expect("the event's runs", try await scene.record(of: "e1").decisions.map(\.run), [dead.id])
            _ = try await scene.store.change(.discard, .ids([dead.id]), now: scene.second(5), limit: 1)
            _ = try await pruneAll(scene)
            try expect("the event", try await scene.store.events(id: "e1", source: nil), [])
        },
        .scene("pruning removes the runs that finished first, at most its limit at a time, until none is left") {
            scene in
            var ids: [RunID] = []
            for number in 0..<5 {
                let claimed = try await scene.running("e\(number)")
                ids.append(claimed.lease.run)
                try await scene.settle(claimed, .complete(result: nil), at: 10 - number)
            }
            let first = try await scene.store.prune(
                runsBefore: scene.second(100), eventsBefore: scene.second(100), limit: 2)
            try expect("the first two and their events", first, 4)
            let left = try await scene.store.runs(RunQuery()).runs.map(\.id)
            try expect("the rest", left, Array(ids[0..<3].reversed()))
            try expect("runs and events", try await pruneAll(scene, limit: 2), 6)
            try expect("a limit of zero", try await pruneAll(scene, limit: 0), 0)
        },
        .scene("an event that was removed is new when it comes again, and the order of events goes on") { scene in
            let old = try await scene.run(at: .completed)
            let first = try await scene.record(of: "e1").sequence
            _ = try await pruneAll(scene)
            let new = scene.newRun("send")
            let answers = try await scene.store.accept([scene.record("e1", [new])])
            let accepted = Acceptance(source: "/orders", id: "e1", outcome: .accepted, runs: [new.id])
            try expect("the answer", answers, [accepted])
            try expect("the old run", try await scene.store.run(old), nil)
            try expect("its number grew", try await scene.record(of: "e1").sequence > first)
            try expect("its attempts", try await scene.run(new.id).attempts, [])
        },
        .scene("a lease of a run that was removed is lost") { scene in
            let claimed = try await scene.running("e1")
            try await scene.settle(claimed, .complete(result: nil))
            _ = try await pruneAll(scene)
            let result = try await scene.settle(claimed, .complete(result: nil), at: 9)
            try expect("the settlement", result, .leaseLost)
            let id = claimed.lease.run
            let changes = try await scene.store.change(.retry, .ids([id]), now: scene.second(9), limit: 1)
            try expect("a command", changes, [RunChange(id: id, job: nil, outcome: .notFound)])
        },
        .scene("a source's state outlives its events") { scene in
            let change = SourceStateChange(trigger: "orders", key: "offset", value: [4])
            _ = try await scene.store.accept([scene.record("e1", [], stateChanges: [change])])
            _ = try await pruneAll(scene)
            try expect("its state", try await scene.store.sourceState(trigger: "orders"), ["offset": [4]])
        },
    ]

    /// Prunes until nothing is left to remove, and answers how much that was.
    private static func pruneAll(_ scene: StoreScene, limit: Int = 100) async throws -> Int {
        var total = 0
        for _ in 0..<100 {
            let removed = try await scene.store.prune(
                runsBefore: scene.second(1000), eventsBefore: scene.second(1000), limit: limit)
            if removed == 0 { break }
            total += removed
        }
        return total
    }
}
