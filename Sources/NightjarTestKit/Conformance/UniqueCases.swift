import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// Runs that stand for the same thing.
    static let uniqueCases: [RunStoreCase] = [
        .scene("while a run with the same unique key is to be done, another is refused in its favour") { scene in
            let first = try await scene.unique("e1", "a")
            let other = try await scene.unique("e2", "b")
            try expect("another key", try await scene.run(other.runs[0]).state, .available)
            func refused(_ event: String) async throws {
                let second = try await scene.unique(event, "a", at: 2)
                try expect("the answer", second.runs, first.runs)
                let reason = "unique: run \(first.runs[0]) has the key \"a\""
                try expect(
                    "the decision", try await scene.record(of: event).decisions,
                    [Decision(trigger: "orders", job: "send", outcome: .refused, run: first.runs[0], reason: reason)])
            }
            try await refused("while it is available")
            let claimed = try await scene.claimOne(at: 1)
            try await refused("while it runs")
            try await scene.settle(claimed, .retry(at: scene.second(50), history: RunHistory(failures: 1)))
            try await refused("while it waits for its retry")
        },
        .scene("a dead, cancelled or completed run does not freeze its unique key") { scene in
            let transitions: [Settlement.Transition] = [
                .die(reason: "no", history: RunHistory(failures: 1)), .cancel(reason: "no"), .complete(result: nil),
            ]
            for (number, transition) in transitions.enumerated() {
                let made = try await scene.unique("e\(number)", "a")
                let claimed = try await scene.claimOne(at: 1)
                try expect("a run of its own", [claimed.lease.run], made.runs)
                try await scene.settle(claimed, transition, at: 2)
            }
        },
        .scene("a completed run counts where the states say so, as long as the window lasts") { scene in
            let states = UniquePolicy.possibleStates
            let first = try await scene.unique("e1", "a", states: states)
            try await scene.settle(try await scene.claimOne(at: 1), .complete(result: nil), at: 2)
            let within = try await scene.unique("e2", "a", at: 59, window: 60, states: states)
            try expect("within", within.runs, first.runs)
            let after = try await scene.unique("e3", "a", at: 60, window: 60, states: states)
            try expect("after", after.runs == first.runs, false)
            try expect("after", after.runs.count, 1)
        },
        .scene("an unfinished run counts only as long as the window lasts, and in the states that are named") { scene in
            let first = try await scene.unique("e1", "a")
            let within = try await scene.unique("e2", "a", at: 9, window: 10)
            try expect("within", within.runs, first.runs)
            let other = try await scene.unique("e3", "a", at: 9, states: [.running])
            try expect("another state", other.runs == first.runs, false)
            let after = try await scene.unique("e4", "a", at: 10, window: 10)
            try expect("the one that came within", after.runs, other.runs)
            let last = try await scene.unique("e5", "a", at: 19, window: 10)
            try expect("after", [first.runs, other.runs].contains(last.runs), false)
        },
        .scene("an event that was refused in favour of a run makes none when it comes again") { scene in
            let first = try await scene.unique("e1", "a")
            _ = try await scene.unique("e2", "a")
            try await scene.settle(try await scene.claimOne(at: 1), .complete(result: nil), at: 2)
            let again = try await scene.unique("e2", "a", at: 3)
            try expect("the answer", again.outcome, .duplicate)
            try expect("the answer", again.runs, first.runs)
            try expect("nothing is to be done", try await scene.claim(at: 4).count, 0)
        },
        .scene("a run that replaces cancels those that wait and lets one that runs end") { scene in
            let running = try await scene.unique("e1", "a")
            let claimed = try await scene.claimOne(at: 1)
            let waiting = try await scene.unique("e2", "a", at: 2, runAt: 90, second: .replace)
            try expect("beside the one that runs", waiting.runs == running.runs, false)
            let last = try await scene.unique("e3", "a", at: 3, runAt: 80, second: .replace)
            let replaced = try await scene.run(waiting.runs[0])
            try expect("the one that waited", replaced.state, .cancelled)
            try expect("its reason", replaced.reason, "replaced by run \(last.runs[0])")
            try expect("its end", replaced.finishedAt, scene.second(3))
            try expect("the one that runs", try await scene.run(running.runs[0]).state, .running)
            try expect(
                "it ends", try await scene.settle(claimed, .complete(result: nil), at: 4),
                .settled(.completed, emitted: []))
            try expect("the last", try await scene.claim(at: 80).map(\.lease.run), last.runs)
        },
        .scene("a run that extends moves the time of one that waits, and changes nothing in one that runs") { scene in
            let first = try await scene.unique("e1", "a", runAt: 10)
            let second = try await scene.unique("e2", "a", at: 5, runAt: 30, second: .extend)
            try expect("the same", second.runs, first.runs)
            try expect("its time", try await scene.run(first.runs[0]).runAt, scene.second(30))
            try expect("before", try await scene.claim(at: 29).count, 0)
            _ = try await scene.claimOne(at: 30)
            let third = try await scene.unique("e3", "a", at: 31, runAt: 99, second: .extend)
            try expect("the same", third.runs, first.runs)
            try expect("its state", try await scene.run(first.runs[0]).state, .running)
            let reason = try await scene.record(of: "e2").decisions.first?.reason
            try expect("the decision", reason?.hasSuffix("its time was moved"), true)
        },
        .scene("an available run that is extended waits for its new time") { scene in
            let first = try await scene.unique("e1", "a")
            _ = try await scene.unique("e2", "a", at: 5, runAt: 30, second: .extend)
            try expect("it waits", try await scene.run(first.runs[0]).state, .scheduled)
            try expect("before", try await scene.claim(at: 29).count, 0)
            try expect("then", try await scene.claim(at: 30).map(\.lease.run), first.runs)
        },
        .scene("events of one batch and emitted events find what came just before them") { scene in
            let claimed = try await scene.running("cause", job: "other")
            let records = (1...2).map { scene.uniqueRecord("e\($0)", "a") }
            let answers = try await scene.store.accept(records)
            try expect("the second", answers.last?.runs, [records[0].runs[0].id])
            let emitted = (3...4).map { scene.uniqueRecord("e\($0)", "b") }
            let result = try await scene.settle(claimed, .complete(result: nil), emitted: emitted)
            guard case .settled(_, let taken) = result else { return try expect("it settles", false) }
            try expect("emitted", taken.map(\.runs), Array(repeating: [emitted[0].runs[0].id], count: 2))
        },
        .scene("unique keys are the same if their bytes are, within one job") { scene in
            let one = try await scene.unique("e1", "\u{E9}")
            let two = try await scene.unique("e2", "e\u{301}")
            let other = try await scene.unique("e3", "\u{E9}", job: "other")
            try expect("three runs", Set([one.runs, two.runs, other.runs]).count, 3)
        },
    ]
}

extension StoreScene {
    fileprivate func uniqueRecord(
        _ event: String, _ key: String, job: String = "send", at: Int = 0, runAt: Int? = nil, window: Int? = nil,
        states: Set<RunState> = UniquePolicy.usualStates, second: UniquePolicy.Second = .ignore
    ) -> IntakeRecord {
        var run = newRun(job, runAt: runAt ?? at)
        run.unique = UniqueClaim(
            key: key, after: window.map { self.second(at) - .seconds($0) }, states: states, second: second)
        return record(event, [run], at: at)
    }

    /// Accepts an event whose run has a unique key.
    fileprivate func unique(
        _ event: String, _ key: String, job: String = "send", at: Int = 0, runAt: Int? = nil, window: Int? = nil,
        states: Set<RunState> = UniquePolicy.usualStates, second: UniquePolicy.Second = .ignore
    ) async throws -> Acceptance {
        let record = uniqueRecord(
            event, key, job: job, at: at, runAt: runAt, window: window, states: states, second: second)
        let answer = try require("an answer", try await store.accept([record]).first)
        try expect("one run is answered", answer.runs.count, 1)
        return answer
    }
}
