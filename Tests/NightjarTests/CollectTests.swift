import CloudEvents
import Expressions
import Nightjar
import NightjarCore
import NightjarTestKit
import Synchronization
import Testing

@Suite("Unique, debounced and batched jobs")
struct CollectTests {
    private struct Order: Decodable {
        var number: Int
    }

    private final class Journal<Line: Sendable>: Sendable {
        private let lines = Mutex<[Line]>([])
        var all: [Line] { lines.withLock { $0 } }
        func note(_ line: Line) { lines.withLock { $0.append(line) } }
    }

    private static func event(_ number: Int, _ customer: String = "a", data: String? = nil) -> Event {
        Event(
            id: "e\(number)", source: "/test", type: "t", dataContentType: "application/json",
            data: Array((data ?? #"{"number": \#(number), "customer": "\#(customer)"}"#).utf8))
    }

    private static func trigger(_ job: String, delay: Duration = .zero, rules: TriggerRules = TriggerRules()) -> Trigger
    {
        Trigger("bus", kind: "event", origin: .bus(EventFilter()), start: [job], delay: delay, rules: rules)
    }

    private static func key(_ text: String = "event.data.customer") throws -> CELExpression {
        try CELExpression(text, in: .event)
    }

    /// A node that takes events and does nothing.
    private func node(_ policy: JobPolicy, delay: Duration = .zero) throws -> (Runtime, MemoryStore, SimulatedClock) {
        let store = MemoryStore()
        let clock = SimulatedClock()
        let runtime = try Runtime(
            store: store, jobs: [Job("work", policy: policy) { _ in }],
            triggers: [Self.trigger("work", delay: delay)], time: clock)
        return (runtime, store, clock)
    }

    /// Runs a node on a simulated clock until `body` returns.
    private func withNode(
        _ jobs: [Job], rules: TriggerRules = TriggerRules(),
        _ body: @escaping @Sendable (Runtime, MemoryStore, SimulatedClock) async throws -> Void
    ) throws {
        let simulation = Simulation(seed: 7)
        let store = MemoryStore()
        let runtime = try Runtime(
            store: store, jobs: jobs, triggers: [Self.trigger(jobs[0].name, rules: rules)],
            time: simulation.clock, random: RandomSource(SeededGenerator(seed: 7)))
        let failures = Journal<String>()
        try simulation.run {
            await withTaskGroup(of: Void.self) { group in
                group.addTask {
                    do { try await runtime.run() } catch { failures.note("\(error)") }
                }
                do { try await body(runtime, store, simulation.clock) } catch { failures.note("\(error)") }
                group.cancelAll()
            }
        }
        #expect(failures.all == [])
    }

    @Test("a unique key is the policy's, else the job's, else one for all")
    func uniqueKeys() async throws {
        let own = JobPolicy(key: try Self.key("event.id"), unique: UniquePolicy(key: try Self.key()))
        for (policy, runs) in [
            (own, 2), (JobPolicy(key: try Self.key(), unique: UniquePolicy()), 2),
            (JobPolicy(unique: UniquePolicy()), 1),
        ] {
            let (runtime, store, _) = try node(policy)
            for (number, customer) in ["a", "b", "a"].enumerated() {
                _ = try await runtime.intake.accept([IncomingEvent(Self.event(number, customer))])
            }
            #expect(store.allRuns().count == runs)
        }
    }

    @Test("who starts a unique job by hand gets the run that stands for it, also with the key of an earlier start")
    func uniqueByHand() async throws {
        let (runtime, store, _) = try node(JobPolicy(unique: UniquePolicy()))
        var answers: [Acceptance] = []
        for number in [1, 2, 2] {
            answers += try await runtime.intake.accept([
                IncomingEvent(Self.event(number), to: .job("work", runAt: nil))
            ])
        }
        #expect(store.allRuns().map(\.id) == answers[0].runs)
        #expect(answers.allSatisfy { $0.runs == answers[0].runs })
        #expect(answers.map(\.outcome) == [.accepted, .accepted, .duplicate])
    }

    @Test("the window of a unique key begins with the first's acceptance")
    func uniqueWindow() async throws {
        let (runtime, store, clock) = try node(JobPolicy(unique: UniquePolicy(window: .seconds(60))))
        for number in 0..<5 {
            _ = try await runtime.intake.accept([IncomingEvent(Self.event(number))])
            clock.advance(by: .seconds(20))
        }
        #expect(store.allRuns().map(\.event.id) == ["e0", "e3"])
    }

    @Test("a debounced run begins after the wait, the trigger's delay included, and expires from then on")
    func debounceTimes() async throws {
        let (runtime, store, clock) = try node(
            JobPolicy(
                expires: .seconds(100),
                debounce: DebouncePolicy(wait: .seconds(5), atMost: .seconds(12), key: try Self.key())),
            delay: .seconds(1))
        let start = clock.now
        for number in 0..<4 {
            _ = try await runtime.intake.accept([IncomingEvent(Self.event(number))])
            let run = try #require(store.allRuns().first)
            let due = min(3 * number + 6, 13)
            #expect(run.runAt == start + .seconds(due))
            #expect(run.expiresAt == start + .seconds(due + 100))
            #expect(run.event.id == "e\(number)")
            clock.advance(by: .seconds(3))
        }
        #expect(store.allRuns().count == 1)
    }

    @Test("a start by hand for a certain time joins no run, another start does")
    func byHand() async throws {
        let (runtime, store, clock) = try node(JobPolicy(batch: BatchPolicy(size: 10, within: .seconds(60))))
        func start(_ number: Int, _ runAt: Timestamp?) async throws -> RunID? {
            try await runtime.intake.accept([IncomingEvent(Self.event(number), to: .job("work", runAt: runAt))])[0].runs
                .first
        }
        let first = try await start(1, nil)
        let second = try await start(2, nil)
        let third = try await start(3, clock.now + .seconds(3600))
        #expect(first == second)
        #expect(third != first)
        #expect(store.allRuns().map(\.runAt) == [clock.now + .seconds(60), clock.now + .seconds(3600)])
    }

    @Test("two policies that each say what becomes of a second event are refused")
    func contradiction() {
        let policy = JobPolicy(unique: UniquePolicy(), batch: BatchPolicy(size: 2, within: .seconds(1)))
        #expect {
            _ = try node(policy)
        } throws: { error in
            (error as? RuntimeError)?.code == .contradiction && "\(error)".contains("\"batch\" and \"unique\"")
        }
    }

    @Test("a full batch is done at once, its input is a CloudEvents batch of what the triggers made")
    func batchInput() throws {
        let inputs = Journal<RunContext>()
        let rules = TriggerRules(input: .value(try Self.key("event.data.number * 10")))
        let job = Job("work", policy: JobPolicy(batch: BatchPolicy(size: 3, within: .seconds(3600)))) {
            inputs.note($0)
        }
        try withNode([job], rules: rules) { runtime, store, clock in
            _ = try await runtime.intake.accept((1...3).map { IncomingEvent(Self.event($0)) })
            try await clock.sleep(for: .seconds(2))
            #expect(store.allRuns().map(\.state) == [.completed])
            #expect(store.allRuns().map(\.itemsDone) == [3])
        }
        let context = try #require(inputs.all.first)
        #expect(inputs.all.count == 1)
        #expect(context.event.dataContentType == JSONEventFormat.batchContentType)
        let decoded = try JSONEventFormat.decodeBatch(context.input)
        #expect(decoded == context.items)
        #expect(decoded.map(\.id) == ["e1", "e2", "e3"])
        #expect(decoded.map { String(decoding: $0.data ?? [], as: UTF8.self) } == ["10", "20", "30"])
        #expect(context.idempotencyKey == "\(context.id)-3")
    }

    @Test("items that fail singly are tried again alone, and what was emitted for the others counts")
    func singleFailures() throws {
        let attempts = Journal<[Int]>()
        let retry = RetryPolicy.exponential(attempts: 3, from: .seconds(1), upTo: .seconds(1))
        let job = Job("work", batchOf: Order.self, size: 4, within: .seconds(5), retry: retry) { orders, run in
            attempts.note(orders.map(\.number))
            var failed: [Int: String] = [:]
            for (index, order) in orders.enumerated() {
                // The second is done at the second attempt, the third never.
                if order.number == 3 || order.number == 2 && run.attempt == 1 { failed[index] = "no \(order.number)" }
            }
            for index in orders.indices where failed[index] == nil {
                try run.emit(Event(id: "done-\(orders[index].number)", source: "/work", type: "done"))
            }
            if !failed.isEmpty { throw BatchFailure(items: failed) }
        }
        let rules = TriggerRules(when: try Self.key("event.type == 't'"))
        try withNode([job], rules: rules) { runtime, store, clock in
            for number in 1...4 { _ = try await runtime.intake.accept([IncomingEvent(Self.event(number))]) }
            try await clock.sleep(for: .seconds(60))
            let run = try #require(store.allRuns().first)
            #expect(run.state == .dead)
            #expect([run.items, run.itemsDone] == [4, 3])
            #expect(run.reason == "1 of 1 items failed: item 0: no 3")
            #expect(run.attempts.map(\.error).first == "2 of 4 items failed: item 1: no 2; item 2: no 3")
            #expect(run.attempts.map(\.outcome) == [.failed, .failed, .failed])
            #expect(store.eventIDs().isSuperset(of: ["done-1", "done-2", "done-4"]))
        }
        #expect(attempts.all == [[1, 2, 3, 4], [2, 3], [3]])
    }

    @Test("a handler that names an item that does not exist has done nothing")
    func strayIndex() throws {
        let sizes = Journal<Int>()
        let job = Job("work", policy: JobPolicy(batch: BatchPolicy(size: 2, within: .seconds(5)))) { run in
            sizes.note(run.items.count)
            if run.attempt == 1 { throw BatchFailure(items: [0: "no", 2: "no"]) }
            if run.attempt == 2 { throw BatchFailure(items: [:]) }
        }
        try withNode([job]) { runtime, store, clock in
            _ = try await runtime.intake.accept((1...2).map { IncomingEvent(Self.event($0)) })
            try await clock.sleep(for: .seconds(60))
            #expect(store.allRuns().map(\.state) == [.completed])
            #expect(store.allRuns()[0].attempts[0].error?.contains("item 2 failed, expected 0 to 1") == true)
        }
        #expect(sizes.all == [2, 2, 2])
    }

    @Test("a value of a typed batch that cannot be read fails alone, and is dead when it alone is left")
    func unreadable() throws {
        let attempts = Journal<[Int]>()
        let job = Job("work", batchOf: Order.self, size: 3, within: .seconds(5)) { orders, run in
            attempts.note(orders.map(\.number))
            if run.attempt == 1 { throw BatchFailure(items: [1: "no"]) }
        }
        try withNode([job]) { runtime, store, clock in
            let events = [Self.event(1), Self.event(2, data: #"{"number": "two"}"#), Self.event(3)]
            _ = try await runtime.intake.accept(events.map { IncomingEvent($0) })
            try await clock.sleep(for: .seconds(60))
            let run = try #require(store.allRuns().first)
            #expect(run.state == .dead)
            #expect([run.items, run.itemsDone] == [3, 2])
            #expect(run.reason?.contains("it is not the JSON of a Order") == true)
        }
        #expect(attempts.all == [[1, 3], [3]])
    }

    @Test("a typed batch takes a run that was made before the job had batches")
    func beforeBatches() throws {
        let attempts = Journal<[Int]>()
        let plain = Job("work") { _ in }
        let batch = Job("work", batchOf: Order.self, size: 3, within: .seconds(5)) { orders, _ in
            attempts.note(orders.map(\.number))
        }
        try withNode([batch]) { runtime, store, clock in
            let intake = try Runtime(store: store, jobs: [plain], triggers: [Self.trigger("work")], time: clock).intake
            _ = try await intake.accept([IncomingEvent(Self.event(1))])
            try await clock.sleep(for: .seconds(5))
            #expect(store.allRuns().map(\.state) == [.completed])
        }
        #expect(attempts.all == [[1]])
    }
}
