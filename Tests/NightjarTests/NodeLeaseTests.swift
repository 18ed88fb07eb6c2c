import CloudEvents
import Nightjar
import NightjarCore
import NightjarTestKit
import Synchronization
import Testing

@Suite("Leases of a node")
struct NodeLeaseTests {
    private static let seeds: [UInt64] = Array(1...30)
    private static let configuration = RuntimeConfiguration(node: "n", lease: .seconds(6))

    /// A job of ten minutes.
    private static func slow(_ journal: Journal) -> @Sendable (SimulatedClock) -> Job {
        { clock in
            Job("slow") { _ in
                journal.note("begins")
                try await clock.sleep(for: .seconds(600))
                journal.note("ends")
            }
        }
    }

    @Test("a store that is away for longer than a lease lasts stops no handler", arguments: seeds)
    func outage(seed: UInt64) throws {
        let journal = Journal()
        let hooks = HookedStore()
        try withNode(seed: seed, configuration: Self.configuration, hooks: hooks, job: Self.slow(journal)) {
            runtime, store, clock in
            let id = try await startRun("slow", on: runtime)
            try await clock.sleep(for: .seconds(1))
            hooks.before { _ throws(StoreError) in throw StoreError(.transient, "away") }
            try await clock.sleep(for: .seconds(60))
            hooks.clear()
            try await clock.sleep(for: .seconds(700))
            let run = try #require(try await store.run(id))
            #expect(run.state == .completed)
            #expect(run.attempts.map(\.outcome) == [.completed])
        }
        #expect(journal.all == ["begins", "ends"])
    }

    @Test("a run whose claim is answered only after its lease has expired is not taken back", arguments: seeds)
    func lateClaim(seed: UInt64) throws {
        let journal = Journal()
        let hooks = HookedStore()
        try withNode(
            seed: seed, configuration: Self.configuration, hooks: hooks,
            job: { clock in
                hooks.after { call throws(StoreError) in
                    guard call.isClaim else { return }
                    do { try await clock.sleep(for: .seconds(10)) } catch { throw StoreError(.transient, "cancelled") }
                }
                return Self.slow(journal)(clock)
            }
        ) { runtime, store, clock in
            let id = try await startRun("slow", on: runtime)
            try await clock.sleep(for: .seconds(800))
            let run = try #require(try await store.run(id))
            #expect(run.attempts.map(\.outcome) == [.completed])
        }
        #expect(journal.all == ["begins", "ends"])
    }

    @Test("a cancellation that comes while the claim is being answered keeps the run from beginning", arguments: seeds)
    func cancelledEarly(seed: UInt64) throws {
        let journal = Journal()
        let hooks = HookedStore()
        // Long leases: no renewal brings the request.
        let configuration = RuntimeConfiguration(node: "n", lease: .seconds(600))
        try withNode(
            seed: seed, configuration: configuration, hooks: hooks,
            job: { clock in
                hooks.after { call throws(StoreError) in
                    guard call.isClaim else { return }
                    do { try await clock.sleep(for: .seconds(10)) } catch { throw StoreError(.transient, "cancelled") }
                }
                return Self.slow(journal)(clock)
            }
        ) { runtime, store, clock in
            let id = try await startRun("slow", on: runtime)
            while try await store.run(id)?.state != .running { try await clock.sleep(for: .milliseconds(100)) }
            let changes = try await runtime.change(.cancel, .ids([id]), limit: 1)
            #expect(changes.map(\.outcome) == [.cancelRequested])
            try await clock.sleep(for: .seconds(30))
            #expect(try await store.run(id)?.state == .cancelled)
        }
        #expect(journal.all == [])
    }

