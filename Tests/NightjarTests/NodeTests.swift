import CloudEvents
import Nightjar
import NightjarCore
import NightjarTestKit
import Synchronization
import Testing

@Suite("Node")
struct NodeTests {
    private static let seeds: [UInt64] = Array(1...30)

    @Test("a node that slept past its leases goes on with what it has in hand", arguments: seeds)
    func sleptPastLeases(seed: UInt64) throws {
        let journal = Journal()
        let configuration = RuntimeConfiguration(node: "n", lease: .seconds(6))
        try withNode(seed: seed, configuration: configuration) { clock in
            Job("slow") { run in
                journal.note("begins")
                try await clock.sleep(for: .seconds(600))
                journal.note("ends")
            }
        } _: { runtime, store, clock in
            let id = try await startRun("slow", on: runtime)
            try await clock.sleep(for: .seconds(1))
            clock.advance(by: .seconds(120))
            try await clock.sleep(for: .seconds(700))
            let run = try #require(try await store.run(id))
            #expect(run.state == .completed)
            #expect(run.attempts.map(\.outcome) == [.completed])
            #expect(try await runtime.jobs().map(\.running) == [0])
        }
        #expect(journal.all == ["begins", "ends"])
    }

    @Test("a cancelled node keeps a run until its handler has ended, within the grace", arguments: seeds)
    func cancelled(seed: UInt64) throws {
        let journal = Journal()
        let stores = Mutex<(store: MemoryStore, run: RunID)?>(nil)
        let configuration = RuntimeConfiguration(node: "n", lease: .seconds(6), grace: .seconds(20))
        try withNode(seed: seed, configuration: configuration) { clock in
            Job("tidy") { run in
                do { try await clock.sleep(for: .seconds(600)) } catch {}
                // Tidying up takes longer than a lease lasts.
                await Self.uncancelled { try? await clock.sleep(for: .seconds(15)) }
                let held = try #require(stores.withLock { $0 })
                let state = try await held.store.run(held.run)?.state
                journal.note("ended as \(state.map { "\($0)" } ?? "nothing")")
                throw CancellationError()
            }
        } _: { runtime, store, clock in
            let id = try await startRun("tidy", on: runtime)
            stores.withLock { $0 = (store, id) }
            try await clock.sleep(for: .seconds(1))
        }
        #expect(journal.all == ["ended as running"])
        let held = try #require(stores.withLock { $0 })
        let run = try #require(held.store.allRuns().first)
        #expect(run.state == .available)
        #expect(run.attempts == [])
    }

    /// Does `body` in a task that the caller's cancellation does not reach, on the caller's executor.
    private static func uncancelled(_ body: @escaping @Sendable () async -> Void) async {
        let executor = withUnsafeCurrentTask { $0?.unownedTaskExecutor?.asTaskExecutor() }
        await Task(executorPreference: executor) { await body() }.value
    }

    private struct ReluctantSource: EventSource {
        func run(_ context: SourceContext) async throws {
            do { try await context.time.sleep(for: .seconds(86_400)) } catch {}
            await NodeTests.uncancelled { try? await context.time.sleep(for: .seconds(100)) }
        }
    }

    @Test("a node that stops claims nothing more and drains, however long its sources take to end", arguments: seeds)
    func reluctantSource(seed: UInt64) throws {
        let journal = Journal()
        let configuration = RuntimeConfiguration(node: "n", concurrency: 1, drain: .seconds(5), grace: .seconds(1))
        let trigger = Trigger("reluctant", kind: "test", origin: .source(ReluctantSource()), start: ["slow"])
        let kept = Mutex<(SimulatedClock, Timestamp)?>(nil)
        try withNode(seed: seed, configuration: configuration, triggers: [trigger]) { clock in
            Job("slow") { run in
                journal.note("begins \(run.event.id)")
                do {
                    try await clock.sleep(for: .seconds(600))
                } catch {
                    if let (clock, stoppedAt) = kept.withLock({ $0 }) {
                        journal.note("stopped after \(clock.now - stoppedAt)")
                    }
                    throw error
                }
            }
        } _: { runtime, store, clock in
            let events = ["a", "b"].map {
                IncomingEvent(Event(id: $0, source: "/test", type: "test"), to: .job("slow", runAt: nil))
            }
            _ = try await runtime.intake.accept(events)
            try await clock.sleep(for: .seconds(2))
            kept.withLock { $0 = (clock, clock.now) }
        }
        #expect(journal.all == ["begins a", "stopped after 0.0 seconds"])
    }

    @Test("a handler gets the run's id, the same for every attempt, and a fencing token that grows", arguments: seeds)
    func fencing(seed: UInt64) throws {
        let seen = Mutex<[(id: RunID, token: FencingToken)]>([])
        try withNode(seed: seed, configuration: RuntimeConfiguration(node: "n")) { _ in
            Job("tries", policy: JobPolicy(retry: RetryPolicy(attempts: 3, from: .seconds(1), upTo: .seconds(1)))) {
                run in
                seen.withLock { $0.append((run.id, run.fencingToken)) }
                throw RunFailure("no")
            }
        } _: { runtime, store, clock in
            let id = try await startRun("tries", on: runtime)
            try await clock.sleep(for: .seconds(60))
            let attempts = seen.withLock { $0 }
            #expect(attempts.map(\.id) == [id, id, id])
            let tokens = attempts.map(\.token)
            #expect(Set(tokens).count == 3 && tokens == tokens.sorted())
        }
    }

