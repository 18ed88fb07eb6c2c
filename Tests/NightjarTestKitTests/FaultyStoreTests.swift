import CloudEvents
import NightjarCore
import NightjarTestKit
import Testing

@Suite("Faulty store")
struct FaultyStoreTests {
    private static let now = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)

    private func record(_ number: Int) -> IntakeRecord {
        IntakeRecord(
            event: Event(id: "e\(number)", source: "/", type: "t"), acceptedAt: Self.now,
            runs: [NewRun(id: RunID(high: 1, low: UInt64(number)), job: "send", trigger: nil, runAt: Self.now)])
    }

    private func faulty(_ plan: FaultPlan, _ base: MemoryStore = MemoryStore(), seed: UInt64 = 1) -> FaultyStore {
        FaultyStore(base, plan: plan, seed: seed, clock: SimulatedClock())
    }

    @Test("without faults it keeps the whole contract", arguments: RunStoreConformance.cases)
    func conforms(_ behaviour: RunStoreCase) async throws {
        try await behaviour.check(against: faulty(FaultPlan(maximumYields: 2)))
    }

    @Test("a call that fails before its commit changes nothing")
    func failsBefore() async throws {
        let base = MemoryStore()
        let store = faulty(.failing(.beforeCommit, atCall: 1), base)
        let error = await #expect(throws: StoreError.self) { try await store.accept([record(1)]) }
        #expect(error?.code == .transient)
        #expect(base.eventIDs().isEmpty)
        #expect(try await store.accept([record(1)]).map(\.outcome) == [.accepted])
        #expect(store.callCount == 2)
    }

    @Test("a call that fails after its commit has done its work, and can be repeated")
    func failsAfter() async throws {
        let base = MemoryStore()
        let store = faulty(.failing(.afterCommit, atCall: 1), base)
        let error = await #expect(throws: StoreError.self) { try await store.accept([record(1)]) }
        #expect(error?.code == .transient)
        #expect(base.eventIDs() == ["e1"])
        #expect(try await store.accept([record(1)]).map(\.outcome) == [.duplicate])
    }

    @Test("calls fail about as often as the plan says, and the same ones for the same seed")
    func probability() async throws {
        func failures(seed: UInt64) async -> [Int] {
            let store = faulty(FaultPlan(failBeforeCommit: 0.2, failAfterCommit: 0.1), seed: seed)
            var failed: [Int] = []
            for number in 0..<1000 {
                do { _ = try await store.counts() } catch { failed.append(number) }
            }
            return failed
        }
        let first = await failures(seed: 7)
        #expect(first.count > 220 && first.count < 340)
        #expect(await failures(seed: 7) == first)
        #expect(await failures(seed: 8) != first)
    }

    @Test("a healed line fails no more")
    func heals() async throws {
        let store = faulty(FaultPlan(failBeforeCommit: 1))
        await #expect(throws: StoreError.self) { try await store.counts() }
        store.heal()
        #expect(try await store.counts() == [:])
    }

    @Test("a line that is cut while a call is on its way lets nothing through")
    func cut() throws {
        let base = MemoryStore()
        let simulation = Simulation(seed: 3)
        let store = FaultyStore(
            base, plan: FaultPlan(slow: 1, delay: .seconds(10) ... .seconds(10)), seed: 5, clock: simulation.clock)
        let failed = try simulation.run {
            try await withThrowingTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do { _ = try await store.accept([record(1)]) } catch { return true }
                    return false
                }
                group.addTask {
                    try await simulation.clock.sleep(until: simulation.clock.now + .milliseconds(1))
                    store.cut()
                    return true
                }
                return try await group.allSatisfy { $0 }
            }
        }
        #expect(failed)
        #expect(base.eventIDs().isEmpty)
    }

    @Test("a slow call takes its time on the simulated clock")
    func slow() throws {
        let simulation = Simulation(seed: 3)
        let began = simulation.clock.now
        let store = FaultyStore(
            MemoryStore(), plan: FaultPlan(slow: 1, delay: .seconds(3) ... .seconds(3)), seed: 5,
            clock: simulation.clock)
        _ = try simulation.run { try await store.counts() }
        #expect(simulation.clock.now == began + .seconds(3))
    }

    @Test("a slow call that is cancelled throws")
    func cancelled() throws {
        let simulation = Simulation(seed: 3)
        let store = FaultyStore(
            MemoryStore(), plan: FaultPlan(slow: 1, delay: .seconds(3) ... .seconds(3)), seed: 5,
            clock: simulation.clock)
        let began = simulation.clock.now
        try simulation.run {
            await withTaskGroup(of: Void.self) { group in
                group.addTask { await #expect(throws: StoreError.self) { try await store.counts() } }
                group.cancelAll()
            }
        }
        #expect(simulation.clock.now == began)
    }

    @Test("whichever single call fails, and however, repeating it loses and doubles nothing")
    func everyCall() async throws {
        for fault in FaultPlan.Fault.allCases {
            for number in 1...20 {
                let base = MemoryStore()
                let store = faulty(.failing(fault, atCall: number), base)
                for event in 0..<20 {
                    for _ in 0..<2 {
                        do {
                            _ = try await store.accept([record(event)])
                            break
                        } catch {
                            #expect(error.code == .transient)
                        }
                    }
                }
                #expect(base.allRuns().count == 20)
            }
        }
    }
}
