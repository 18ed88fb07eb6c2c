import CloudEvents
import NightjarCore
import NightjarKafka
import TestServers
import Testing
import Waiting

@Suite(.enabled(if: Preload.isDone, Preload.skip), .serialized, .timeLimit(.minutes(3)))
struct TansuConsumingTests {
    private let intake = FakeIntake()

    private func events(_ options: KafkaOptions, count: Int) async throws -> [Event] {
        try await consuming(options, intake) {
            try await intake.state.wait("all") { $0.events.count >= count }
        }
        return intake.state.value.events.map(\.event)
    }

    @Test("messages of confluent-kafka become events with key, headers, time and place")
    func plain() async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 1)
        try await broker.publish(
            [
                ForeignMessage(
                    value: "{\"total\": 7}", key: "customer-7",
                    headers: ["content-type": "application/json", "X-Trace": "abc", "topic": "mine", "bad": "\u{1}"],
                    timestamp: 1_700_000_000_123),
                ForeignMessage(value: nil, key: "gone"), ForeignMessage(value: "", key: nil),
            ], to: "orders")
        let events = try await events(broker.options(.broker, ["orders"]) { $0.order = .partition }, count: 3)
        let first = try #require(events.first)
        #expect(first.source == "kafka://\(broker.address)/orders" && first.type == "nightjar.kafka.message")
        #expect(first.id == "0-0-1700000000123" && first.time?.rfc3339 == "2023-11-14T22:13:20.123Z")
        #expect(first.dataContentType == "application/json" && FakeIntake.text(first) == "{\"total\": 7}")
        #expect(
            first.extensions == [
                "topic": .string("orders"), "partition": .string("0"), "offset": .string("0"),
                "partitionkey": .string("customer-7"), "xtrace": .string("abc"), "xtopic": .string("mine"),
            ])
        #expect(events[1].data == nil && events[1].extensions["tombstone"] == .string("true"))
        #expect(events[2].data == [] && events[2].extensions["tombstone"] == nil)
        #expect(events[2].extensions["partitionkey"] == nil)
    }

    @Test("messages of kcat arrive, with keys that are no text")
    func kcat() async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 1)
        try await broker.publishByKcat(["k1:v1", "k2:v2"], ["-K", ":", "-H", "a=b"], to: "orders")
        let events = try await events(broker.options(.store, ["^ord.*"]), count: 2)
        #expect(events.map(FakeIntake.text) == ["v1", "v2"])
        #expect(events.map { $0.extensions["partitionkey"] } == [.string("k1"), .string("k2")])
        #expect(events.map { $0.extensions["a"] } == [.string("b"), .string("b")])
    }

    @Test("CloudEvents in binary and structured mode are taken as such; broken ones are recorded, and hold up none")
    func cloudEvents() async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 1)
        try await broker.publish(
            [
                ForeignMessage(
                    value: "{}", key: "k",
                    headers: [
                        "ce_specversion": "1.0", "ce_id": "e1", "ce_source": "/shop", "ce_type": "order.placed",
                        "ce_region": "öst", "content-type": "application/json",
                    ]),
                ForeignMessage(
                    value: #"{"specversion":"1.0","id":"e2","source":"/shop","type":"order.paid","data":5}"#,
                    headers: ["content-type": "application/cloudevents+json; charset=utf-8"]),
                ForeignMessage(value: "x", headers: ["ce_specversion": "1.0", "ce_id": "e3"]),
                ForeignMessage(value: "{", headers: ["content-type": "application/cloudevents+json"]),
                ForeignMessage(value: "last"),
            ], to: "orders")
        let options = broker.options(.store, ["orders"])
        let events = try await events(options, count: 5)
        #expect(
            events[0]
                == Event(
                    id: "e1", source: "/shop", type: "order.placed", dataContentType: "application/json",
                    extensions: ["region": .string("öst")], data: Array("{}".utf8)))
        #expect(events[1].id == "e2" && events[1].type == "order.paid" && FakeIntake.text(events[1]) == "5")
        #expect(events[2...3].map(\.type) == [UnreadableMessage.eventType, UnreadableMessage.eventType])
        #expect(events[2].id.hasPrefix("0-2-") && FakeIntake.text(events[2]) == "x")
        guard case .nobody(_, let reason) = intake.state.value.events[2].addressee else {
            Issue.record("for someone")
            return
        }
        #expect(reason.contains("offset 2 of orders/0") && reason.contains("source"))
        #expect(FakeIntake.text(events[4]) == "last")
    }
}
