import CloudEvents
import Nightjar
import NightjarCore
import NightjarTestKit
import Testing

@Suite("Node, policies")
struct PolicyNodeTests {
    /// One node in a simulation, which ends when `body` returns.
    private func withNode(
        _ configuration: RuntimeConfiguration = RuntimeConfiguration(node: "n", concurrency: 2),
        job: @escaping @Sendable (SimulatedClock) -> Job,
        before: @escaping @Sendable (MemoryStore, SimulatedClock) async throws -> Void = { _, _ in },
        _ body: @escaping @Sendable (Runtime, MemoryStore, SimulatedClock) async throws -> Void
    ) throws {
        let simulation = Simulation(seed: 7)
        let store = MemoryStore()
        let runtime = try Runtime(
            store: store, jobs: [job(simulation.clock)], triggers: [], configuration: configuration,
            time: simulation.clock, random: RandomSource(SeededGenerator(seed: 7)))
        try simulation.run {
            await withTaskGroup(of: Void.self) { group in
                do { try await before(store, simulation.clock) } catch { Issue.record("before: \(error)") }
                group.addTask {
                    do { try await runtime.run() } catch { Issue.record("the node: \(error)") }
                }
                do { try await body(runtime, store, simulation.clock) } catch { Issue.record("\(error)") }
                group.cancelAll()
            }
        }
    }

    private static func start(_ id: String, on runtime: Runtime) async throws -> RunID {
        let event = Event(id: id, source: "/test", type: "test")
        return try await runtime.intake.accept([IncomingEvent(event, to: .job("work", runAt: nil))])[0].runs[0]
    }

    @Test("a run expires at its time, also while every slot of the node is taken")
    func expiresWhileFull() throws {
        try withNode { clock in
            Job("work", policy: JobPolicy(expires: .seconds(10))) { _ in try await clock.sleep(for: .seconds(600)) }
        } _: { runtime, store, clock in
            for number in 1...2 { _ = try await Self.start("busy\(number)", on: runtime) }
            try await clock.sleep(for: .seconds(1))
            let id = try await Self.start("late", on: runtime)
            try await clock.sleep(for: .seconds(12))
            let run = try #require(try await store.run(id))
            #expect(run.state == .dead && run.reason == UnstartedRun.reason)
        }
    }

    @Test("a run expires at its time, also while its job is paused")
    func expiresWhilePaused() throws {
        try withNode { _ in
            Job("work", policy: JobPolicy(expires: .seconds(10))) { _ in }
        } _: { runtime, store, clock in
            try await runtime.setPaused(Pause(.job, "work"), true)
            let id = try await Self.start("late", on: runtime)
            try await clock.sleep(for: .seconds(12))
            #expect(try await store.run(id)?.state == .dead)
        }
    }

    @Test("a suspect alone is charged with its node's death, however much that had in hand, and is quarantined alone")
    func innocentsAreSpared() throws {
        let count = 700
        let configuration = RuntimeConfiguration(node: "n", concurrency: 1000)
        try withNode(configuration) { _ in
            Job("work", policy: JobPolicy(retry: RetryPolicy(crashes: 2))) { _ in }
        } before: { store, clock in
            var generator = SeededGenerator(seed: 1)
            var ids = RunIDGenerator()
            func lease(_ count: Int, from first: Int) async throws -> [ClaimedRun] {
                let now = clock.now
                let records = (first..<first + count).map { number in
                    IntakeRecord(
                        event: Event(id: "e\(number)", source: "/s", type: "t"), acceptedAt: now,
                        runs: [
                            NewRun(
                                id: ids.next(microseconds: now.microsecondsSince1970, using: &generator), job: "work",
                                trigger: nil, runAt: now)
                        ])
                }
                _ = try await store.accept(records)
                return try await store.claim(
                    ClaimRequest(
                        node: "ghost", now: now, leaseExpiresAt: now, demands: [.init(job: "work", limit: .max)],
                        limit: 10_000)
                ).runs
            }
            let first = try await lease(1, from: 0)
            let retry = Settlement.Transition.retry(at: clock.now, history: RunHistory(crashes: 1))
            _ = try await store.settle(
                first.map { Settlement(lease: $0.lease, attempt: nil, transition: retry, at: clock.now) })
            // The suspect has the last token, so that it comes after all the others.
            let innocent = try await lease(count - 1, from: 1)
            #expect(innocent.count == count)
        } _: { _, store, clock in
            try await clock.sleep(for: .seconds(20))
            let runs = store.allRuns()
            #expect(runs.count == count)
            let dead = runs.filter { $0.state == .dead }
            #expect(dead.map(\.event.id) == ["e0"])
            #expect(dead.first?.reason == "quarantined: 2 nodes died with the run in hand")
            #expect(runs.filter { $0.state == .completed }.count == count - 1)
            let spared = runs.filter { $0.attempts.first?.error?.contains("another run is charged") == true }
            #expect(spared.count == count - 1)
        }
    }

    @Test("a node does one suspect after the other")
    func suspectsInTurn() throws {
        try withNode(RuntimeConfiguration(node: "n", concurrency: 8)) { clock in
            Job("work") { _ in try await clock.sleep(for: .seconds(10)) }
        } before: { store, clock in
            let now = clock.now
            for number in 1...3 {
                let run = NewRun(id: RunID(high: 7, low: UInt64(number)), job: "work", trigger: nil, runAt: now)
                let event = Event(id: "e\(number)", source: "/s", type: "t")
                _ = try await store.accept([IntakeRecord(event: event, acceptedAt: now, runs: [run])])
            }
            // They were in the hand of a node that is dead.
            _ = try await store.claim(
                ClaimRequest(
                    node: "ghost", now: now, leaseExpiresAt: now, demands: [.init(job: "work", limit: 9)], limit: 9))
        } _: { _, store, clock in
            func completed() -> Int { store.allRuns().filter { $0.state == .completed }.count }
            for expected in 0...3 {
                try await clock.sleep(for: .seconds(expected == 0 ? 5 : 10))
                #expect(completed() == expected)
                #expect(store.allRuns().filter { $0.state == .running }.count == (expected < 3 ? 1 : 0))
            }
        }
    }

    @Test("runs of a key that is resumed go on at once")
    func resumedKey() throws {
        try withNode { _ in
            Job("work") { _ in }
        } before: { store, clock in
            var run = NewRun(id: RunID(high: 7, low: 1), job: "work", trigger: nil, runAt: clock.now)
            run.key = "a"
            let event = Event(id: "e", source: "/s", type: "t")
            _ = try await store.accept([IntakeRecord(event: event, acceptedAt: clock.now, runs: [run])])
            try await store.setPaused(Pause(key: "a", ofJob: "work"), true, now: clock.now)
        } _: { runtime, store, clock in
            try await clock.sleep(for: .seconds(5))
            #expect(store.allRuns().map(\.state) == [.available])
            #expect(try await runtime.jobs().map(\.pausedKeys) == [["a"]])
            try await runtime.setPaused(Pause(key: "a", ofJob: "work"), false)
            try await clock.sleep(for: .milliseconds(100))
            #expect(store.allRuns().map(\.state) == [.completed])
        }
    }
}
