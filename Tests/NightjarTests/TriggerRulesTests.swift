import CloudEvents
import Expressions
import NightjarCore
import NightjarTestKit
import Testing

@testable import Nightjar

@Suite("Rules of triggers")
struct TriggerRulesTests {
    private static let now = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)

    private func rules(
        when: String? = nil, input: String? = nil, id: String? = nil, priority: String? = nil, delay: String? = nil
    ) throws -> TriggerRules {
        func expression(_ source: String?) throws -> CELExpression? {
            try source.map { try CELExpression($0, in: .event) }
        }
        return TriggerRules(
            when: try expression(when), input: try expression(input).map { .value($0) }, id: try expression(id),
            priority: try expression(priority), delay: try expression(delay))
    }

    private func plan(
        _ triggers: [Trigger], _ event: Event, to addressee: IncomingEvent.Addressee = .bus
    ) throws -> IntakeRecord {
        var number = 0
        var ids = RunIDGenerator()
        var random = SeededGenerator(seed: 1)
        return try IntakePlanner(jobs: ["a": JobPolicy(), "b": JobPolicy()], triggers: triggers).plan(
            IncomingEvent(event, to: addressee), now: Self.now
        ) {
            number += 1
            return ids.next(microseconds: Int64(number), using: &random)
        }
    }

    private func bus(_ name: String, types: [String] = [], start job: String = "a", _ rules: TriggerRules) -> Trigger {
        Trigger(name, kind: "event", origin: .bus(EventFilter(types: types)), start: [job], rules: rules)
    }

    private func event(_ json: String = "{\"total\": 142}", type: String = "order.created") -> Event {
        Event(id: "e1", source: "/shop", type: type, dataContentType: "application/json", data: Array(json.utf8))
    }

    @Test("a trigger whose `when` is true fires; one whose `when` is false or an error says why it does not")
    func decides() throws {
        let record = try plan(
            [
                bus("yes", try rules(when: "event.data.total > 100")),
                bus("no", try rules(when: "event.data.total > 200")),
                bus("missing", start: "b", try rules(when: "event.data.nothing == 1")),
            ], event())
        #expect(record.runs.map(\.trigger) == ["yes"])
        #expect(
            record.refusals == [
                Decision(trigger: "no", outcome: .refused, reason: "when is false: event.data.total > 200"),
                Decision(
                    trigger: "missing", outcome: .refused,
                    reason: "when has no answer: event.data has no field \"nothing\""),
            ])
    }

    @Test("data that is no JSON refuses what reads it, and nothing else")
    func malformed() throws {
        let triggers = [
            bus("reads", try rules(when: "event.data.total > 100")),
            bus("does not", start: "b", try rules(when: "event.id == 'e1'")),
        ]
        let record = try plan(triggers, event("{\"total\": "))
        #expect(record.runs.map(\.trigger) == ["does not"])
        #expect(record.refusals.first?.reason?.contains("is not JSON: byte 10") == true)
    }

    @Test("input, priority and delay are evaluated for each event; numbers stay what they are")
    func maps() throws {
        let rules = try rules(
            input: "{'order': event.data, 'source': event.source}", priority: "event.data.total > 100 ? 9 : 1",
            delay: "duration('90s')")
        let run = try #require(try plan([bus("t", rules)], event("{\"total\": 142, \"price\": 1.50}")).runs.first)
        #expect(
            String(decoding: run.input ?? [], as: UTF8.self)
                == "{\"order\":{\"total\":142,\"price\":1.5},\"source\":\"/shop\"}")
        #expect(run.priority == 9)
        #expect(run.runAt == Self.now + .seconds(90))
    }

    @Test(
        "what cannot be used refuses the event with its reason, and keeps it",
        arguments: [
            ("priority", "10", "priority is 10; expected an int from 0 to 9"),
            ("delay", "-1", "delay is -1; expected a duration or seconds, not below zero"),
            ("input", "event.data.x", "input has no value: event.data has no field \"x\""),
            ("delay", "event.data.total / 0", "delay has no value: 142 / 0 has no value"),
        ])
    func refuses(_ name: String, _ source: String, _ reason: String) throws {
        let rules = try rules(
            input: name == "input" ? source : nil, priority: name == "priority" ? source : nil,
            delay: name == "delay" ? source : nil)
        let record = try plan([bus("t", rules)], event())
        #expect(record.runs == [])
        #expect(record.refusals.map(\.reason) == [reason])
    }

    @Test("the id of an event that came to a trigger is what the trigger says")
    func identity() throws {
        let trigger = Trigger(
            "in", kind: "http", origin: .external, start: ["a"], rules: try rules(id: "event.data.total"))
        #expect(try plan([trigger], event(), to: .trigger("in")).event.id == "142")
        // Without a value the event keeps its own id, and is kept.
        let record = try plan([trigger], event("{}"), to: .trigger("in"))
        #expect(record.event.id == "e1")
        #expect(record.refusals.map(\.reason) == ["id has no value: event.data has no field \"total\""])
    }

    @Test("an event is decoded once, however many triggers look")
    func decodedOnce() throws {
        let value = EventValue(event())
        let first = try value.value(at: 8)
        let second = try value.value(at: 8)
        #expect(first?.jsonIdentity != nil)
        #expect(first?.jsonIdentity == second?.jsonIdentity)
    }

    @Test("attributes and extensions are seen by their names and types")
    func attributes() throws {
        var event = event()
        event.subject = "s"
        event.time = Timestamp(microsecondsSince1970: -1)
        event.extensions = ["tenant": .string("x"), "count": .integer(3), "flag": .boolean(true)]
        let expression = try CELExpression(
            "event.subject == 's' && event.time == timestamp('1969-12-31T23:59:59.999999Z') && event.tenant == 'x' && event.count + 1 == 4 && event.flag && !has(event.dataschema) && event.specversion == '1.0'",
            in: .event)
        #expect(try expression.test([.object(EventValue(event))]))
        event.dataContentType = "text/plain"
        event.data = Array("plain".utf8)
        #expect(try CELExpression("event.data == 'plain'", in: .event).test([.object(EventValue(event))]))
        event.dataContentType = "image/png"
        #expect(try CELExpression("event.data == b'plain'", in: .event).test([.object(EventValue(event))]))
    }

    @Test("an event is shown only to triggers that may want its type, in their order", arguments: 0..<20)
    func index(seed: UInt64) throws {
        var random = SeededGenerator(seed: seed)
        let types = ["a", "b", "c"]
        let triggers = try (0..<30).map { number -> Trigger in
            let type = types.randomElement(using: &random) ?? "a"
            let conditions = [
                nil, "event.type == '\(type)'", "event.type in ['\(type)', 'b']", "event.data.x == 1",
                "event.type == '\(type)' && event.data.x == 1", "event.type == '\(type)' || event.data.x == 1",
            ]
            let when = conditions.randomElement(using: &random) ?? nil
            let filters = [[], ["a"], [type, "b"], ["a*"], ["*"]]
            return bus("t\(number)", types: filters.randomElement(using: &random) ?? [], try rules(when: when))
        }
        let index = TriggerIndex(triggers)
        for type in types + ["d"] {
            for json in ["{\"x\": 1}", "{\"x\": 2}"] {
                let event = event(json, type: type)
                let all = triggers.filter { trigger in
                    guard case .bus(let filter) = trigger.origin, filter.refusal(of: event) == nil else { return false }
                    return (try? trigger.rules.plan(EventValue(event))) != nil
                }
                let found = index.candidates(for: type).filter { entry in
                    entry.filter.refusal(of: event) == nil
                        && (try? entry.trigger.rules.plan(EventValue(event))) != nil
                }
                #expect(found.map(\.trigger.name) == all.map(\.name))
            }
        }
    }

    @Test("triggers that want another type are not looked at")
    func indexed() throws {
        let triggers = try (0..<1000).map {
            bus("t\($0)", try rules(when: "event.type == 'type\($0)' && event.data.x == 1"))
        }
        #expect(TriggerIndex(triggers).candidates(for: "type7").map(\.trigger.name) == ["t7"])
        #expect(TriggerIndex(triggers).candidates(for: "other").isEmpty)
    }
}

extension Value {
    /// The document that a map of JSON is a part of.
    fileprivate var jsonIdentity: ObjectIdentifier? {
        if case .map(let map) = self { map.documentIdentity } else { nil }
    }
}
