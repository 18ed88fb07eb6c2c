import CloudEvents
import NightjarCore

extension RunStoreConformance {
    static let settlements: [RunStoreCase] = [
        .scene("a completed run has its result, its history and no lease") { scene in
            let claimed = try await scene.running("e1")
            let attempt = scene.attempt(of: claimed, .completed, endedAt: 7, output: Array("done\n".utf8))
            let results = try await scene.store.settle([
                Settlement(
                    lease: claimed.lease, attempt: attempt, transition: .complete(result: Array("{\"n\":1}".utf8)),
                    at: scene.second(7), progress: Progress(1, "done"))
            ])
            try expect("the answer", results, [.settled(.completed, emitted: [])])
            let expected = Run(
                id: claimed.lease.run, job: "send", state: .completed, trigger: "orders", event: scene.event("e1"),
                priority: 0, createdAt: scene.second(0), runAt: scene.second(0), finishedAt: scene.second(7),
                attempts: [attempt], progress: Progress(1, "done"), result: Array("{\"n\":1}".utf8))
            try expect("the run", try await scene.run(claimed.lease.run), expected)
        },
        .scene("a run that is to be tried later is retryable, with its error as reason") { scene in
            let claimed = try await scene.running("e1")
            let history = RunHistory(failures: 1)
            let retry = Settlement.Transition.retry(at: scene.second(60), history: history)
            let result = try await scene.settle(claimed, retry, error: "no answer")
            try expect("the answer", result, .settled(.retryable, emitted: []))
            let expected = Run(
                id: claimed.lease.run, job: "send", state: .retryable, trigger: "orders", event: scene.event("e1"),
                priority: 0, createdAt: scene.second(0), runAt: scene.second(60),
                attempts: [scene.attempt(of: claimed, .failed, error: "no answer")], reason: "no answer")
            try expect("the run", try await scene.run(claimed.lease.run), expected)
        },
        .scene("a run that is to be tried again by now is available at once") { scene in
            for (id, at) in [("e1", 1), ("e2", 0)] {
                let claimed = try await scene.running(id)
                let result = try await scene.settle(
                    claimed, .retry(at: scene.second(at), history: RunHistory(failures: 1)), at: 1)
                try expect("the answer", result, .settled(.available, emitted: []))
                let run = try await scene.run(claimed.lease.run)
                try expect("its state", run.state, .available)
                try expect("its time", run.runAt, scene.second(at))
                try expect("its lease", run.lease, nil)
                try await scene.settle(try await scene.claimOne(at: 1), .complete(result: nil))
            }
        },
        .scene("a run that fails for good is dead, with the reason") { scene in
            let claimed = try await scene.running("e1")
            let result = try await scene.settle(
                claimed, .die(reason: "out of attempts", history: RunHistory(failures: 8)), at: 3, error: "no answer")
            try expect("the answer", result, .settled(.dead, emitted: []))
            let expected = Run(
                id: claimed.lease.run, job: "send", state: .dead, trigger: "orders", event: scene.event("e1"),
                priority: 0, createdAt: scene.second(0), runAt: scene.second(0), finishedAt: scene.second(3),
                attempts: [scene.attempt(of: claimed, .failed, endedAt: 3, error: "no answer")],
                reason: "out of attempts")
            try expect("the run", try await scene.run(claimed.lease.run), expected)
        },
        .scene("a run that is cancelled while it runs is cancelled, with the reason") { scene in
            let claimed = try await scene.running("e1")
            _ = try await scene.store.change(.cancel, .ids([claimed.lease.run]), now: scene.second(1), limit: 1)
            let result = try await scene.settle(claimed, .cancel(reason: "cancelled by hand"), at: 3)
            try expect("the answer", result, .settled(.cancelled, emitted: []))
            let expected = Run(
                id: claimed.lease.run, job: "send", state: .cancelled, trigger: "orders", event: scene.event("e1"),
                priority: 0, createdAt: scene.second(0), runAt: scene.second(0), finishedAt: scene.second(3),
                attempts: [scene.attempt(of: claimed, .cancelled, endedAt: 3)], reason: "cancelled by hand")
            try expect("the run", try await scene.run(claimed.lease.run), expected)
        },
        .scene("a released run is as if it had not been claimed") { scene in
            let id = try await scene.accept("e1", priority: 4)
            let before = try await scene.run(id)
            let claimed = try await scene.claimOne()
            let result = try await scene.settle(claimed, .release)
            try expect("the answer", result, .settled(.available, emitted: []))
            try expect("the run", try await scene.run(id), before)
        },
        .scene("a released attempt gives its number back, but not its token") { scene in
            let first = try await scene.running("e1")
            try await scene.settle(first, .retry(at: scene.second(1), history: RunHistory(failures: 1)), at: 1)
            let second = try await scene.claimOne(at: 2)
            try await scene.settle(second, .release, at: 3)
            let third = try await scene.claimOne(at: 4)
            try expect("the number", third.attempt, 2)
            try expect("the history", third.history, RunHistory(failures: 1))
            try expect("the token grows", third.lease.token > second.lease.token)
            try expect("the attempts", try await scene.run(third.lease.run).attempts.map(\.number), [1, 2])
        },
        .scene("a released run keeps its place before those that came later") { scene in
            let first = try await scene.running("e1")
            let later = try await scene.accept("e2")
            try await scene.settle(first, .release)
            try expect("the order", try await scene.claim(at: 2).map(\.lease.run), [first.lease.run, later])
        },
        .scene("a lease settles once") { scene in
            let claimed = try await scene.running("e1")
            try await scene.settle(claimed, .complete(result: [1]))
            let run = try await scene.run(claimed.lease.run)
            let again = try await scene.settle(claimed, .die(reason: "late", history: RunHistory(failures: 1)), at: 2)
            try expect("the answer", again, .leaseLost)
            try expect("the run is as it was", try await scene.run(claimed.lease.run), run)
        },
        .scene("a lease settles once, also within a batch") { scene in
            let claimed = try await scene.running("e1")
            let results = try await scene.store.settle([
                scene.settlement(claimed, .complete(result: [1])), scene.settlement(claimed, .complete(result: [2])),
            ])
            try expect("the answers", results, [.settled(.completed, emitted: []), .leaseLost])
            try expect("the result", try await scene.run(claimed.lease.run).result, [1])
        },
        .scene("a stale lease settles nothing") { scene in
            let first = try await scene.running("e1")
            try await scene.settle(first, .retry(at: scene.second(1), history: RunHistory(crashes: 1)))
            let second = try await scene.claimOne(node: "node-2", at: 2)
            let run = try await scene.run(second.lease.run)
            let transitions: [Settlement.Transition] = [
                .complete(result: [1]), .retry(at: scene.second(9), history: RunHistory(failures: 9)),
                .die(reason: "late", history: RunHistory()), .cancel(reason: "late"), .release,
            ]
            for transition in transitions {
                let result = try await scene.settle(first, transition, at: 3)
                try expect("the answer", result, .leaseLost)
                try expect("the run is as it was", try await scene.run(second.lease.run), run)
            }
            let result = try await scene.settle(second, .complete(result: nil), at: 4)
            try expect("the holder's answer", result, .settled(.completed, emitted: []))
        },
        .scene("a released lease settles nothing more") { scene in
            let claimed = try await scene.running("e1")
            try await scene.settle(claimed, .release)
            try expect("the answer", try await scene.settle(claimed, .complete(result: nil), at: 2), .leaseLost)
            try await scene.expectState(claimed.lease.run, .available)
        },
        .scene("a token settles no other run than its own") { scene in
            let first = try await scene.running("e1")
            let second = try await scene.running("e2")
            var mixed = first
            mixed.lease.run = second.lease.run
            try expect("another's run", try await scene.settle(mixed, .complete(result: nil)), .leaseLost)
            mixed.lease.run = scene.newRunID()
            try expect("no run", try await scene.settle(mixed, .complete(result: nil)), .leaseLost)
            try await scene.expectState(second.lease.run, .running)
        },
        .scene("an expired lease settles as long as nobody has taken the run") { scene in
            let claimed = try await scene.running("e1", lasting: 30)
            let result = try await scene.settle(claimed, .complete(result: nil), at: 500)
            try expect("the answer", result, .settled(.completed, emitted: []))
        },
        .scene("settlements are answered in their order, each for itself") { scene in
            let first = try await scene.running("e1")
            let second = try await scene.running("e2")
            let third = try await scene.running("e3")
            try await scene.settle(second, .complete(result: nil))
            let results = try await scene.store.settle([
                scene.settlement(third, .release), scene.settlement(second, .release),
                scene.settlement(first, .die(reason: "no", history: RunHistory())),
            ])
            let expected: [SettleResult] = [
                .settled(.available, emitted: []), .leaseLost, .settled(.dead, emitted: []),
            ]
            try expect("the answers", results, expected)
        },
        .scene("settling nothing answers nothing") { scene in
            try expect("the answers", try await scene.store.settle([]), [])
        },
        .scene("progress that a settlement brings replaces what was reported, and none leaves it") { scene in
            let first = try await scene.running("e1")
            try await scene.store.report([(first.lease, Progress(0.25, "reading"))])
            try await scene.settle(first, .retry(at: scene.second(1), history: RunHistory()))
            try expect("none", try await scene.run(first.lease.run).progress, Progress(0.25, "reading"))
            let second = try await scene.claimOne(at: 2)
            var settlement = scene.settlement(second, .complete(result: nil), at: 3)
            settlement.progress = Progress(0.9)
            _ = try await scene.store.settle([settlement])
            try expect("a newer one", try await scene.run(first.lease.run).progress, Progress(0.9))
        },
        .scene("a run that was asked to be cancelled is cancelled instead of tried again, dead, or given back") {
            scene in
            let endings: [(Settlement.Transition, [Int])] = [
                (.retry(at: scene.second(1), history: RunHistory(failures: 1)), [1]),
                (.die(reason: "no", history: RunHistory(failures: 1)), [1]), (.release, []),
            ]
            for (number, (transition, attempts)) in endings.enumerated() {
                let claimed = try await scene.running("e\(number)")
                let id = claimed.lease.run
                _ = try await scene.store.change(.cancel, .ids([id]), now: scene.second(1), limit: 1)
                let result = try await scene.settle(claimed, transition, at: 2)
                try expect("the answer", result, .settled(.cancelled, emitted: []))
                let run = try await scene.run(id)
                try expect("the state", run.state, .cancelled)
                try expect("the reason", run.reason, "cancelled by hand")
                try expect("when", run.finishedAt, scene.second(2))
                try expect("the request", run.isCancelRequested, false)
                try expect("the attempts", run.attempts.map(\.number), attempts)
                _ = try await scene.store.change(.retry, .ids([id]), now: scene.second(3), limit: 1)
                let again = try await scene.claimOne(at: 4)
                try expect("the next attempt's number", again.attempt, attempts.count + 1)
                let renewals = try await scene.store.renew([again.lease], until: scene.second(90), now: scene.second(5))
                try expect("the renewal", renewals, [.renewed])
                try await scene.settle(again, .complete(result: nil), at: 6)
            }
        },
        .scene("work that is done stays done, though someone asked to cancel it") { scene in
            let claimed = try await scene.running("e1")
            _ = try await scene.store.change(.cancel, .ids([claimed.lease.run]), now: scene.second(1), limit: 1)
            let result = try await scene.settle(claimed, .complete(result: [1]), at: 2)
            try expect("the answer", result, .settled(.completed, emitted: []))
        },
        .scene("a reason is gone once the run completes") { scene in
            let first = try await scene.running("e1")
            try await scene.settle(first, .retry(at: scene.second(1), history: RunHistory()), error: "no answer")
            let second = try await scene.claimOne(at: 2)
            try expect("while it runs", try await scene.run(first.lease.run).reason, "no answer")
            try await scene.settle(second, .complete(result: nil), at: 3)
            try expect("when it is done", try await scene.run(first.lease.run).reason, nil)
        },
        .scene("a long history keeps its order") { scene in
            try await scene.accept("e1")
            var last: RunID?
            for number in 1...30 {
                let claimed = try await scene.claimOne(at: number)
                last = claimed.lease.run
                try await scene.settle(claimed, .retry(at: scene.second(number), history: RunHistory()), at: number)
            }
            let run = try await scene.run(try require("it ran", last))
            try expect("the numbers", run.attempts.map(\.number), Array(1...30))
        },
    ]
}
