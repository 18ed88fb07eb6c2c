import CloudEvents
import Expressions
import NightjarCore
import NightjarTestKit
import Testing

@testable import Nightjar

@Suite("Replay")
struct ReplayTests {
    private static func trigger(
        _ name: String, _ origin: Trigger.Origin, start jobs: [String], when: String? = nil, id: String? = nil
    ) throws -> Trigger {
        var rules = TriggerRules()
        rules.when = try when.map { try CELExpression($0, in: .event) }
        rules.id = try id.map { try CELExpression($0, in: .event) }
        return Trigger(
            name, kind: "test", origin: origin, start: jobs, rules: rules)
    }

    private static func orders(when: String? = nil, start: [String] = ["a"], type: String = "order") throws -> Trigger {
        try trigger("orders", .bus(EventFilter(types: [type])), start: start, when: when)
    }

    private static func inbox(id: String? = nil, when: String? = nil) throws -> Trigger {
        try trigger("inbox", .external, start: ["b"], when: when, id: id)
    }

    private let store = MemoryStore()
    private let clock = SimulatedClock()

    /// A node with these triggers.
    private func node(_ triggers: [Trigger]) throws -> Runtime {
        try Runtime(
            store: store, jobs: ["a", "b", "c"].map { Job($0) { _ in } }, triggers: triggers, time: clock)
    }

    private func event(_ id: String, type: String = "order", total: Int = 1) -> Event {
        Event(
            id: id, source: "/shop", type: type, dataContentType: "application/json",
            data: Array("{\"total\":\(total)}".utf8))
    }

    private func replay(
        _ node: Runtime, _ request: ReplayRequest = ReplayRequest(), limit: Int = 2
    ) async throws -> ReplayReport {
        var report = ReplayReport()
        var cursor: Int64?
        repeat {
            let page = try await node.replay(request, after: cursor, limit: limit)
            report.add(page.report)
            cursor = page.next
        } while cursor != nil
        return report
    }

    private func reasons(_ id: String) async throws -> [String] {
        try await store.events(id: id, source: nil).flatMap(\.decisions).compactMap(\.reason)
    }

