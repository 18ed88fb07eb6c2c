import CloudEvents
import NightjarCore
import Testing

@testable import NightjarActions

@Suite("Emitting an event")
struct EmitActionTests {
    private static let cause = Event(
        id: "e-1", source: "/shop", type: "order.placed", subject: "order-7", time: Timestamp(microsecondsSince1970: 5),
        dataContentType: "text/csv", dataSchema: "https://example.com/s",
        extensions: ["correlationid": .string("flow-1"), "tenant": .string("acme")], data: [0xFF, 0x00])

    /// What the action emits for a run of the event.
    private func emitted(_ action: EmitAction, event: Event = cause) async throws -> Event {
        let reporter = RecordingReporter()
        #expect(try await action.run(.test(event: event, reporter: reporter)) == RunOutput.none)
        #expect(reporter.events.count == 1)
        return try #require(reporter.events.first)
    }

    @Test("by default the new event has the run's input, its subject, and the job as its source")
    func defaults() async throws {
        let event = try await emitted(EmitAction(type: "order.accepted"))
        #expect(
            event
                == Event(
                    id: "\(RunContext.testID)-1", source: "/jobs/work", type: "order.accepted", subject: "order-7",
                    dataContentType: "text/csv", dataSchema: "https://example.com/s",
                    extensions: [
                        "causationid": .string("e-1"), "correlationid": .string("flow-1"),
                        "nightjarrun": .string("\(RunContext.testID)"),
                    ], data: [0xFF, 0x00])
        )
    }

    @Test("every attempt emits the same event, so that none is taken twice")
    func sameID() async throws {
        let action = try EmitAction(type: "t")
        let reporter = RecordingReporter()
        for attempt in 1...3 { _ = try await action.run(.test(attempt: attempt, reporter: reporter)) }
        #expect(Set(reporter.events).count == 1)
    }

    @Test("what the settings say replaces what the run's event says")
    func settings() async throws {
        let event = try await emitted(
            EmitAction(
                type: "t", source: "/me", subject: "s", data: Array("{}".utf8),
                extensions: ["shard": .integer(3), "causationid": .string("x")]))
        #expect(
            event
                == Event(
                    id: "\(RunContext.testID)-1", source: "/me", type: "t", subject: "s",
                    dataContentType: "application/json",
                    extensions: [
                        "shard": .integer(3), "causationid": .string("x"), "correlationid": .string("flow-1"),
                        "nightjarrun": .string("\(RunContext.testID)"),
                    ], data: Array("{}".utf8)))
    }

    @Test("a media type can be given for data of its own, and for the input")
    func contentType() async throws {
        let own = try await emitted(EmitAction(type: "t", data: [0x61], dataContentType: "text/plain"))
        #expect(own.dataContentType == "text/plain" && own.data == [0x61])
        let input = try await emitted(EmitAction(type: "t", dataContentType: "text/plain"))
        #expect(input.dataContentType == "text/plain" && input.data == [0xFF, 0x00])
    }

    @Test("an event without data, subject and correlation leads to one without")
    func bare() async throws {
        let event = try await emitted(EmitAction(type: "t"), event: Event(id: "1", source: "/s", type: "u"))
        #expect(event.data == nil && event.subject == nil && event.dataContentType == nil)
        #expect(
            event.extensions == ["causationid": .string("1"), "nightjarrun": .string("\(RunContext.testID)")])
    }

    @Test("attributes that no event can have are refused at once")
    func refused() {
        #expect(throws: EventError.self) { try EmitAction(type: "") }
        #expect(throws: EventError.self) { try EmitAction(type: "t", source: "") }
        #expect(throws: EventError.self) { try EmitAction(type: "t", source: "a b") }
        #expect(throws: EventError.self) { try EmitAction(type: "t", subject: "\u{7}") }
        #expect(throws: EventError.self) { try EmitAction(type: "t", dataContentType: "text") }
        #expect(throws: EventError.self) { try EmitAction(type: "t", extensions: ["Tenant": .string("x")]) }
        #expect(throws: EventError.self) { try EmitAction(type: "t", extensions: ["source": .string("x")]) }
    }
}