    @Test("of two nodes that slept past their leases none takes the other's runs", arguments: seeds)
    func sleptTogether(seed: UInt64) throws {
        let simulation = Simulation(seed: seed)
        let clock = simulation.clock
        let store = MemoryStore()
        let journal = Journal()
        let runtimes = try ["one", "two"].map { name in
            try Runtime(
                store: store, jobs: [Self.slow(journal)(clock)], triggers: [],
                configuration: RuntimeConfiguration(node: name, concurrency: 1, lease: .seconds(6)), time: clock,
                random: RandomSource(SeededGenerator(seed: seed)))
        }
        try simulation.run {
            await withThrowingTaskGroup(of: Void.self) { group in
                for runtime in runtimes { group.addTask { try await runtime.run() } }
                do {
                    for id in ["a", "b"] { _ = try await startRun("slow", on: runtimes[0], event: id) }
                    try await clock.sleep(for: .seconds(5))
                    #expect(store.allRuns().map(\.state) == [.running, .running])
                    clock.advance(by: .seconds(120))
                    try await clock.sleep(for: .seconds(700))
                } catch {
                    Issue.record(error)
                }
                group.cancelAll()
            }
        }
        #expect(journal.all == ["begins", "begins", "ends", "ends"])
        #expect(store.allRuns().map { $0.attempts.map(\.outcome) } == [[.completed], [.completed]])
    }

    /// Another node takes runs of a job that is paused, so that this one does not: it believes in the pause until it looks
    /// again, and by then there is one again.
    private func claimElsewhere(
        _ job: String, _ count: Int, for lease: Duration, _ store: MemoryStore, _ clock: SimulatedClock
    ) async throws {
        try await store.setPaused(Pause(.job, job), false, now: clock.now)
        let claimed = try await store.claim(
            ClaimRequest(
                node: "other", now: clock.now, leaseExpiresAt: clock.now + lease,
                demands: [.init(job: job, limit: count)], limit: count))
        #expect(claimed.runs.count == count)
        try await store.setPaused(Pause(.job, job), true, now: clock.now)
    }

    @Test("the runs of a node that is known to be dead are taken back even while expired leases say nothing")
    func deadAfterSleep() throws {
        let journal = Journal()
        let configuration = RuntimeConfiguration(node: "n", lease: .seconds(600))
        try withNode(seed: 1, configuration: configuration, job: Self.slow(journal)) { runtime, store, clock in
            try await runtime.setPaused(Pause(.job, "slow"), true)
            _ = try await startRun("slow", on: runtime)
            try await claimElsewhere("slow", 1, for: .seconds(3600), store, clock)
            try await clock.sleep(for: .seconds(1))
            clock.advance(by: .seconds(1800))
            store.declareDead("other")
            try await clock.sleep(for: .seconds(10))
            #expect(store.allRuns().map { $0.attempts.map(\.outcome) } == [[.crashed]])
        }
    }

    @Test("a run that cannot be taken back does not hold up the others")
    func refusedRescue() throws {
        let hooks = HookedStore()
        let journal = Journal()
        try withNode(
            seed: 1, configuration: Self.configuration, hooks: hooks, job: { _ in Job("quick") { _ in } }
        ) { runtime, store, clock in
            // Another node has them in hand, and dies.
            try await runtime.setPaused(Pause(.job, "quick"), true)
            var ids: [RunID] = []
            for id in ["a", "b", "c"] { ids.append(try await startRun("quick", on: runtime, event: id)) }
            try await claimElsewhere("quick", 3, for: .seconds(600), store, clock)
            let bad = ids[1]
            hooks.before { call throws(StoreError) in
                if call.settles(bad) { throw StoreError(.conflict, "no") }
            }
            store.declareDead("other")
            try await runtime.setPaused(Pause(.job, "quick"), false)
            try await clock.sleep(for: .seconds(30))
            #expect(store.allRuns().map(\.state) == [.completed, .running, .completed])
            hooks.clear()
            try await clock.sleep(for: .seconds(30))
            #expect(store.allRuns().map(\.state) == [.completed, .completed, .completed])
            journal.note("done")
        }
        #expect(journal.all == ["done"])
    }
}
