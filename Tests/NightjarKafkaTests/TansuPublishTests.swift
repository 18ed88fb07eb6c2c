import CloudEvents
import NightjarCore
import NightjarKafka
import TestServers
import Testing
import Waiting

@Suite(.enabled(if: Preload.isDone, Preload.skip), .serialized, .timeLimit(.minutes(3)))
struct TansuPublishTests {
    private let event = Event(
        id: "e1", source: "/shop", type: "order.placed", subject: "7",
        time: Timestamp(microsecondsSince1970: 1_700_000_000_000_000), dataContentType: "application/json",
        extensions: ["partitionkey": .string("customer-7"), "urgent": .boolean(true)], data: Array("{\"a\":1}".utf8))

    private func publish(_ broker: TansuBroker, _ format: MessageFormat, _ events: [Event]) async throws {
        let publisher = try KafkaPublisher(
            KafkaPublishOptions(cluster: KafkaCluster(brokers: broker.address), topic: "orders", format: format))
        for event in events { _ = try await publisher.publish(event, KafkaMessageOptions(headers: ["x": "y"])) }
        await publisher.close()
    }

    @Test("kcat reads what was published, in each format")
    func formats() async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 1)
        for format in MessageFormat.allCases { try await publish(broker, format, [event]) }
        let lines = try await broker.readByKcat("orders", format: "%k|%s|%h\\n")
        let attributes =
            "ce_specversion=1.0,ce_id=e1,ce_source=/shop,ce_type=order.placed,ce_subject=7,ce_time=2023-11-14T22:13:20Z,ce_partitionkey=customer-7,ce_urgent=true"
        #expect(lines.count == 3)
        #expect(lines.first == "customer-7|{\"a\":1}|x=y,content-type=application/json,\(attributes)")
        #expect(
            lines[1].hasPrefix("customer-7|{") && lines[1].hasSuffix("|x=y,content-type=application/cloudevents+json"))
        #expect(lines[2] == "customer-7|{\"a\":1}|x=y,content-type=application/json")
    }

    @Test("what was published comes back as the same event; an event without data is a tombstone")
    func roundTrip() async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 1)
        var empty = event
        empty.data = nil
        empty.dataContentType = nil
        try await publish(broker, .binary, [event, empty])
        try await publish(broker, .structured, [event])
        let intake = FakeIntake()
        try await consuming(broker.options(.broker, ["orders"]), intake) {
            try await intake.state.wait("all") { $0.events.count == 3 }
        }
        var read = event
        read.extensions["urgent"] = .string("true")
        empty.extensions["urgent"] = .string("true")
        #expect(intake.state.value.events.map(\.event) == [read, empty, event])
        #expect(
            try await broker.readByKcat("orders", format: "%S\\n") == [
                "7", "-1", "\(JSONEventFormat.encode(event).count)",
            ])
    }

    @Test("a tail shows what comes from now on, and leaves no trace of a group")
    func tail() async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 2)
        try await broker.create("other", partitions: 1)
        try await broker.publish(["old"], to: "orders")
        let cluster = KafkaCluster(brokers: broker.address)
        let seen = Watched<[String]>([])
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                for try await event in cluster.tail(topics: ["^ord.*"]) {
                    seen.change { $0.append(FakeIntake.text(event)) }
                }
            }
            // What is published before it looks is not seen.
            for number in 0..<100 where seen.value.isEmpty {
                try await broker.publish(["new \(number)"], to: "orders")
                try await broker.publish(["elsewhere"], to: "other")
            }
            let last = try await seen.wait("something new") { !$0.isEmpty }
            #expect(last.allSatisfy { $0.hasPrefix("new") })
            group.cancelAll()
            try await group.waitForAll()
        }
    }

    @Test("a tail of a topic that is not there, or of a broker that is not, says so")
    func noTail() async throws {
        let broker = try await TansuBroker()
        func error(_ cluster: KafkaCluster) async -> KafkaError? {
            do {
                for try await _ in cluster.tail(topics: ["nowhere"]) { Issue.record("an event") }
                return nil
            } catch {
                return error as? KafkaError
            }
        }
        #expect(await error(KafkaCluster(brokers: broker.address))?.code == .unknownTopic)
        broker.kill()
        #expect(await error(KafkaCluster(brokers: broker.address)) != nil)
    }
}