    @Test(
        "events that matched nothing start what the mended configuration says; a dry run tells the same and changes nothing"
    )
    func mended() async throws {
        _ = try await node([Self.orders(when: "event.data.totl > 5")]).intake.accept(
            (1...6).map { IncomingEvent(event("e\($0)", total: $0 * 2)) } + [IncomingEvent(event("x", type: "other"))])
        #expect(store.allRuns().isEmpty)
        let mended = try node([Self.orders(when: "event.data.total > 5", start: ["a", "c"])])
        let before = try await store.events(after: 0, limit: 100)
        let dry = try await replay(mended, ReplayRequest(isDryRun: true))
        #expect(try await store.events(after: 0, limit: 100) == before)
        #expect(store.allRuns().isEmpty)
        let done = try await replay(mended)
        #expect(done == dry)
        #expect(done.events == 7 && done.started == 4 && done.runs == 8)
        #expect(done.triggers.map(\.trigger) == ["orders"])
        #expect(done.triggers.first?.jobs == ["a": 4, "c": 4])
        #expect(
            done.triggers.first?.reasons == [
                .init(text: "when is false: event.data.total > 5", count: 2, example: "e1")
            ])
        #expect(done.unasked == 1 && done.reasons.first?.text == "no trigger wants the type \"other\" from \"/shop\"")
        #expect(store.allRuns().count == 8)
        // What each says now is what is told from now on.
        #expect(try await reasons("e1") == ["when is false: event.data.total > 5"])
        #expect(try await reasons("e6") == [])
        let again = try await replay(mended)
        #expect(again.events == 3 && again.runs == 0, "those that made runs are looked at no more")
    }

    @Test("what came to one trigger is asked of that one alone, what was published of the others")
    func addressees() async throws {
        let first = try node([Self.inbox(when: "false"), Self.orders(when: "false")])
        _ = try await first.intake.accept([
            IncomingEvent(event("to-inbox"), to: .trigger("inbox")), IncomingEvent(event("published")),
        ])
        let mended = try node([Self.inbox(), Self.orders()])
        let one = try await replay(mended, ReplayRequest(trigger: "inbox"))
        #expect(one.runs == 1 && one.unasked == 1)
        #expect(one.reasons.first?.text == "it was published, and \"inbox\" is no trigger of the event bus")
        #expect(store.allRuns().map(\.trigger) == ["inbox"])
        let other = try await replay(mended)
        #expect(other.events == 1 && other.runs == 1)
        #expect(store.allRuns().map(\.event.id) == ["to-inbox", "published"])
    }

    @Test("an event of a trigger that is gone starts nothing, and neither does one that started a job by hand")
    func gone() async throws {
        let first = try node([Self.inbox(when: "false")])
        _ = try await first.intake.accept([
            IncomingEvent(event("e1"), to: .trigger("inbox")), IncomingEvent(event("e2"), to: .job("c", runAt: nil)),
        ])
        let report = try await replay(node([Self.orders()]), ReplayRequest(includesMatched: true))
        #expect(report.events == 2 && report.runs == 0)
        #expect(
            report.reasons.map(\.text) == [
                "it came to the trigger \"inbox\", which is not in the configuration",
                "it started the job \"c\" by hand",
            ])
        await #expect {
            _ = try await replay(node([]), ReplayRequest(trigger: "none"))
        } throws: { error in
            (error as? IntakeError)?.code == .unknownTrigger
        }
    }

    @Test("with those that made runs, a job that has none of an event gets one, and no job a second")
    func matched() async throws {
        _ = try await node([Self.orders()]).intake.accept([IncomingEvent(event("e1")), IncomingEvent(event("e2"))])
        let more = try node([Self.orders(start: ["a", "c"])])
        #expect(try await replay(more).events == 0)
        let dry = try await replay(more, ReplayRequest(includesMatched: true, isDryRun: true))
        let done = try await replay(more, ReplayRequest(includesMatched: true))
        #expect(done == dry && done.triggers.first?.jobs == ["c": 2])
        #expect(store.allRuns().map(\.job).sorted() == ["a", "a", "c", "c"])
        let again = try await replay(more, ReplayRequest(includesMatched: true))
        #expect(again.runs == 0)
        #expect(again.triggers.first?.reasons.first?.text == "its jobs have runs of the event already")
    }

    @Test("a replay is of the events in a time, of a type and source, and for which a condition is true")
    func filters() async throws {
        let first = try node([Self.orders(when: "false")])
        let start = clock.now
        for number in 1...6 {
            _ = try await first.intake.accept([
                IncomingEvent(event("e\(number)", type: number == 5 ? "order.late" : "order", total: number))
            ])
            clock.advance(by: .seconds(10))
        }
        let mended = try node([Self.orders(type: "order*")])
        var request = ReplayRequest(
            filter: EventFilter(types: ["order"], sources: ["/sh*"]),
            when: try ReplayRequest.condition("event.data.total != 3"), acceptedFrom: start + .seconds(10),
            acceptedUntil: start + .seconds(40))
        #expect(try await replay(mended, request).events == 2)
        #expect(store.allRuns().map(\.event.id) == ["e2", "e4"])
        request = ReplayRequest(when: try ReplayRequest.condition("event.data.nothing == 1"))
        let report = try await replay(mended, request)
        #expect(report.runs == 0 && report.unasked == 4)
        #expect(report.reasons.first?.text.hasPrefix("the condition has no answer") == true)
        for text in ["event.", "1 + 1", "nothing"] {
            #expect(throws: ReplayRequest.Mistake.self) { try ReplayRequest.condition(text) }
        }
    }

    @Test("runs of a replay begin now: delays and expiry count from the replay on")
    func times() async throws {
        _ = try await node([]).intake.accept([IncomingEvent(event("e1"))])
        clock.advance(by: .seconds(500))
        let late = Trigger("late", kind: "event", origin: .bus(EventFilter()), start: ["a"], delay: .seconds(9))
        #expect(try await replay(node([late])).runs == 1)
        let run = try #require(store.allRuns().first)
        #expect(run.createdAt == clock.now && run.runAt == clock.now + .seconds(9) && run.state == .scheduled)
    }

    @Test("a key whose value is missing is told, and told anew once it is mended")
    func keys() async throws {
        func node(_ key: String) throws -> Runtime {
            let policy = JobPolicy(key: try CELExpression(key, in: .event))
            return try Runtime(
                store: store, jobs: [Job("a", policy: policy) { _ in }], triggers: [Self.orders()], time: clock)
        }
        _ = try await node("event.data.custmer").intake.accept([IncomingEvent(event("e1"))])
        #expect(try await reasons("e1").first?.hasPrefix("key has no value") == true)
        let report = try await replay(node("event.data.total"))
        #expect(report.runs == 1)
        #expect(try await reasons("e1") == [])
        #expect(store.allRuns().first?.key == "1")
    }
}

