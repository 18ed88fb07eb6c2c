import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// What a run emits, and its completion, are one transaction.
    static let emissions: [RunStoreCase] = [
        .scene("what a run emits is taken with its completion") { scene in
            let claimed = try await scene.running("e1")
            let runs = [scene.newRun("index", runAt: 5), scene.newRun("announce", runAt: 500)]
            let change = SourceStateChange(trigger: "orders", key: "offset", value: [9])
            let refusal = Decision(trigger: "other", outcome: .refused, reason: "its type")
            let emitted = [
                scene.record("child-1", runs, at: 5, refusals: [refusal], stateChanges: [change]),
                scene.record("child-2", [], at: 5),
            ]
            let result = try await scene.settle(claimed, .complete(result: nil), at: 5, emitted: emitted)
            let answers = [
                Acceptance(source: "/orders", id: "child-1", outcome: .accepted, runs: runs.map(\.id)),
                Acceptance(source: "/orders", id: "child-2", outcome: .accepted, runs: []),
            ]
            try expect("the answer", result, .settled(.completed, emitted: answers))
            try await scene.expectState(runs[0].id, .available)
            try await scene.expectState(runs[1].id, .scheduled)
            try expect("the refusal", try await scene.record(of: "child-1").decisions.last, refusal)
            try expect("the source's state", try await scene.store.sourceState(trigger: "orders"), ["offset": [9]])
        },
        .scene("what a run emits is not taken when its lease is lost") { scene in
            let claimed = try await scene.running("e1")
            try await scene.settle(claimed, .release)
            let emitted = [scene.record("child", [scene.newRun("index")])]
            let result = try await scene.settle(claimed, .complete(result: nil), at: 2, emitted: emitted)
            try expect("the answer", result, .leaseLost)
            try expect("the event", try await scene.store.events(id: "child", source: nil), [])
            try expect("what can be claimed", try await scene.claim(["index"], at: 3).count, 0)
        },
        .scene("what a run emitted before is a duplicate") { scene in
            let child = try await scene.accept("child", job: "index")
            let claimed = try await scene.running("e1")
            let known = scene.record("child", [scene.newRun("index")])
            let emitted = [known, scene.record("new", []), scene.record("new", [])]
            let result = try await scene.settle(claimed, .complete(result: nil), emitted: emitted)
            let answers = [
                Acceptance(source: "/orders", id: "child", outcome: .duplicate, runs: [child]),
                Acceptance(source: "/orders", id: "new", outcome: .accepted, runs: []),
                Acceptance(source: "/orders", id: "new", outcome: .duplicate, runs: []),
            ]
            try expect("the answer", result, .settled(.completed, emitted: answers))
        },
        .scene("when what one run emits is impossible, nothing of the batch is settled") { scene in
            let taken = try await scene.accept("e0", job: "index")
            let first = try await scene.running("e1")
            let second = try await scene.running("e2")
            let impossible = scene.record("child-2", [scene.newRun("charge", id: taken)])
            let batch = [
                scene.settlement(first, .complete(result: nil), emitted: [scene.record("child-1", [])]),
                scene.settlement(second, .complete(result: nil), emitted: [impossible]),
            ]
            try await expectError("a run id that is in use for another event", .conflict) {
                () async throws(StoreError) in try await scene.store.settle(batch)
            }
            try await scene.expectState(first.lease.run, .running)
            try await scene.expectState(second.lease.run, .running)
            try expect("what was emitted", try await scene.store.events(id: "child-1", source: nil), [])
            let result = try await scene.settle(first, .complete(result: nil), at: 2)
            try expect("the lease still holds", result, .settled(.completed, emitted: []))
        },
        .scene("a run that does not complete emits nothing") { scene in
            let transitions: [Settlement.Transition] = [
                .retry(at: scene.second(1), history: RunHistory()), .die(reason: "no", history: RunHistory()),
                .cancel(reason: "no"), .release,
            ]
            for (index, transition) in transitions.enumerated() {
                let claimed = try await scene.running("e\(index)", job: "job-\(index)")
                let result = try await scene.settle(claimed, transition, emitted: [scene.record("child", [])])
                guard case .settled(_, let answers) = result else {
                    return try expect("the answer is settled", false)
                }
                try expect("the answers for what it emitted", answers, [])
            }
            try expect("the event", try await scene.store.events(id: "child", source: nil), [])
        },
    ]
}
