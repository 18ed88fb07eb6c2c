import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// Every command on a run of every state.
    static let commandTable: [RunStoreCase] = RunCommand.allCases.flatMap { command in
        RunState.allCases.map { state in
            let expected = outcome(of: command, on: state)
            return .scene("\(command.rawValue) on a run that is \(state): \(words(for: expected))") { scene in
                let id = try await scene.run(at: state)
                let before = try await scene.run(id)
                let changes = try await scene.store.change(command, .ids([id]), now: scene.second(100), limit: 1)
                try expect("the answer", changes, [RunChange(id: id, job: "send", outcome: expected)])
                try expect("the run", try await scene.run(id), changed(before, by: command, to: expected, scene))
            }
        }
    }

    private static func outcome(of command: RunCommand, on state: RunState) -> RunChange.Outcome {
        switch (command, state) {
        case (.retry, .dead), (.retry, .cancelled), (.retry, .scheduled), (.retry, .retryable): .changed(.available)
        case (.cancel, .running): .cancelRequested
        case (.cancel, .scheduled), (.cancel, .available), (.cancel, .retryable): .changed(.cancelled)
        case (.discard, .dead): .changed(.cancelled)
        default: .notApplicable(state)
        }
    }

    private static func words(for outcome: RunChange.Outcome) -> String {
        switch outcome {
        case .changed(let state): "makes it \(state)"
        case .cancelRequested: "asks its node to cancel it"
        case .notApplicable, .notFound: "changes nothing"
        }
    }

    /// The run as it has to be afterwards, field by field.
    private static func changed(
        _ run: Run, by command: RunCommand, to outcome: RunChange.Outcome, _ scene: StoreScene
    ) -> Run {
        var run = run
        switch outcome {
        case .changed(.available):
            if run.state.isFinished {
                run.finishedAt = nil
                run.reason = nil
                run.result = nil
                run.progress = nil
            }
            run.state = .available
            run.runAt = scene.second(100)
        case .changed(let state):
            run.state = state
            run.finishedAt = scene.second(100)
            run.reason = command == .cancel ? "cancelled by hand" : "discarded by hand"
        case .cancelRequested:
            run.isCancelRequested = true
        case .notApplicable, .notFound:
            break
        }
        return run
    }

    static let commands: [RunStoreCase] = [
        .scene("a dead run that is retried begins anew and keeps its history") { scene in
            let id = try await scene.run(at: .dead)
            _ = try await scene.store.change(.retry, .ids([id]), now: scene.second(100), limit: 1)
            let claimed = try await scene.claimOne(at: 100)
            try expect("the counts", claimed.history, RunHistory())
            try expect("the attempt's number", claimed.attempt, 2)
            try await scene.settle(claimed, .complete(result: nil), at: 101)
            let outcomes = try await scene.run(id).attempts.map(\.outcome)
            try expect("the history", outcomes, [.failed, .completed])
        },
        .scene("a run that was cancelled while it waited can be retried") { scene in
            let id = try await scene.run(at: .scheduled)
            _ = try await scene.store.change(.cancel, .ids([id]), now: scene.second(1), limit: 1)
            _ = try await scene.store.change(.retry, .ids([id]), now: scene.second(2), limit: 1)
            let claimed = try await scene.claimOne(at: 2)
            try expect("the run", claimed.lease.run, id)
            try expect("its attempt", claimed.attempt, 1)
        },
        .scene("a waiting run that is retried goes at once, and no longer at its time") { scene in
            let id = try await scene.run(at: .retryable)
            _ = try await scene.store.change(.retry, .ids([id]), now: scene.second(10), limit: 1)
            let result = try await scene.claimResult([.init(job: "send", limit: 5)], at: scene.second(10))
            try expect("the runs", result.runs.map(\.lease.run), [id])
            try expect("the counts", result.runs.first?.history, RunHistory(failures: 1))
            try expect("the next time", result.nextDueAt, nil)
        },
        .scene("a cancelled run is not claimed") { scene in
            for state in [RunState.scheduled, .available, .retryable] {
                let id = try await scene.run(at: state, event: "e-\(state)")
                _ = try await scene.store.change(.cancel, .ids([id]), now: scene.second(1), limit: 1)
            }
            let result = try await scene.claimResult([.init(job: "send", limit: 5)], at: scene.second(5000))
            try expect("the runs", result.runs.count, 0)
            try expect("the next time", result.nextDueAt, nil)
        },
        .scene("a running run can be asked twice, and loses neither lease nor attempt") { scene in
            let claimed = try await scene.running("e1")
            for _ in 0..<2 {
                let changes = try await scene.store.change(
                    .cancel, .ids([claimed.lease.run]), now: scene.second(1), limit: 1)
                try expect("the answer", changes.map(\.outcome), [.cancelRequested])
            }
            let result = try await scene.settle(claimed, .complete(result: nil), at: 2)
            try expect("it may complete still", result, .settled(.completed, emitted: []))
            try expect("the request", try await scene.run(claimed.lease.run).isCancelRequested, false)
        },
        .scene("an unknown id is not found, and does not keep the others from being changed") { scene in
            let first = try await scene.accept("e1")
            let second = try await scene.accept("e2")
            let unknown = scene.newRunID()
            let changes = try await scene.store.change(
                .cancel, .ids([first, second, unknown]), now: scene.second(1), limit: 10)
            let expected = [
                RunChange(id: first, job: "send", outcome: .changed(.cancelled)),
                RunChange(id: second, job: "send", outcome: .changed(.cancelled)),
                RunChange(id: unknown, job: nil, outcome: .notFound),
            ]
            try expect("the answers", changes, expected)
        },
        .scene("an id that is given twice is changed and answered once") { scene in
            let id = try await scene.accept("e1")
            let changes = try await scene.store.change(.cancel, .ids([id, id]), now: scene.second(1), limit: 10)
            try expect("the answers", changes, [RunChange(id: id, job: "send", outcome: .changed(.cancelled))])
        },
        .scene("a command on no ids does nothing") { scene in
            let id = try await scene.accept("e1")
            let changes = try await scene.store.change(.cancel, .ids([]), now: scene.second(1), limit: 10)
            try expect("the answers", changes, [])
            try await scene.expectState(id, .available)
        },
        .scene("a command on a filter changes the oldest first, as many as it may") { scene in
            var ids: [RunID] = []
            for number in 0..<5 { ids.append(try await scene.accept("e\(number)")) }
            let filter = RunSelection.filter(RunFilter(states: [.available]))
            let first = try await scene.store.change(.cancel, filter, now: scene.second(1), limit: 2)
            try expect("the first two", first.map(\.id), Array(ids[0..<2]))
            let rest = try await scene.store.change(.cancel, filter, now: scene.second(2), limit: 100)
            try expect("the rest", rest.map(\.id), Array(ids[2...]))
            let none = try await scene.store.change(.cancel, filter, now: scene.second(3), limit: 100)
            try expect("then none", none, [])
        },
        .scene("a limit of zero changes nothing") { scene in
            let id = try await scene.accept("e1")
            let byFilter = try await scene.store.change(.cancel, .filter(RunFilter()), now: scene.second(1), limit: 0)
            let byID = try await scene.store.change(.cancel, .ids([id]), now: scene.second(1), limit: 0)
            try expect("the answers", byFilter + byID, [])
            try await scene.expectState(id, .available)
        },
        .scene("a command on a filter changes only what fits all of it") { scene in
            let dead = try await scene.run(at: .dead, event: "e1", job: "send")
            _ = try await scene.run(at: .dead, event: "e2", job: "index")
            _ = try await scene.run(at: .available, event: "e3", job: "send")
            let filter = RunFilter(states: [.dead, .cancelled], job: "send", trigger: "orders", text: "ATTEMPTS")
            let changes = try await scene.store.change(.discard, .filter(filter), now: scene.second(9), limit: 100)
            try expect("the answers", changes, [RunChange(id: dead, job: "send", outcome: .changed(.cancelled))])
        },
    ]
}
