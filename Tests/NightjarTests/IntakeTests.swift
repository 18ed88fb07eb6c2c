import CloudEvents
import NightjarCore
import NightjarTestKit
import Testing

@testable import Nightjar

@Suite("Intake")
struct IntakeTests {
    private static func triggers() -> [Trigger] {
        [
            Trigger("orders", kind: "event", origin: .bus(EventFilter(types: ["order.*"])), start: ["a", "b"]),
            Trigger(
                "late", kind: "event", origin: .bus(EventFilter(types: ["order.placed"])), start: ["b", "c"],
                delay: .seconds(9)),
            Trigger("shop", kind: "event", origin: .bus(EventFilter(sources: ["/shop"])), start: ["c"]),
            Trigger("own", kind: "files", origin: .external, start: ["a"]),
        ]
    }

    private func node(
        _ store: any RunStore = MemoryStore(), configuration: RuntimeConfiguration = .init(),
        time: any TimeSource = SimulatedClock()
    ) throws -> Runtime {
        try Runtime(
            store: store, jobs: ["a", "b", "c"].map { Job($0) { _ in } }, triggers: Self.triggers(),
            configuration: configuration, time: time)
    }

    private func event(_ type: String, source: String = "/test", id: String = "1", data: [UInt8]? = nil) -> Event {
        Event(id: id, source: source, type: type, data: data)
    }

    @Test("a published event makes one run for each job that a trigger starts, however many triggers do")
    func fanOut() async throws {
        let store = MemoryStore()
        let clock = SimulatedClock()
        let answers = try await node(store, time: clock).intake.accept([IncomingEvent(event("order.placed"))])
        #expect(answers[0].outcome == .accepted)
        let runs = store.allRuns()
        #expect(runs.map(\.job).sorted() == ["a", "b", "c"])
        #expect(runs.first { $0.job == "b" }?.trigger == "orders")
        #expect(runs.first { $0.job == "c" }?.state == .scheduled)
        #expect(runs.first { $0.job == "c" }?.runAt == clock.now + .seconds(9))
    }

    @Test(
        "a filter compares type and source; a star at the end stands for any rest",
        arguments: [
            ("order.paid", "/test", ["a", "b"]), ("orders", "/test", []), ("other", "/shop", ["c"]),
            ("other", "/shop/2", []),
        ])
    func filters(type: String, source: String, jobs: [String]) async throws {
        let store = MemoryStore()
        _ = try await node(store).intake.accept([IncomingEvent(event(type, source: source))])
        #expect(store.allRuns().map(\.job).sorted() == jobs)
        #expect(store.eventIDs() == ["1"], "an event that nobody wants is kept too")
    }

