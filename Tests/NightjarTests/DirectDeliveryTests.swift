import CloudEvents
import Expressions
import Logging
import Nightjar
import NightjarCore
import NightjarTestKit
import Synchronization
import Testing

/// Triggers with direct delivery, on a simulated node.
@Suite("Direct delivery")
struct DirectDeliveryTests {
    static let seeds = Array(UInt64(1)...5)

    /// A source that does what a test says, once.
    private struct ScriptedSource: EventSource {
        let script: @Sendable (SourceContext) async throws -> Void

        func run(_ context: SourceContext) async throws {
            try await script(context)
            try await context.time.sleep(for: .seconds(86_400))
        }
    }

    private static func message(
        _ id: String, deliveries: Int? = nil, longestWait: Duration = .seconds(30), order: String? = nil
    ) -> SourceMessage {
        .event(
            IncomingEvent(
                Event(id: id, source: "/queue", type: "test", data: Array("\"\(id)\"".utf8)), to: .trigger("direct"),
                redelivery: deliveries.map { Redelivery(deliveries: $0, longestWait: longestWait) },
                order: order.map { Array($0.utf8) }))
    }

    /// A node whose source follows the script, looked at ten minutes later, when nothing goes on any more.
    private func withSource(
        seed: UInt64, policy: JobPolicy = JobPolicy(), rules: TriggerRules = TriggerRules(), concurrency: Int = 64,
        hooks: HookedStore = HookedStore(), mostBytes: Int = 1 << 20,
        script: @escaping @Sendable (SourceContext) async throws -> Void,
        handler: @escaping @Sendable (RunContext, SimulatedClock) async throws -> Void,
        _ body: @escaping @Sendable (Runtime, MemoryStore, SimulatedClock) async throws -> Void = { _, _, clock in
            try await clock.sleep(for: .seconds(600))
        }
    ) throws {
        var trigger = Trigger(
            "direct", kind: "test", origin: .source(ScriptedSource(script: script)), start: ["work"], rules: rules)
        trigger.delivery = .direct
        let configuration = RuntimeConfiguration(
            node: "n", concurrency: concurrency, drain: .seconds(5), grace: .seconds(1), maximumEventBytes: mostBytes)
        try withNode(seed: seed, configuration: configuration, triggers: [trigger], hooks: hooks) { clock in
            Job("work", policy: policy) { try await handler($0, clock) }
        } _: {
            try await body($0, $1, $2)
        }
    }

    private static let quick = RetryPolicy(attempts: 3, from: .seconds(1), upTo: .seconds(1))

    @Test("what is done is acknowledged after the handler has ended, and leaves nothing in the store", arguments: seeds)
    func done(seed: UInt64) throws {
        let journal = Journal()
        let hooks = HookedStore()
        try withSource(seed: seed, hooks: hooks) { context in
            let taken = try await context.take([Self.message("a"), Self.message("b")])
            journal.note("\(taken)")
        } handler: { run, clock in
            try await clock.sleep(for: .seconds(5))
            journal.note("\(String(decoding: run.input, as: UTF8.self)) \(run.attempt)")
        }
        #expect(Set(journal.all.prefix(2)) == ["\"a\" 1", "\"b\" 1"])
        #expect(journal.all.last == "\([Taken.taken, .taken])")
        #expect(hooks.memory.eventIDs().isEmpty)
        #expect(hooks.memory.allRuns().isEmpty)
    }

    @Test(
        "a run has the same id whenever its event is delivered, and another than other events' runs", arguments: seeds)
    func identity(seed: UInt64) throws {
        let ids = Mutex<[String: Set<RunID>]>([:])
        try withSource(seed: seed) { context in
            for id in ["a", "b", "a", "b"] { _ = try await context.take([Self.message(id)]) }
        } handler: { run, _ in
            ids.withLock { _ = $0[run.event.id, default: []].insert(run.id) }
        }
        #expect(ids.withLock { $0.mapValues(\.count) } == ["a": 1, "b": 1])
        #expect(ids.withLock { Set($0.values.joined()).count } == 2)
    }

