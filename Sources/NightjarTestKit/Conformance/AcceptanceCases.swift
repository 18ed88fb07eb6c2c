import CloudEvents
import NightjarCore

extension RunStoreConformance {
    static let acceptance: [RunStoreCase] = [
        .scene("a new event is accepted and its run is available") { scene in
            let new = scene.newRun("send", priority: 3)
            let answers = try await scene.store.accept([scene.record("e1", [new], at: 5)])
            let accepted = Acceptance(source: "/orders", id: "e1", outcome: .accepted, runs: [new.id])
            try expect("the answer", answers, [accepted])
            let expected = Run(
                id: new.id, job: "send", state: .available, trigger: "orders", event: scene.event("e1"), priority: 3,
                createdAt: scene.second(5), runAt: scene.second(0))
            try expect("the run", try await scene.run(new.id), expected)
        },
        .scene("a run whose time is to come is scheduled") { scene in
            let id = try await scene.accept("e1", at: 5, runAt: 6)
            let run = try await scene.run(id)
            try expect("its state", run.state, .scheduled)
            try expect("its time", run.runAt, scene.second(6))
        },
        .scene("a run whose time is that of its acceptance is available") { scene in
            try await scene.expectState(try await scene.accept("e1", at: 5, runAt: 5), .available)
        },
        .scene("one event makes a run for each of its jobs") { scene in
            let runs = [
                scene.newRun("send"), scene.newRun("index", trigger: "search"), scene.newRun("charge", trigger: nil),
            ]
            let answers = try await scene.store.accept([scene.record("e1", runs)])
            try expect("the answered runs", answers.first?.runs, runs.map(\.id))
            for new in runs {
                let run = try await scene.run(new.id)
                try expect("the run's job", run.job, new.job)
                try expect("the run's trigger", run.trigger, new.trigger)
            }
        },
        .scene("an event that makes no run is kept with the refusals") { scene in
            let refusals = [
                Decision(trigger: "big-orders", job: "send", outcome: .refused, reason: "total is 3, wanted: > 100"),
                Decision(trigger: "é\"'%", outcome: .refused),
            ]
            let answers = try await scene.store.accept([scene.record("e1", [], refusals: refusals)])
            let accepted = Acceptance(source: "/orders", id: "e1", outcome: .accepted, runs: [])
            try expect("the answer", answers, [accepted])
            try expect("the decisions", try await scene.record(of: "e1").decisions, refusals)
        },
        .scene("an event that was accepted before is a duplicate and makes no second run") { scene in
            let first = try await scene.accept("e1")
            let answers = try await scene.store.accept([scene.record("e1", [scene.newRun("send")], at: 9)])
            let duplicate = Acceptance(source: "/orders", id: "e1", outcome: .duplicate, runs: [first])
            try expect("the answer", answers, [duplicate])
            try expect("the runs", try await scene.store.runs(RunQuery()).runs.map(\.id), [first])
            try expect("when it was accepted", try await scene.record(of: "e1").acceptedAt, scene.second(0))
        },
        .scene("an event that comes twice in a batch is a duplicate the second time") { scene in
            let first = scene.newRun("send")
            let answers = try await scene.store.accept([
                scene.record("e1", [first]), scene.record("e2", []), scene.record("e1", [scene.newRun("send")]),
            ])
            try expect("the outcomes", answers.map(\.outcome), [.accepted, .accepted, .duplicate])
            try expect("the duplicate's runs", answers.last?.runs, [first.id])
            try expect("the runs", try await scene.store.runs(RunQuery()).runs.map(\.id), [first.id])
        },
        .scene("a duplicate makes runs only for the jobs that have none of it") { scene in
            let first = try await scene.accept("e1", job: "send")
            let later = scene.newRun("index")
            let record = scene.record("e1", [scene.newRun("send"), later])
            let answers = try await scene.store.accept([record])
            let duplicate = Acceptance(source: "/orders", id: "e1", outcome: .duplicate, runs: [first, later.id])
            try expect("the answer", answers, [duplicate])
            try await scene.expectState(later.id, .available)
            try expect("the decisions' runs", try await scene.record(of: "e1").decisions.map(\.run), [first, later.id])
        },
        .scene("a duplicate of an event whose run is finished makes no second run") { scene in
            let first = try await scene.run(at: .completed)
            let answers = try await scene.store.accept([scene.record("e1", [scene.newRun("send")])])
            try expect("the answered runs", answers.first?.runs, [first])
            try expect("what can be claimed", try await scene.claim(at: 100).count, 0)
        },
        .scene("a batch that is accepted again answers the same runs") { scene in
            let batch = (1...20).map { scene.record("e\($0)", [scene.newRun("send"), scene.newRun("index")]) }
            let first = try await scene.store.accept(batch)
            let second = try await scene.store.accept(batch)
            try expect("the runs", second.map(\.runs), first.map(\.runs))
            try expect("all are duplicates", second.allSatisfy { $0.outcome == .duplicate })
        },
        .scene("the same id from another source is another event") { scene in
            let other = scene.newRun("send")
            try await scene.accept("e1")
            let answers = try await scene.store.accept([
                IntakeRecord(
                    event: scene.event("e1", source: "/returns"), acceptedAt: scene.second(0), runs: [other])
            ])
            let accepted = Acceptance(source: "/returns", id: "e1", outcome: .accepted, runs: [other.id])
            try expect("the answer", answers, [accepted])
            try expect("events of that id", try await scene.store.events(id: "e1", source: nil).count, 2)
        },
        .scene("ids that differ only in Unicode normalization are two events") { scene in
            let answers = try await scene.store.accept([scene.record("caf\u{E9}", []), scene.record("cafe\u{301}", [])])
            try expect("the outcomes", answers.map(\.outcome), [.accepted, .accepted])
        },
        .scene("ids that differ only in case are two events") { scene in
            let answers = try await scene.store.accept([scene.record("a1", []), scene.record("A1", [])])
            try expect("the outcomes", answers.map(\.outcome), [.accepted, .accepted])
        },
        .scene("answers come in the order of the batch") { scene in
            let ids = ["m", "z", "a", "k", "b"]
            let answers = try await scene.store.accept(ids.map { scene.record($0, []) })
            try expect("the answers' ids", answers.map(\.id), ids)
        },
        .scene("an empty batch is no change") { scene in
            try expect("the answers", try await scene.store.accept([]), [])
            try expect("the events", try await scene.store.events(after: 0, limit: 10), [])
        },
        .scene("a batch with one impossible record takes nothing") { scene in
            let taken = try await scene.accept("e1")
            let batch = [
                scene.record(
                    "e2", [scene.newRun("send")],
                    stateChanges: [SourceStateChange(trigger: "orders", key: "offset", value: [1])]),
                scene.record("e3", [scene.newRun("send", id: taken)]),
            ]
            try await expectError("a run id that is in use for another event", .conflict) {
                () async throws(StoreError) in try await scene.store.accept(batch)
            }
            try expect("events", try await scene.store.events(after: 0, limit: 10).map(\.event.id), ["e1"])
            try expect("runs", try await scene.store.runs(RunQuery()).runs.map(\.id), [taken])
            try expect("source state", try await scene.store.sourceState(trigger: "orders"), [:])
        },
        .scene("a batch of 5,000 events is taken whole") { scene in
            let batch = (0..<5000).map { scene.record("e\($0)", [scene.newRun("send")]) }
            let answers = try await scene.store.accept(batch)
            try expect("the answers' runs", answers.map(\.runs), batch.map { $0.runs.map(\.id) })
            try expect("counts", try await scene.store.counts(), ["send": [.available: 5000]])
            let claimed = try await scene.claim(limit: 5000)
            try expect("the order of claims", claimed.map(\.lease.run), batch.flatMap { $0.runs.map(\.id) })
        },
        .scene("a source's state is stored with its events") { scene in
            let changes = [
                SourceStateChange(trigger: "orders", key: "partition-0", value: [0, 255, 10]),
                SourceStateChange(trigger: "orders", key: "partition-1", value: []),
                SourceStateChange(trigger: "inbox", key: "partition-0", value: [7]),
            ]
            _ = try await scene.store.accept([scene.record("e1", [], stateChanges: changes)])
            let orders: [String: [UInt8]] = ["partition-0": [0, 255, 10], "partition-1": []]
            try expect("its state", try await scene.store.sourceState(trigger: "orders"), orders)
            try expect("another's", try await scene.store.sourceState(trigger: "inbox"), ["partition-0": [7]])
            try expect("an unknown one's", try await scene.store.sourceState(trigger: "none"), [:])
        },
        .scene("a source's state advances with duplicates too") { scene in
            try await scene.accept("e1")
            let change = SourceStateChange(trigger: "orders", key: "offset", value: [2])
            _ = try await scene.store.accept([scene.record("e1", [], stateChanges: [change])])
            try expect("its state", try await scene.store.sourceState(trigger: "orders"), ["offset": [2]])
        },
        .scene("the last of several changes of a source's state wins, and nil forgets") { scene in
            func record(_ id: String, _ key: String, _ value: [UInt8]?) -> IntakeRecord {
                scene.record(id, [], stateChanges: [SourceStateChange(trigger: "orders", key: key, value: value)])
            }
            _ = try await scene.store.accept([record("e1", "a", [1]), record("e2", "a", [2]), record("e3", "b", [3])])
            _ = try await scene.store.accept([record("e4", "b", nil), record("e5", "never", nil)])
            try expect("its state", try await scene.store.sourceState(trigger: "orders"), ["a": [2]])
        },
    ]
}