    @Test("what comes to one trigger is for that one alone, and a start by hand for its job")
    func addressees() async throws {
        let store = MemoryStore()
        let intake = try node(store).intake
        _ = try await intake.accept([IncomingEvent(event("order.placed"), to: .trigger("own"))])
        _ = try await intake.accept([IncomingEvent(event("x", id: "2"), to: .job("c", runAt: nil))])
        #expect(store.allRuns().map(\.job) == ["a", "c"])
        for (addressee, code) in [
            (IncomingEvent.Addressee.trigger("none"), IntakeError.Code.unknownTrigger),
            (.job("none", runAt: nil), .unknownJob),
        ] {
            await #expect {
                _ = try await intake.accept([IncomingEvent(event("x", id: "3"), to: addressee)])
            } throws: { error in
                (error as? IntakeError)?.code == code
            }
        }
    }

    @Test("what is for nobody is kept with its source's state, starts nothing, and says why")
    func forNobody() async throws {
        let store = MemoryStore()
        let change = SourceStateChange(trigger: "own", key: "mark", value: [1])
        let answers = try await node(store).intake.accept([
            IncomingEvent(
                event("order.placed"), to: .nobody(trigger: "own", reason: "it begins"), stateChanges: [change])
        ])
        #expect(answers.map(\.outcome) == [.accepted] && store.allRuns().isEmpty)
        #expect(try await store.sourceState(trigger: "own") == ["mark": [1]])
        let records = try await store.events(id: "1", source: nil)
        #expect(records.map(\.decisions) == [[Decision(trigger: "own", outcome: .refused, reason: "it begins")]])
    }

    @Test("a batch with an invalid or too large event is refused whole, and says which one is to blame")
    func refusedWhole() async throws {
        let store = MemoryStore()
        let intake = try node(store, configuration: RuntimeConfiguration(maximumEventBytes: 10)).intake
        for (bad, code) in [
            (event("", id: "2"), IntakeError.Code.invalidEvent),
            (event("t", id: "2", data: Array(repeating: 1, count: 11)), .tooLarge),
        ] {
            await #expect {
                _ = try await intake.accept([IncomingEvent(event("order.x")), IncomingEvent(bad)])
            } throws: { error in
                let error = error as? IntakeError
                return error?.code == code && error?.index == 1 && error?.isTransient == false
            }
        }
        #expect(store.eventIDs().isEmpty)
    }

    @Test("when too many events are on their way, others are told to come again, and can once those have arrived")
    func full() async throws {
        let clock = SimulatedClock()
        let store = FaultyStore(
            MemoryStore(), plan: FaultPlan(slow: 1, delay: .seconds(1) ... .seconds(1)), seed: 1, clock: clock)
        let intake = try node(store, configuration: RuntimeConfiguration(maximumEventsInFlight: 2), time: clock).intake
        let first = [IncomingEvent(event("order.x")), IncomingEvent(event("order.x", id: "2"))]
        try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask { try await intake.accept(first).count }
            // The first batch is on its way once it waits in the store.
            while clock.nextDeadline == nil { await Task.yield() }
            do throws(IntakeError) {
                _ = try await intake.accept([IncomingEvent(event("order.x", id: "3"))])
                Issue.record("an event was taken above the limit")
            } catch {
                #expect(error.code == .full && error.isTransient && error.retryAfter != nil)
            }
            group.addTask {
                while !Task.isCancelled {
                    _ = clock.advanceToNextDeadline()
                    await Task.yield()
                }
                return 0
            }
            let taken = try await group.next()
            let later = try await intake.accept([IncomingEvent(event("order.x", id: "3"))])
            #expect(taken == 2 && later.count == 1)
            group.cancelAll()
        }
    }

    @Test("a store that fails takes nothing, and says that it may work later")
    func storeFails() async throws {
        let clock = SimulatedClock()
        let store = FaultyStore(
            MemoryStore(), plan: .failing(.beforeCommit, atCall: 1), seed: 1, clock: clock)
        store.cut()
        await #expect {
            _ = try await node(store, time: SystemTimeSource()).intake.accept([IncomingEvent(event("order.x"))])
        } throws: { error in
            let error = error as? IntakeError
            return error?.code == .store && error?.isTransient == true
        }
    }

    @Test("names that cannot be names, that stand twice, and jobs that do not exist are refused")
    func runtimeErrors() {
        let job = Job("a") { _ in }
        let trigger = Trigger("t", kind: "event", origin: .bus(EventFilter()), start: ["a"])
        let stray = Trigger("u", kind: "event", origin: .bus(EventFilter()), start: ["b"])
        for (jobs, triggers, code) in [
            ([Job("no spaces") { _ in }], [], RuntimeError.Code.invalidName), ([job, job], [], .duplicateName),
            ([job], [trigger, trigger], .duplicateName), ([job], [stray], .unknownJob),
        ] as [([Job], [Trigger], RuntimeError.Code)] {
            #expect {
                _ = try Runtime(store: MemoryStore(), jobs: jobs, triggers: triggers)
            } throws: { error in
                (error as? RuntimeError)?.code == code
            }
        }
    }
}
