import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// Commands on many, page after page, and retries with another input.
    static let bulkCases: [RunStoreCase] =
        [
            .scene("a command on all that fit visits each once, page after page, those too that still fit afterwards") {
                scene in
                var ids: [RunID] = []
                for number in 0..<7 {
                    ids.append(try await scene.running("e\(number)").lease.run)
                }
                let waiting = try await scene.accept("e7", runAt: 100)
                var visited: [RunChange] = []
                var last: RunID?
                for _ in 0..<20 {
                    let page = try await scene.store.change(
                        .cancel, .filter(RunFilter(job: "send"), after: last), now: scene.second(5), limit: 3)
                    if page.isEmpty { break }
                    try expect("at most the limit", page.count <= 3)
                    visited += page
                    last = page.last?.id
                }
                // The running ones stay what they are until their nodes heed the request.
                let asked = ids.map { RunChange(id: $0, job: "send", outcome: .cancelRequested) }
                let cancelled = RunChange(id: waiting, job: "send", outcome: .changed(.cancelled))
                try expect("each once", visited, asked + [cancelled])
            },
            .scene("a page of a command begins after the run that is named, whether or not that still exists or fits") {
                scene in
                var ids: [RunID] = []
                for number in 0..<4 { ids.append(try await scene.run(at: .dead, event: "e\(number)")) }
                _ = try await scene.store.change(.discard, .ids([ids[1]]), now: scene.second(9), limit: 1)
                let page = try await scene.store.change(
                    .retry, .filter(RunFilter(states: [.dead]), after: ids[1]), now: scene.second(10), limit: 9)
                try expect("those after it", page.map(\.id), [ids[2], ids[3]])
                let beyond = RunID(high: .max, low: .max)
                let rest = try await scene.store.change(
                    .retry, .filter(RunFilter(), after: beyond), now: scene.second(10), limit: 9)
                try expect("after all of them", rest, [])
            },
            .scene("runs that were accepted after a time are left alone, listed and counted without them") { scene in
                let first = try await scene.accept("e1", at: 1, runAt: 100)
                let second = try await scene.accept("e2", at: 2, runAt: 100)
                let third = try await scene.accept("e3", at: 3, runAt: 100)
                let filter = RunFilter(createdUntil: scene.second(2))
                try expect("counted", try await scene.store.count(filter), 2)
                let listed = try await scene.store.runs(RunQuery(filter)).runs.map(\.id)
                try expect("listed", listed, [second, first])
                let changes = try await scene.store.change(.cancel, .filter(filter), now: scene.second(4), limit: 9)
                try expect("changed", changes.map(\.id), [first, second])
                try await scene.expectState(third, .scheduled)
            },
            .scene("runs are counted by every part of a filter") { scene in
                for (number, state) in RunState.allCases.enumerated() {
                    _ = try await scene.run(at: state, event: "e\(number)", job: "job\(number)")
                }
                let counts: [(RunFilter, Int)] = [
                    (RunFilter(), 7), (RunFilter(states: [.dead, .cancelled]), 2), (RunFilter(states: [.completed]), 1),
                    (RunFilter(states: [.scheduled, .retryable, .available, .running]), 4), (RunFilter(job: "job3"), 1),
                    (RunFilter(trigger: "orders"), 7), (RunFilter(trigger: "other"), 0), (RunFilter(text: "E3"), 1),
                    (RunFilter(states: [.dead], job: "job5", trigger: "orders", text: "e"), 1),
                ]
                for (filter, expected) in counts {
                    try expect("runs of \(filter)", try await scene.store.count(filter), expected)
                }
            },
        ] + editCases

    private static let editCases: [RunStoreCase] =
        RunState.allCases.map { state in
            let isRetried = RunCommand.retry.states.contains(state)
            let words = isRetried ? "makes it available with that input" : "changes nothing"
            return .scene("a retry with another input of a run that is \(state): \(words)") { scene in
                let id = try await scene.run(at: state)
                let before = try await scene.run(id)
                let change = try await scene.store.retry(id, input: Array("[1]".utf8), now: scene.second(100))
                guard isRetried else {
                    try expect("the answer", change, RunChange(id: id, job: "send", outcome: .notApplicable(state)))
                    return try expect("the run", try await scene.run(id), before)
                }
                try expect("the answer", change, RunChange(id: id, job: "send", outcome: .changed(.available)))
                let after = try await scene.run(id)
                try expect("the state", after.state, .available)
                try expect("the input", after.input, Array("[1]".utf8))
                try expect("when it was edited", after.inputEditedAt, scene.second(100))
                try expect("its event stays", after.event, before.event)
                let claimed = try await scene.claimOne(at: 100)
                try expect("what is claimed", claimed.input, Array("[1]".utf8))
                try expect("with its event", claimed.event, before.event)
            }
        } + [
            .scene("an input can be edited again, and stays edited when the run is retried without another") { scene in
                let id = try await scene.run(at: .dead)
                for (second, input) in [(10, "1"), (20, "2")] {
                    _ = try await scene.store.retry(id, input: Array(input.utf8), now: scene.second(second))
                    let claimed = try await scene.claimOne(at: second)
                    try expect("the input", claimed.input, Array(input.utf8))
                    try await scene.settle(
                        claimed, .die(reason: "no", history: RunHistory(failures: 1)), at: second + 1)
                }
                _ = try await scene.store.change(.retry, .ids([id]), now: scene.second(30), limit: 1)
                let run = try await scene.run(id)
                try expect("the input", run.input, Array("2".utf8))
                try expect("when it was edited", run.inputEditedAt, scene.second(20))
                let attempts = run.attempts.map(\.outcome)
                try expect("the history stays", attempts, [.failed, .failed, .failed])
            },
            .scene("a retry with another input of a run that does not exist finds nothing") { scene in
                let id = scene.newRunID()
                let change = try await scene.store.retry(id, input: Array("1".utf8), now: scene.second(1))
                try expect("the answer", change, RunChange(id: id, job: nil, outcome: .notFound))
            },
        ]
}
