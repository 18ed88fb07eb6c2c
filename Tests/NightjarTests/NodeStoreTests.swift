import CloudEvents
import Nightjar
import NightjarCore
import NightjarTestKit
import Synchronization
import Testing

@Suite("A node and a store that fails")
struct NodeStoreTests {
    private static let configuration = RuntimeConfiguration(node: "n")

    private static func quick(_ journal: Journal) -> @Sendable (SimulatedClock) -> Job {
        { _ in Job("quick") { run in journal.note("does \(run.event.id)") } }
    }

    @Test("a node begins once the store has said that its name is free, and is not ready before")
    func lateStore() throws {
        let journal = Journal()
        let hooks = HookedStore()
        hooks.before { call throws(StoreError) in
            if case .claim = call { throw StoreError(.transient, "not there yet") }
        }
        try withNode(seed: 1, configuration: Self.configuration, hooks: hooks, job: Self.quick(journal)) {
            runtime, store, clock in
            _ = try await startRun("quick", on: runtime)
            try await clock.sleep(for: .seconds(20))
            let before = await runtime.readiness()
            #expect(before == .notReady("the node has not started: the store does not answer: not there yet"))
            #expect(journal.all == [])
            hooks.clear()
            try await clock.sleep(for: .seconds(5))
            #expect(await runtime.readiness() == .ready)
        }
        #expect(journal.all == ["does 1"])
    }

    @Test("a node that waits for its store is stopped like any other")
    func stoppedBeforeBegin() throws {
        let journal = Journal()
        let hooks = HookedStore()
        hooks.before { _ throws(StoreError) in throw StoreError(.permanent, "never") }
        try withNode(seed: 1, configuration: Self.configuration, hooks: hooks, job: Self.quick(journal)) {
            runtime, _, clock in
            try await clock.sleep(for: .seconds(60))
            runtime.stop()
            try await clock.sleep(for: .seconds(1))
            #expect(await runtime.readiness() == .notReady("the node is stopping"))
        }
    }

    @Test("a name that turns out to be taken after the store has failed keeps the node from working")
    func nameTakenLate() throws {
        var simulation = Simulation(seed: 1)
        simulation.maximumSteps = 100_000
        let hooks = HookedStore()
        let calls = Mutex(0)
        hooks.before { call throws(StoreError) in
            guard case .claim = call else { return }
            let number = calls.withLock { calls in
                calls += 1
                return calls
            }
            throw number < 3 ? StoreError(.transient, "away") : StoreError(.conflict, "the name is taken")
        }
        let runtime = try Runtime(store: hooks, jobs: [], triggers: [], time: simulation.clock)
        #expect {
            try simulation.run { try await runtime.run() }
        } throws: { error in
            (error as? RuntimeError)?.code == .nameTaken && "\(error)".contains("the name is taken")
        }
    }

    @Test("a node to which the store leases no runs is not ready, says why, and logs it once")
    func refusedClaims() throws {
        let log = Journal()
        let journal = Journal()
        let hooks = HookedStore()
        try withNode(seed: 1, configuration: Self.configuration, hooks: hooks, log: log, job: Self.quick(journal)) {
            runtime, _, clock in
            try await clock.sleep(for: .seconds(2))
            hooks.before { call throws(StoreError) in
                if call.isClaim { throw StoreError(.conflict, "the name is taken") }
            }
            _ = try await startRun("quick", on: runtime)
            try await clock.sleep(for: .seconds(60))
            #expect(
                await runtime.readiness() == .notReady("the store leases this node no runs: the name is taken"))
            #expect(log.all.filter { $0.hasPrefix("claiming runs failed") }.count == 1)
            hooks.clear()
            try await clock.sleep(for: .seconds(5))
            #expect(await runtime.readiness() == .ready)
        }
        #expect(journal.all == ["does 1"])
    }

    @Test("a run that the store refuses to settle does not hold up others", arguments: Array<UInt64>(1...10))
    func refusedSettlement(seed: UInt64) throws {
        let journal = Journal()
        let hooks = HookedStore()
        try withNode(
            seed: seed, configuration: Self.configuration, hooks: hooks,
            job: { clock in Job("work") { _ in try await clock.sleep(for: .seconds(1)) } }
        ) { runtime, store, clock in
            let events = ["bad", "good", "better"].map {
                IncomingEvent(Event(id: $0, source: "/test", type: "test"), to: .job("work", runAt: nil))
            }
            let ids = try await runtime.intake.accept(events).flatMap(\.runs)
            let bad = ids[0]
            hooks.before { call throws(StoreError) in
                if call.settles(bad) { throw StoreError(.permanent, "the disk is full") }
            }
            try await clock.sleep(for: .seconds(10))
            #expect(try await store.run(ids[1])?.state == .completed)
            #expect(try await store.run(ids[2])?.state == .completed)
            _ = try await startRun("work", on: runtime, event: "later")
            try await clock.sleep(for: .seconds(60))
            #expect(store.allRuns().map(\.state) == [.running, .completed, .completed, .completed])
            hooks.clear()
            try await clock.sleep(for: .seconds(5))
            let run = try #require(try await store.run(bad))
            #expect(run.state == .completed)
            #expect(run.attempts.map(\.outcome) == [.completed])
            #expect(try await runtime.jobs().map(\.running) == [0])
            journal.note("done")
        }
        #expect(journal.all == ["done"])
    }

    @Test("progress that could not be saved is saved later, unless there is newer", arguments: [false, true])
    func lostProgress(isNewer: Bool) throws {
        let hooks = HookedStore()
        let isFirst = Mutex(true)
        try withNode(
            seed: 1, configuration: Self.configuration, hooks: hooks,
            job: { clock in
                hooks.before { call throws(StoreError) in
                    guard case .report = call,
                        isFirst.withLock({ first in
                            defer { first = false }; return first
                        })
                    else { return }
                    do { try await clock.sleep(for: .seconds(1)) } catch {}
                    throw StoreError(.permanent, "no")
                }
                return Job("reports") { run in
                    run.report(0.5, "half")
                    try await clock.sleep(for: .milliseconds(500))
                    if isNewer { run.report(0.75, "more") }
                    try await clock.sleep(for: .seconds(600))
                }
            }
        ) { runtime, store, clock in
            let id = try await startRun("reports", on: runtime)
            try await clock.sleep(for: .seconds(10))
            #expect(try await store.run(id)?.progress == (isNewer ? Progress(0.75, "more") : Progress(0.5, "half")))
        }
    }
}
