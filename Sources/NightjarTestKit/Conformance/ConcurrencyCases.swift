import CloudEvents
import NightjarCore

extension RunStoreConformance {
    static let concurrency: [RunStoreCase] = [
        .scene("nodes that claim at the same time never share a run") { scene in
            _ = try await scene.store.accept((0..<200).map { scene.record("e\($0)", [scene.newRun("send")]) })
            let claimed = try await withThrowingTaskGroup(of: [ClaimedRun].self) { group in
                for node in 0..<8 {
                    group.addTask {
                        var mine: [ClaimedRun] = []
                        for _ in 0..<20 { mine += try await scene.claim(limit: 3, node: "node-\(node)") }
                        return mine
                    }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try expect("all are claimed", claimed.count, 200)
            try expect("each once", Set(claimed.map(\.lease.run)).count, 200)
            try expect("each with a token of its own", Set(claimed.map(\.lease.token)).count, 200)
        },
        .scene("an event that is accepted by many at the same time makes one run") { scene in
            let answers = try await withThrowingTaskGroup(of: [Acceptance].self) { group in
                for _ in 0..<16 {
                    group.addTask { try await scene.store.accept([scene.record("e1", [scene.newRun("send")])]) }
                }
                return try await group.reduce(into: []) { $0 += $1 }
            }
            try expect("one was accepted", answers.count { $0.outcome == .accepted }, 1)
            try expect("all name the same run", Set(answers.map(\.runs)).count, 1)
            try expect("the runs", try await scene.store.runs(RunQuery()).runs.count, 1)
        },
        .scene("of many who settle one lease at the same time, one does") { scene in
            let claimed = try await scene.running("e1")
            let results = try await withThrowingTaskGroup(of: SettleResult.self) { group in
                for number in 0..<16 {
                    group.addTask {
                        let child = scene.record("child-\(number)", [])
                        return try await scene.settle(claimed, .complete(result: [UInt8(number)]), emitted: [child])
                    }
                }
                return try await group.reduce(into: []) { $0.append($1) }
            }
            try expect("one settled", results.count { $0 != .leaseLost }, 1)
            let events = try await scene.store.events(after: nil, limit: 100)
            try expect("one child was taken", events.count, 2)
            try expect("the attempts", try await scene.run(claimed.lease.run).attempts.count, 1)
        },
        .scene("a storm of everything at once loses nothing, doubles nothing and ends") { scene in
            try await StoreStorm(scene: scene, taskCount: 8, roundCount: 40, seed: 7).run()
        },
        .scene("a storm on few jobs and many nodes does so too") { scene in
            try await StoreStorm(scene: scene, taskCount: 16, roundCount: 20, seed: 20_071_989).run()
        },
    ]
}
