import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// Runs that were attempted before their acceptance.
    static let earlier: [RunStoreCase] = [
        .scene("a run that failed before its acceptance waits for its next attempt, and keeps the failed one") {
            scene in
            let (new, attempt) = scene.attempted(runAt: 9)
            let answers = try await scene.store.accept([scene.record("e1", [new], at: 5)])
            try expect("the answered runs", answers.first?.runs, [new.id])
            let expected = Run(
                id: new.id, job: "send", state: .retryable, trigger: "orders", event: scene.event("e1"), priority: 0,
                createdAt: scene.second(5), runAt: scene.second(9), attempts: [attempt], reason: "no answer")
            try expect("the run", try await scene.run(new.id), expected)
            try expect("what can be claimed before its time", try await scene.claim(at: 8).count, 0)
            let claimed = try await scene.claimOne(at: 9)
            try expect("its next attempt", claimed.attempt, 4)
            try expect("what is counted", claimed.history, RunHistory(failures: 2, snoozes: 1))
        },
        .scene("a run that failed before its acceptance, and whose time has come, is available") { scene in
            let (new, _) = scene.attempted(runAt: 5)
            _ = try await scene.store.accept([scene.record("e1", [new], at: 5)])
            try await scene.expectState(new.id, .available)
        },
        .scene("a run that was dead before its acceptance stays so until a person retries it") { scene in
            let (new, attempt) = scene.attempted(runAt: 5, death: "no such address")
            _ = try await scene.store.accept([scene.record("e1", [new], at: 5)])
            let expected = Run(
                id: new.id, job: "send", state: .dead, trigger: "orders", event: scene.event("e1"), priority: 0,
                createdAt: scene.second(5), runAt: scene.second(5), finishedAt: scene.second(5), attempts: [attempt],
                reason: "no such address")
            try expect("the run", try await scene.run(new.id), expected)
            try expect("what can be claimed", try await scene.claim(at: 100).count, 0)
            let changes = try await scene.store.change(
                .retry, .ids([new.id]), now: scene.second(100), limit: 1)
            try expect("the change", changes.first?.outcome, .changed(.available))
            try expect("its next attempt", try await scene.claimOne(at: 100).attempt, 4)
        },
        .scene("a run that failed before its acceptance is not made twice") { scene in
            let (new, _) = scene.attempted(runAt: 9)
            _ = try await scene.store.accept([scene.record("e1", [new], at: 5)])
            let (again, _) = scene.attempted(runAt: 20, death: "gone")
            let answers = try await scene.store.accept([scene.record("e1", [again], at: 6)])
            try expect("the answer's outcome", answers.first?.outcome, .duplicate)
            try expect("the answered runs", answers.first?.runs, [new.id])
            try await scene.expectState(new.id, .retryable)
        },
    ]
}

extension StoreScene {
    /// A run whose third attempt has failed before its acceptance.
    fileprivate func attempted(runAt: Int, death: String? = nil) -> (NewRun, Attempt) {
        let attempt = Attempt(
            number: 3, node: "node-1", startedAt: second(2), endedAt: second(4), outcome: .failed, error: "no answer",
            output: Array("trying".utf8))
        var new = newRun("send", runAt: runAt)
        new.earlier = EarlierAttempt(attempt, history: RunHistory(failures: 2, snoozes: 1), death: death)
        return (new, attempt)
    }
}