extension ReplayTests {
    @Test("an event whose trigger could not tell its id becomes the event of that id, once, and no second run follows")
    func unidentified() async throws {
        let wrong = try node([Self.inbox(id: "event.data.order")])
        // The sender tried twice, as it got no run.
        _ = try await wrong.intake.accept(
            ["u1", "u2"].map { IncomingEvent(event($0, total: 7), to: .trigger("inbox")) })
        #expect(store.allRuns().isEmpty)
        let mended = try node([Self.inbox(id: "event.data.total")])
        let report = try await replay(mended)
        #expect(report.runs == 1, "both are the same order")
        #expect(store.allRuns().map(\.event.id) == ["7"])
        #expect(try await reasons("u1") == ["replayed as the event \"7\""])
        let answers = try await mended.intake.accept([IncomingEvent(event("u3", total: 7), to: .trigger("inbox"))])
        #expect(answers.first?.outcome == .duplicate)
        #expect(try await replay(mended).runs == 0)
        #expect(store.allRuns().count == 1)
    }

    @Test("an event keeps the identity that it got, also when the rule would give it another now")
    func identified() async throws {
        _ = try await node([Self.inbox(id: "event.id + \"-x\"", when: "false")]).intake.accept([
            IncomingEvent(event("u1"), to: .trigger("inbox"))
        ])
        let report = try await replay(node([Self.inbox(id: "event.id + \"-x\"")]))
        #expect(report.runs == 1)
        #expect(store.allRuns().map(\.event.id) == ["u1-x"])
        #expect(store.eventIDs() == ["u1-x"])
    }

    @Test(
        "whom an event of an earlier version was for is told by the decisions on it",
        arguments: [
            ([], "bus"), ([Decision(trigger: "orders", outcome: .refused)], "bus"),
            ([Decision(trigger: "inbox", outcome: .refused, reason: "when is false")], "inbox"),
            ([Decision(trigger: nil, job: "c", outcome: .started)], "hand"),
            ([Decision(trigger: "gone", outcome: .refused)], "unknown"),
        ] as [([Decision], String)])
    func earlierVersions(decisions: [Decision], expected: String) throws {
        let planner = IntakePlanner(
            jobs: ["a": JobPolicy(), "b": JobPolicy()], triggers: [try Self.orders(), try Self.inbox()])
        let stored = EventRecord(sequence: 1, event: event("e1"), acceptedAt: clock.now, decisions: decisions)
        var ids = RunIDGenerator()
        var random = SeededGenerator(seed: 1)
        let plan = planner.replan(stored, now: clock.now) { ids.next(microseconds: 1, using: &random) }
        switch expected {
        case "bus": #expect(plan.records.flatMap(\.runs).map(\.trigger) == ["orders"])
        case "inbox": #expect(plan.records.flatMap(\.runs).map(\.trigger) == ["inbox"])
        case "hand": #expect(plan.reason == "it started the job \"c\" by hand")
        default: #expect(plan.reason?.contains("is not known") == true)
        }
    }

    @Test("a report keeps the first few reasons and counts all")
    func bounded() {
        var report = ReplayReport()
        for number in 0..<20 {
            report.noteRefusal("t\(number % 2)", "reason \(number % 14)", event: "e\(number)")
        }
        #expect(report.triggers.map(\.trigger) == ["t0", "t1"])
        #expect(report.triggers.map(\.refused) == [10, 10])
        #expect(report.triggers.map(\.reasons.count) == [5, 5])
        #expect(report.triggers.first?.reasons.first == .init(text: "reason 0", count: 2, example: "e0"))
    }
}