    @Test("events without runs that are more than are to be kept go, the oldest first")
    func unmatched() throws {
        let retention = RetentionPolicy(unmatchedEvents: 3)
        try withNode(seed: 1, configuration: RuntimeConfiguration(node: "n", retention: retention)) { _ in
            Job("a") { _ in }
        } _: { runtime, store, clock in
            _ = try await runtime.intake.accept(
                (1...8).map { IncomingEvent(Event(id: "\($0)", source: "/test", type: "test")) })
            try await clock.sleep(for: .seconds(61))
            #expect(store.eventIDs() == ["6", "7", "8"])
        }
    }

    @Test("a dead run is done again with another input, which has to be JSON and not too large")
    func editedInput() throws {
        let inputs = Journal()
        let configuration = RuntimeConfiguration(node: "n", maximumEventBytes: 20)
        try withNode(seed: 1, configuration: configuration) { _ in
            Job("picky") { run in
                inputs.note(String(decoding: run.input, as: UTF8.self))
                guard run.event.dataContentType == "application/json" else { throw RunFailure.never("no JSON") }
            }
        } _: { runtime, store, clock in
            let id = try await startRun("picky", on: runtime)
            try await clock.sleep(for: .seconds(1))
            #expect(try await store.run(id)?.state == .dead)
            for (input, code) in [
                ("{\"a\":", IntakeError.Code.invalidEvent), (String(repeating: "1", count: 21), .tooLarge),
            ] {
                do throws(IntakeError) {
                    _ = try await runtime.retry(id, input: Array(input.utf8))
                    Issue.record("\(input) was taken")
                } catch {
                    #expect(error.code == code)
                }
            }
            let change = try await runtime.retry(id, input: Array("{\"a\": 1}".utf8))
            #expect(change.outcome == .changed(.available))
            try await clock.sleep(for: .seconds(1))
            let run = try #require(try await store.run(id))
            #expect(run.state == .completed && run.inputEditedAt != nil && run.event.data == nil)
        }
        #expect(inputs.all == ["", "{\"a\": 1}"])
    }

    @Test("what an attempt emits is bounded in number and in bytes", arguments: [(1, 101), (11, 100), (1001, 0)])
    func emitted(events: Int, bytes: Int) throws {
        var configuration = RuntimeConfiguration(node: "n", maximumEventBytes: 100)
        configuration.maximumBytesInFlight = 1000
        try withNode(seed: 1, configuration: configuration) { _ in
            Job("emits") { run in
                for number in 1...events {
                    let data = [UInt8](repeating: 32, count: bytes)
                    try run.emit(Event(id: "\(number)", source: "/test", type: "emitted", data: data))
                }
            }
        } _: { runtime, store, clock in
            let id = try await startRun("emits", on: runtime)
            try await clock.sleep(for: .seconds(1))
            let run = try #require(try await store.run(id))
            #expect(run.state == .dead)
            #expect(run.attempts.first?.error?.contains("limit is 100") == (bytes > 100))
            #expect(store.eventIDs() == ["1"], "nothing of it was taken")
        }
    }

    @Test("an event as large as an event may be can be emitted, however little may be in flight")
    func largeEmitted() throws {
        let configuration = RuntimeConfiguration(node: "n", maximumEventBytes: 2000, maximumBytesInFlight: 1000)
        try withNode(seed: 1, configuration: configuration) { _ in
            Job("emits") { run in
                try run.emit(
                    Event(id: "e", source: "/test", type: "emitted", data: [UInt8](repeating: 32, count: 2000)))
            }
        } _: { runtime, store, clock in
            let id = try await startRun("emits", on: runtime)
            try await clock.sleep(for: .seconds(1))
            #expect(try await store.run(id)?.state == .completed)
            #expect(store.eventIDs() == ["1", "e"])
        }
    }

    @Test("of emitted events the attributes count as well as the data", arguments: [(1, true), (2, false)])
    func emittedAttributes(events: Int, fit: Bool) throws {
        let configuration = RuntimeConfiguration(node: "n", maximumEventBytes: 10, maximumBytesInFlight: 1000)
        try withNode(seed: 1, configuration: configuration) { _ in
            Job("emits") { run in
                for number in 0..<events {
                    let long = AttributeValue.string(String(repeating: "x", count: 600))
                    try run.emit(Event(id: "e\(number)", source: "/test", type: "emitted", extensions: ["long": long]))
                }
            }
        } _: { runtime, store, clock in
            let id = try await startRun("emits", on: runtime)
            try await clock.sleep(for: .seconds(1))
            #expect(try await store.run(id)?.state == (fit ? .completed : .dead))
        }
    }

    @Test("a result that is too long is a failure for good, and says so", arguments: [(100, true), (101, false)])
    func longResult(bytes: Int, fits: Bool) throws {
        let configuration = RuntimeConfiguration(node: "n", maximumResultBytes: 100)
        try withNode(seed: 1, configuration: configuration) { _ in
            let result = [UInt8(ascii: "\"")] + [UInt8](repeating: 32, count: bytes - 2) + [UInt8(ascii: "\"")]
            return Job("returns", handler: ClosureHandler { _ in RunOutput(result: result) })
        } _: { runtime, store, clock in
            let id = try await startRun("returns", on: runtime)
            try await clock.sleep(for: .seconds(1))
            let run = try #require(try await store.run(id))
            #expect(run.state == (fits ? .completed : .dead))
            #expect(run.result?.count == (fits ? 100 : nil))
            #expect(run.attempts.map(\.error) == [fits ? nil : "the result has 101 bytes, the limit is 100"])
        }
    }
}
