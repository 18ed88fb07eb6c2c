import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// What stands in the way of a run that waits.
    static let circumstances: [RunStoreCase] = [
        .scene("of a run that is not there nothing is known") { scene in
            try expect("its circumstances", try await scene.store.circumstances(of: scene.newRunID()), nil)
        },
        .scene("a run's circumstances tell of its time, its trigger and what is paused") { scene in
            let id = try await scene.accept("e1", runAt: 50)
            let pause = Pause(.trigger, "orders")
            try await scene.store.setPaused(pause, true, now: scene.second(1))
            let expected = RunCircumstances(
                run: id, job: "send", state: .scheduled, runAt: scene.second(50), trigger: "orders", key: nil,
                isSuspect: false, pauses: [pause])
            try expect("its circumstances", try await scene.store.circumstances(of: id), expected)
        },
        .scene("a run's circumstances tell which runs have its key, and which of them stops it") { scene in
            let first = try await scene.keyed("e1", "a", stopsKey: true)
            let second = try await scene.keyed("e2", "a", stopsKey: true)
            let third = try await scene.keyed("e3", "a")
            try await scene.keyed("e4", "b")
            let policy = KeyPolicy(concurrency: 2, rate: RateLimit(2, per: .seconds(10)))
            let claimed = try await scene.claim(policy, limit: 3, at: 1).filter { $0.key == "a" }
            try expect("two of the key run", claimed.map(\.lease.run), [first, second])
            var found = try require("its circumstances", try await scene.store.circumstances(of: third))
            try expect("the first", found.firstOfKey, first)
            try expect("those that run", found.runningOfKey, [first, second])
            try expect("nothing stops it", found.stoppedBy, nil)
            try expect("its rate", found.arrivalOfKey, scene.second(11))
            let die = Settlement.Transition.die(reason: "no", history: RunHistory(failures: 1))
            try await scene.settle(element(claimed, 1), die, at: 2)
            found = try require("its circumstances", try await scene.store.circumstances(of: third))
            try expect("those that run", found.runningOfKey, [first])
            try expect("what stops it", found.stoppedBy, second)
            let before = try require("its circumstances", try await scene.store.circumstances(of: first))
            try expect("it stops no run before it", before.stoppedBy, nil)
        },
        .scene("a run's circumstances tell of its job's rate, and of suspects") { scene in
            try await scene.accept("e1")
            let id = try await scene.accept("e2")
            let rate = RateLimit(1, per: .seconds(10))
            let claimed = try await scene.claimResult([.init(job: "send", limit: 1, rate: rate)], at: scene.second(1))
                .runs
            let run = try element(claimed, 0)
            try await scene.settle(run, .retry(at: scene.second(2), history: RunHistory(crashes: 1)), at: 2)
            let suspect = try await scene.claim(limit: 1, at: 3)
            try expect("the suspect runs", suspect.map(\.lease.run), [run.lease.run])
            let found = try require("its circumstances", try await scene.store.circumstances(of: id))
            try expect("the job's rate", found.arrivalOfJob, scene.second(11))
            try expect("the suspects", found.runningSuspects, [run.lease.run])
            try expect("it is none", found.isSuspect, false)
            let other = try require("its circumstances", try await scene.store.circumstances(of: run.lease.run))
            try expect("it is one", other.isSuspect)
        },
    ]
}