    @Test("what fails goes back to a system that delivers again, after the job's backoff", arguments: seeds)
    func redelivered(seed: UInt64) throws {
        let journal = Journal()
        let hooks = HookedStore()
        let policy = JobPolicy(retry: RetryPolicy(attempts: 3, from: .seconds(8), upTo: .seconds(60)))
        try withSource(seed: seed, policy: policy, hooks: hooks) { context in
            for deliveries in 1...3 {
                let taken = try await context.take([
                    Self.message("bad", deliveries: deliveries), Self.message("good", deliveries: 1),
                ])
                #expect(taken[1] == .taken)
                if case .redeliver(let wait) = taken[0] {
                    #expect(wait <= .seconds(8 << (deliveries - 1)))
                    journal.note("redeliver")
                } else {
                    journal.note("\(taken[0])")
                }
            }
        } handler: { run, _ in
            if run.event.id == "bad" {
                journal.note("attempt \(run.attempt)")
                throw RunFailure("no answer")
            }
        }
        #expect(
            journal.all == ["attempt 1", "redeliver", "attempt 2", "redeliver", "attempt 3", "taken"])
        let run = try #require(hooks.memory.allRuns().first)
        #expect(hooks.memory.allRuns().count == 1)
        #expect(run.state == .dead)
        #expect(run.reason == "no answer")
        #expect(run.attempts.map(\.number) == [3])
        #expect(run.event.id == "bad")
    }

    @Test("a wait that is longer than its system can hold it back is the store's", arguments: seeds)
    func longWait(seed: UInt64) throws {
        let hooks = HookedStore()
        let journal = Journal()
        try withSource(seed: seed, hooks: hooks) { context in
            let taken = try await context.take([Self.message("a", deliveries: 1, longestWait: .seconds(30))])
            journal.note("\(taken)")
        } handler: { run, _ in
            journal.note("attempt \(run.attempt) of \(run.id)")
            if run.attempt == 1 { throw RunFailure("busy", .retryAfter(.seconds(3600))) }
        } _: { _, _, clock in
            try await clock.sleep(for: .seconds(4000))
        }
        let run = try #require(hooks.memory.allRuns().first)
        #expect(journal.all == ["attempt 1 of \(run.id)", "\([Taken.taken])", "attempt 2 of \(run.id)"])
        #expect(run.state == .completed)
        #expect(run.attempts.map(\.outcome) == [.failed, .completed])
    }

    @Test("what fails goes to the store if its system cannot deliver again", arguments: seeds)
    func stored(seed: UInt64) throws {
        let hooks = HookedStore()
        let journal = Journal()
        try withSource(seed: seed, policy: JobPolicy(retry: Self.quick), hooks: hooks) { context in
            journal.note("\(try await context.take([Self.message("a"), Self.message("b")]))")
        } handler: { run, _ in
            if run.event.id == "a" { throw RunFailure("no answer") }
        }
        #expect(journal.all == ["\([Taken.taken, .taken])"])
        #expect(hooks.memory.allRuns().map(\.state) == [.dead])
        #expect(hooks.memory.allRuns().first?.attempts.map(\.number) == [1, 2, 3])
    }

    @Test(
        "events of an order are done one after the other, with their retries; those of others go on", arguments: seeds)
    func order(seed: UInt64) throws {
        let journal = Journal()
        let hooks = HookedStore()
        try withSource(seed: seed, policy: JobPolicy(retry: Self.quick), hooks: hooks) { context in
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    let first = ["a1", "b1", "a2"].map { Self.message($0, order: String($0.prefix(1))) }
                    journal.note("\((try? await context.take(first)) ?? [])")
                }
                try? await context.time.sleep(for: .milliseconds(1))
                group.addTask {
                    let second = ["a3", "b2"].map { Self.message($0, order: String($0.prefix(1))) }
                    journal.note("\((try? await context.take(second)) ?? [])")
                }
            }
        } handler: { run, clock in
            journal.note("\(run.event.id) begins")
            try await clock.sleep(for: .milliseconds(100))
            if run.event.id == "a1", run.attempt < 3 { throw RunFailure("no answer") }
            journal.note("\(run.event.id) ends")
        }
        let ofA = journal.all.filter { $0.hasPrefix("a") }
        #expect(
            ofA == [
                "a1 begins", "a1 begins", "a1 begins", "a1 ends", "a2 begins", "a2 ends", "a3 begins", "a3 ends",
            ])
        let ofB = journal.all.filter { $0.hasPrefix("b") }
        #expect(ofB == ["b1 begins", "b1 ends", "b2 begins", "b2 ends"])
        let endOfB = try #require(journal.all.firstIndex(of: "b2 ends"))
        let endOfA1 = try #require(journal.all.firstIndex(of: "a1 ends"))
        #expect(endOfB < endOfA1)
        #expect(hooks.memory.allRuns().isEmpty)
    }

    @Test("no more are done at once than the job allows, and as many as it allows", arguments: seeds)
    func concurrency(seed: UInt64) throws {
        let counts = Mutex((now: 0, most: 0))
        try withSource(seed: seed, policy: JobPolicy(concurrency: 3)) { context in
            _ = try await context.take((0..<20).map { Self.message("\($0)") })
        } handler: { _, clock in
            counts.withLock { counts in
                counts.now += 1
                counts.most = max(counts.most, counts.now)
            }
            try await clock.sleep(for: .seconds(1))
            counts.withLock { $0.now -= 1 }
        }
        #expect(counts.withLock { $0.most } == 3)
    }

    @Test("what is paused waits, and goes on when it is resumed", arguments: seeds)
    func pauses(seed: UInt64) throws {
        let journal = Journal()
        try withSource(seed: seed) { context in
            try await context.time.sleep(for: .seconds(10))
            journal.note("\(try await context.take([Self.message("a")]))")
        } handler: { _, _ in
            journal.note("done")
        } _: { runtime, _, clock in
            try await runtime.setPaused(Pause(.trigger, "direct"), true)
            try await clock.sleep(for: .seconds(100))
            journal.note("resume")
            try await runtime.setPaused(Pause(.trigger, "direct"), false)
            try await clock.sleep(for: .seconds(100))
        }
        #expect(journal.all == ["resume", "done", "\([Taken.taken])"])
    }

    @Test("a handler that takes too long is cancelled, and has failed", arguments: seeds)
    func timeout(seed: UInt64) throws {
        let journal = Journal()
        try withSource(seed: seed, policy: JobPolicy(retry: Self.quick, timeout: .seconds(2))) { context in
            let started = context.time.now
            let taken = try await context.take([Self.message("a", deliveries: 1)])
            if case .redeliver = taken[0] { journal.note("redeliver after \(context.time.now - started)") }
        } handler: { _, clock in
            try await clock.sleep(for: .seconds(600))
        }
        #expect(journal.all == ["redeliver after 2.0 seconds"])
    }

    @Test("what a node that stops has not done by then is in the store, as if it had not been begun", arguments: seeds)
    func stop(seed: UInt64) throws {
        let journal = Journal()
        let hooks = HookedStore()
        try withSource(seed: seed, concurrency: 2, hooks: hooks) { context in
            // Its task is cancelled meanwhile: it is answered all the same.
            let taken = try await context.take(["quick", "slow", "unbegun"].map { Self.message($0, deliveries: 1) })
            journal.note("\(taken)")
        } handler: { run, clock in
            journal.note(run.event.id)
            try await clock.sleep(for: .seconds(run.event.id == "quick" ? 3 : 600))
            journal.note("\(run.event.id) is done")
        } _: { _, _, clock in
            try await clock.sleep(for: .seconds(1))
        }
        #expect(Set(journal.all.prefix(2)) == ["quick", "slow"])
        #expect(journal.all.dropFirst(2).filter { $0.hasPrefix("[") } == ["\([Taken.taken, .taken, .taken])"])
        let runs = hooks.memory.allRuns()
        let isQuickDone = journal.all.contains("quick is done")
        #expect(Set(runs.map(\.event.id)) == (isQuickDone ? ["slow", "unbegun"] : ["quick", "slow", "unbegun"]))
        #expect(runs.allSatisfy { $0.state == .available && $0.attempts.isEmpty })
    }

    @Test("what a handler emits is durable before its event is acknowledged", arguments: seeds)
    func emits(seed: UInt64) throws {
        let hooks = HookedStore()
        let journal = Journal()
        try withSource(seed: seed, hooks: hooks) { context in
            _ = try await context.take([Self.message("a")])
            journal.note("\(hooks.memory.eventIDs().sorted())")
        } handler: { run, _ in
            try run.emit(Event(id: "emitted", source: "/work", type: "done"))
        }
        #expect(journal.all == ["[\"emitted\"]"])
    }

    @Test(
        "an event that a trigger does not want leaves nothing; one that it cannot decide on is kept", arguments: seeds)
    func refusals(seed: UInt64) throws {
        let hooks = HookedStore()
        let journal = Journal()
        let when = try CELExpression("event.data.total > 3", in: .event)
        try withSource(seed: seed, rules: TriggerRules(when: when), hooks: hooks) { context in
            let messages = ["{\"total\":1}", "{\"total\":9}", "{}"].enumerated().map { index, data in
                SourceMessage.event(
                    IncomingEvent(
                        Event(
                            id: "\(index)", source: "/queue", type: "test", dataContentType: "application/json",
                            data: Array(data.utf8)), to: .trigger("direct")))
            }
            journal.note("\(try await context.take(messages))")
        } handler: { run, _ in
            journal.note("done \(run.event.id)")
        }
        #expect(journal.all == ["done 1", "\([Taken.taken, .taken, .taken])"])
        #expect(hooks.memory.eventIDs().sorted() == ["2"])
    }

    @Test("while the store is away what has to be kept waits, and no handler is called again", arguments: seeds)
    func storeAway(seed: UInt64) throws {
        let hooks = HookedStore()
        let journal = Journal()
        let failures = Mutex(20)
        try withSource(seed: seed, hooks: hooks) { context in
            hooks.before { call throws(StoreError) in
                guard case .other = call else { return }
                let isAway = failures.withLock { failures in
                    failures -= 1
                    return failures >= 0
                }
                if isAway { throw StoreError(.permanent, "away") }
            }
            journal.note("\(try await context.take([Self.message("a")]))")
            hooks.clear()
        } handler: { run, _ in
            journal.note("attempt")
            throw RunFailure.never("no such address")
        }
        #expect(journal.all == ["attempt", "\([Taken.taken])"])
        #expect(hooks.memory.allRuns().map(\.state) == [.dead])
    }

    @Test("what a source remembers is kept once its events are done", arguments: seeds)
    func sourceState(seed: UInt64) throws {
        let journal = Journal()
        try withSource(seed: seed) { context in
            for number in 1...2 {
                let event = Event(id: "\(number)", source: "/stream", type: "test")
                let change = SourceStateChange(trigger: "direct", key: "offset", value: Array("\(number)".utf8))
                _ = try await context.take([
                    .event(IncomingEvent(event, to: .trigger("direct"), stateChanges: [change]))
                ])
                let state = try await context.state()["offset"] ?? []
                journal.note(String(decoding: state, as: UTF8.self))
            }
        } handler: { _, _ in
        }
        #expect(journal.all == ["1", "2"])
    }

    @Test("an event that was delivered again and again without an answer is not tried once more", arguments: seeds)
    func quarantine(seed: UInt64) throws {
        let hooks = HookedStore()
        let journal = Journal()
        let policy = JobPolicy(retry: RetryPolicy(attempts: 3, from: .seconds(1), upTo: .seconds(1), crashes: 2))
        try withSource(seed: seed, policy: policy, hooks: hooks) { context in
            journal.note(
                "\(try await context.take([Self.message("a", deliveries: 5), Self.message("b", deliveries: 6)]))")
        } handler: { run, _ in
            journal.note("attempt at \(run.event.id)")
        }
        #expect(journal.all == ["attempt at a", "\([Taken.taken, .taken])"])
        #expect(hooks.memory.allRuns().map(\.state) == [.dead])
        #expect(hooks.memory.allRuns().first?.reason?.hasPrefix("quarantined: it was delivered 5 times") == true)
    }

    @Test(
        "a handler that asks to be tried later is tried from the store, and that counts as no failure", arguments: seeds
    )
    func snooze(seed: UInt64) throws {
        let hooks = HookedStore()
        let journal = Journal()
        try withSource(seed: seed, policy: JobPolicy(retry: Self.quick), hooks: hooks) { context in
            journal.note("\(try await context.take([Self.message("a", deliveries: 1)]))")
        } handler: { run, _ in
            journal.note("attempt \(run.attempt)")
            if run.attempt < 6 { throw RunFailure.snooze(.seconds(1)) }
        }
        #expect(journal.all.first == "attempt 1")
        #expect(journal.all.last == "attempt 6")
        #expect(hooks.memory.allRuns().map(\.state) == [.completed])
        #expect(hooks.memory.allRuns().first?.attempts.first?.outcome == .snoozed)
    }

    @Test("a run that waits for its next attempt when the node stops keeps the failed ones", arguments: seeds)
    func stopBetweenAttempts(seed: UInt64) throws {
        let hooks = HookedStore()
        let policy = JobPolicy(retry: RetryPolicy(attempts: 8, from: .seconds(20), upTo: .seconds(20), jitter: false))
        try withSource(seed: seed, policy: policy, hooks: hooks) { context in
            _ = try await context.take([Self.message("a", order: "x")])
        } handler: { _, _ in
            throw RunFailure("no answer")
        } _: { _, _, clock in
            try await clock.sleep(for: .seconds(50))
        }
        let run = try #require(hooks.memory.allRuns().first)
        #expect(run.state == .retryable)
        #expect(run.attempts.map(\.number) == [3])
    }

    @Test(
        "a message that is larger than the node takes is recorded without its data, and holds up none", arguments: seeds
    )
    func tooLarge(seed: UInt64) throws {
        let hooks = HookedStore()
        let journal = Journal()
        try withSource(seed: seed, hooks: hooks, mostBytes: 10) { context in
            var large = Event(id: "large", source: "/queue", type: "test")
            large.data = Array(repeating: 1, count: 100)
            let taken = try await context.take([
                .event(IncomingEvent(large, to: .trigger("direct"))), Self.message("a"),
                .unreadable(
                    UnreadableMessage(id: "odd", source: "/queue", reason: "odd", data: Array(repeating: 1, count: 100))
                ),
            ])
            journal.note("\(taken.map { if case .rejected = $0 { "rejected" } else { "taken" } })")
        } handler: { _, _ in
        }
        #expect(journal.all == ["[\"rejected\", \"taken\", \"rejected\"]"])
        #expect(hooks.memory.eventIDs() == ["large", "odd"])
    }

    @Test("settings that need the store are refused with direct delivery, by their names")
    func contradictions() throws {
        let key = try CELExpression("event.id", in: .event)
        let job = Job("work", policy: JobPolicy(weight: 2, key: key)) { _ in }
        var trigger = Trigger("direct", kind: "test", origin: .bus(EventFilter()), start: ["work"])
        trigger.delivery = .direct
        func message() -> String? {
            do throws(RuntimeError) {
                _ = try Runtime(store: MemoryStore(), jobs: [job], triggers: [trigger])
                return nil
            } catch {
                return error.message
            }
        }
        #expect(message()?.contains("expected a source of its own") == true)
        trigger.origin = .source(ScriptedSource { _ in })
        #expect(message()?.contains("\"key\", \"weight\", which needs the store") == true)
        trigger.delivery = .stored
        #expect(message() == nil)
    }
}
