import Foundation
import NightjarTestKit
import Synchronization
import Testing

@Suite("Simulation")
struct SimulationTests {
    /// `NIGHTJAR_SEEDS` says how many seeds, `NIGHTJAR_FROM` which is the first.
    private static let seeds: [UInt64] = {
        let environment = ProcessInfo.processInfo.environment
        let first = environment["NIGHTJAR_FROM"].flatMap(UInt64.init) ?? 1
        let count = environment["NIGHTJAR_SEEDS"].flatMap(UInt64.init) ?? 1000
        return Array(first..<first + max(1, count))
    }()

    /// What the seeds came to so far.
    private struct Tally {
        var checks = 0
        var failures: [UInt64: String] = [:]
    }

    @Test("what always holds, holds after every step, whatever fails")
    func rulesHold() throws {
        let seeds = Self.seeds
        let tally = Mutex(Tally())
        // A simulation is one thread; as many run at once as the machine has processors.
        DispatchQueue.concurrentPerform(iterations: seeds.count) { index in
            guard tally.withLock({ $0.failures.isEmpty }) else { return }
            let seed = seeds[index]
            let world = World(seed: seed)
            do {
                try world.run()
                tally.withLock { $0.checks += world.invariants.checks }
            } catch {
                let tail = world.trace.suffix(40).joined(separator: "\n")
                let text = "seed \(seed): \(error)\nagain: make simulate SEEDS=1 FROM=\(seed)\n\(tail)"
                tally.withLock { $0.failures[seed] = text }
            }
        }
        let (checks, failures) = tally.withLock { ($0.checks, $0.failures) }
        if let first = failures.min(by: { $0.key < $1.key }) {
            Issue.record("\(first.value)")
            return
        }
        #expect(checks > seeds.count * 100, "the rules were checked too rarely to mean anything: \(checks) times")
        print("simulation: \(seeds.count) seeds, the rules checked \(checks) times")
    }

    @Test("the same seed gives the same history, another seed another")
    func deterministic() throws {
        func trace(_ seed: UInt64) throws -> [String] {
            let world = World(seed: seed)
            try world.run()
            return world.trace
        }
        let first = try trace(42)
        #expect(try trace(42) == first)
        #expect(try trace(43) != first)
    }

    @Test("each planted mistake is found", arguments: Mutation.allCases)
    func mistakesAreFound(mutation: Mutation) throws {
        for seed in 1...UInt64(200) {
            do {
                try World(seed: seed, options: World.Options(mutation: mutation)).run()
            } catch {
                print("mutation: \(mutation.rawValue): found by seed \(seed): \(error)")
                return
            }
        }
        Issue.record("200 seeds did not find: \(mutation.rawValue)")
    }
}
