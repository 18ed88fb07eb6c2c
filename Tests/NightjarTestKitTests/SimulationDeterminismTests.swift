import CloudEvents
import NightjarTestKit
import Testing

@Suite("Seeded simulation")
struct SimulationDeterminismTests {
    private actor Tally {
        private(set) var total = 0
        func add(_ number: Int) { total += number }
    }

    /// A program with everything that the engine is made of: task groups, streams, locks, actors, sleeps, cancellation.
    private func trace(seed: UInt64) throws -> [String] {
        let simulation = Simulation(seed: seed)
        let clock = simulation.clock
        let start = clock.now
        let lines = Record<String>()
        @Sendable func note(_ line: String) { lines.note("\(clock.now - start) \(line)") }
        let total = try simulation.run {
            let tally = Tally()
            let (stream, continuation) = AsyncStream.makeStream(of: Int.self)
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    for await number in stream {
                        await tally.add(number)
                        note("received \(number)")
                    }
                    note("the stream ended")
                }
                await withTaskGroup(of: Void.self) { producers in
                    for producer in 0..<4 {
                        producers.addTask {
                            for number in 0..<5 {
                                await Task.yield()
                                note("\(producer) sends \(number)")
                                continuation.yield(producer * 10 + number)
                                do { try await clock.sleep(until: clock.now + .milliseconds(number % 3)) } catch {
                                    return
                                }
                            }
                        }
                    }
                }
                continuation.finish()
                group.addTask {
                    do { try await clock.sleep(until: .distantFuture) } catch { note("woken by cancellation") }
                }
                await group.next()
                group.cancelAll()
            }
            return await tally.total
        }
        return lines.all + ["total \(total)"]
    }

    @Test("the same seed gives the same run, step by step", arguments: [1, 2, 42, .max] as [UInt64])
    func sameSeed(_ seed: UInt64) throws {
        let first = try trace(seed: seed)
        #expect(first.count == 20 + 20 + 2 + 1)
        for _ in 0..<5 { #expect(try trace(seed: seed) == first) }
    }

    @Test("different seeds give different runs with the same outcome")
    func differentSeeds() throws {
        let traces = try (0..<20).map { try trace(seed: $0) }
        #expect(Set(traces).count == 20)
        #expect(Set(traces.map { $0.last }).count == 1)
    }

    @Test("every order of what is ready comes up")
    func everyOrder() throws {
        var orders: Set<[Int]> = []
        for seed in 0..<200 {
            let order = Record<Int>()
            try Simulation(seed: UInt64(seed)).run {
                await withTaskGroup(of: Void.self) { group in
                    for number in 0..<3 { group.addTask { order.note(number) } }
                }
            }
            orders.insert(order.all)
        }
        #expect(orders.count == 6)
    }

    @Test("hours of simulated time take no real ones")
    func fast() throws {
        let simulation = Simulation(seed: 1)
        let start = simulation.clock.now
        try simulation.run {
            for _ in 0..<1000 { try await simulation.clock.sleep(until: simulation.clock.now + .seconds(3600)) }
        }
        #expect(simulation.clock.now == start + .seconds(3_600_000))
    }

    @Test("a check runs after each step, and what it throws ends the run")
    func check() throws {
        struct Broken: Error {}
        let steps = Record<Void>()
        #expect(throws: Broken.self) {
            try Simulation(seed: 1).run(afterEachStep: {
                steps.note(())
                if steps.all.count == 5 { throw Broken() }
            }) {
                for _ in 0..<100 { await Task.yield() }
            }
        }
        #expect(steps.all.count == 5)
    }

    @Test("what the program throws is thrown")
    func programThrows() {
        struct Broken: Error {}
        #expect(throws: Broken.self) {
            try Simulation(seed: 1).run {
                await Task.yield()
                throw Broken()
            }
        }
    }

    @Test("a program that waits for nothing is a deadlock, reported with its seed")
    func deadlock() {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        let failure = #expect(throws: Simulation.Failure.self) {
            try Simulation(seed: 4711).run { for await _ in stream {} }
        }
        #expect(failure?.description.contains("seed 4711") == true)
        guard case .deadlock(4711, _)? = failure else {
            Issue.record("expected a deadlock, got \(String(describing: failure))")
            return
        }
        continuation.finish()
    }

    @Test("a program that does not end is stopped, reported with its seed")
    func endless() {
        var simulation = Simulation(seed: 4711)
        simulation.maximumSteps = 100
        let failure = #expect(throws: Simulation.Failure.self) {
            try simulation.run { while !Task.isCancelled { await Task.yield() } }
        }
        guard case .tooManySteps(4711, let steps)? = failure else {
            Issue.record("expected too many steps, got \(String(describing: failure))")
            return
        }
        #expect(steps == 101)
    }

    @Test("a generator gives the same numbers for the same seed, on every machine")
    func generator() {
        // The first outputs of SplitMix64 for the seed 1234567, as its authors' code prints them.
        var generator = SeededGenerator(seed: 1_234_567)
        let expected: [UInt64] = [
            6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423,
            4_593_380_528_125_082_431, 16_408_922_859_458_223_821,
        ]
        #expect((0..<5).map { _ in generator.next() } == expected)
    }
}
