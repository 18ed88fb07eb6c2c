import CloudEvents
import Logging
import Nightjar
import NightjarCore
import NightjarTestKit
import Synchronization
import TestServers
import Testing
import Waiting

@testable import NightjarRabbitMQ

@Suite("A queue as a source", .serialized)
struct SourceTests {
    @Test("messages of a sender that is not ours become runs that are done, and the queue is empty")
    func wholeWay() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("orders")
        try server.declare(queue)
        try server.send(500, to: queue)
        let inputs = Mutex<[String]>([])
        let job = Job("ship") { context in
            inputs.withLock { $0.append(String(decoding: context.input, as: UTF8.self)) }
        }
        let source = try RabbitMQSource(server.options(queue))
        let trigger = Trigger(
            "orders", kind: "rabbitmq", origin: .source(source), start: ["ship"], summary: source.summary)
        let runtime = try Runtime(
            store: MemoryStore(), jobs: [job], triggers: [trigger],
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runtime.run() }
            try await eventually("all runs are done") { inputs.withLock { $0.count } >= 500 }
            try await eventually("the queue is empty") { try server.depth(queue) == (0, 0) }
            group.cancelAll()
        }
        #expect(Set(inputs.withLock { $0 }) == Set((0..<500).map { "\($0)" }))
        #expect(inputs.withLock { $0.count } == 500)
    }

    @Test("a message's properties and headers become attributes; strange ones are left out")
    func attributes() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("attributes")
        try server.declare(queue)
        try server.python(
            #"""
            headers = {"Tenant-ID": "blue", "count": 3, "big": 5000000000, "flag": True, "list": [1], "nasty": "a\x01b",
                       "ünïcode": "ß", "nothing": None, "data": "x", "exchange": "spoofed",
                       "x-stream-offset": 7}
            channel.basic_publish("amq.topic", "nowhere", b"")
            channel.queue_bind(sys.argv[1], "amq.topic", "orders.*")
            channel.basic_publish("amq.topic", "orders.new", b'{"n": 1}', pika.BasicProperties(
                content_type="application/json", headers=headers, message_id="m-1", timestamp=1700000000, priority=4,
                correlation_id="c-1", reply_to="answers", expiration="60000", type="order", app_id="shop",
                user_id="guest", content_encoding="identity"))
            channel.basic_publish("", sys.argv[1], b"plain", pika.BasicProperties(content_type="not a type", message_id="bad\x00id"))
            """#, queue)
        let intake = FakeIntake()
        try await receiving(server.options(queue), intake) { _ in
            try await eventually("both came") { intake.snapshot.taken.count == 2 }
        }
        let events = intake.snapshot.taken.map(\.event)
        let full = try #require(events.first { $0.id == "m-1" })
        #expect(full.source == "amqp://127.0.0.1:\(server.port)/%2F/\(queue)")
        #expect(full.type == "nightjar.rabbitmq.message")
        #expect(full.time == Timestamp(microsecondsSince1970: 1_700_000_000_000_000))
        #expect(full.dataContentType == "application/json")
        #expect(full.data == Array(#"{"n": 1}"#.utf8))
        #expect(
            full.extensions == [
                "tenantid": "blue", "count": .integer(3), "big": "5000000000", "flag": .boolean(true), "ncode": "ß",
                "xdata": "x", "exchange": "amq.topic", "routingkey": "orders.new", "priority": .integer(4),
                "correlationid": "c-1", "replyto": "answers", "expiration": "60000", "messagetype": "order",
                "appid": "shop", "xstreamoffset": .integer(7), "userid": "guest", "contentencoding": "identity",
            ])
        let plain = try #require(events.first { $0.id != "m-1" })
        #expect(plain.dataContentType == nil)
        #expect(plain.extensions == ["routingkey": .string(queue)])
        #expect(plain.time == nil)
    }

    @Test("a message that carries a CloudEvent is taken as that event, in either mode and with either prefix")
    func cloudEvents() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("cloudevents")
        try server.declare(queue)
        try server.python(
            #"""
            import datetime
            for prefix in ("cloudEvents:", "cloudEvents_", "ce-"):
                headers = {prefix + "specversion": "1.0", prefix + "id": "b" + prefix, prefix + "source": "/shop",
                           prefix + "type": "order.placed", prefix + "time": datetime.datetime(2026, 1, 31, 8, 0, 0),
                           prefix + "tenant": "blue", prefix + "n": 5, "other": "header"}
                channel.basic_publish("", sys.argv[1], b'{"total": 12}', pika.BasicProperties(
                    content_type="application/json", headers=headers, message_id="not-the-id"))
            channel.basic_publish("", sys.argv[1], json.dumps({"specversion": "1.0", "id": "s", "source": "/shop",
                "type": "order.placed", "data": {"total": 12}}).encode(), pika.BasicProperties(
                    content_type="application/cloudevents+json; charset=utf-8"))
            """#, queue)
        let intake = FakeIntake()
        try await receiving(server.options(queue), intake) { _ in
            try await eventually("all came") { intake.snapshot.taken.count == 4 }
        }
        for prefix in ["cloudEvents:", "cloudEvents_", "ce-"] {
            let event = try #require(intake.snapshot.taken.first { $0.event.id == "b\(prefix)" }?.event)
            #expect(
                event
                    == Event(
                        id: "b\(prefix)", source: "/shop", type: "order.placed",
                        time: Timestamp(rfc3339: "2026-01-31T08:00:00Z"), dataContentType: "application/json",
                        extensions: ["tenant": "blue", "n": "5"], data: Array(#"{"total": 12}"#.utf8)))
        }
        let structured = try #require(intake.snapshot.taken.first { $0.event.id == "s" }?.event)
        #expect(structured.source == "/shop" && structured.data == Array(#"{"total": 12}"#.utf8))
    }

    @Test("nothing is acknowledged before the intake has answered, and no more is fetched than the prefetch")
    func acknowledgedAfterwards() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("held")
        try server.declare(queue)
        try server.send(100, to: queue)
        let gate = Gate()
        let intake = FakeIntake(gate: gate)
        try await receiving(server.options(queue) { $0.prefetch = 20 }, intake) { watched in
            try await eventually("the prefetch is in hand") { intake.snapshot.inHand == 20 }
            #expect(try server.depth(queue) == (80, 20))
            #expect(watched.measures.contains { if case .waiting = $0 { true } else { false } })
            gate.open()
            try await eventually("all are taken") { intake.snapshot.taken.count == 100 }
            try await eventually("all are acknowledged") { try server.depth(queue) == (0, 0) }
        }
        #expect(intake.snapshot.mostInHand <= 20)
        #expect(Set(intake.snapshot.texts).count == 100)
        #expect(Set(intake.snapshot.ids).count == 100)
    }

    @Test("one slow answer holds up only the messages of its own piece")
    func slowOne() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("slow")
        try server.declare(queue)
        try server.send(200, to: queue)
        let gate = Gate()
        let intake = FakeIntake { batch in
            if batch.contains(where: { $0.event.data == Array("0".utf8) }) { await gate.pass() }
            return accepted(batch)
        }
        try await receiving(server.options(queue) { $0.prefetch = 16 }, intake) { _ in
            try await eventually("all others are taken") { intake.snapshot.taken.count == 199 }
            try await eventually("all others are acknowledged") { try server.depth(queue) == (0, 1) }
            gate.open()
            try await eventually("it is acknowledged too") { try server.depth(queue) == (0, 0) }
        }
    }

    @Test("in order: one batch after the other, in the queue's order")
    func inOrder() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("ordered")
        try server.declare(queue)
        try server.send(300, to: queue)
        let intake = FakeIntake()
        let options = server.options(queue) {
            $0.prefetch = 30
            $0.inOrder = true
        }
        try await receiving(options, intake) { _ in
            try await eventually("all are taken") { intake.snapshot.taken.count == 300 }
        }
        #expect(intake.snapshot.texts == (0..<300).map { "\($0)" })
        #expect(intake.snapshot.taken.allSatisfy { $0.order == Array(queue.utf8) })
    }

    @Test("several consumers share the work of one trigger")
    func consumers() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("shared")
        try server.declare(queue)
        try server.send(60, to: queue)
        let gate = Gate()
        let intake = FakeIntake(gate: gate)
        let options = server.options(queue) {
            $0.prefetch = 10
            $0.consumers = 3
        }
        try await receiving(options, intake) { _ in
            try await eventually("each has its prefetch in hand") { intake.snapshot.inHand == 30 }
            gate.open()
            try await eventually("all are taken") { intake.snapshot.taken.count == 60 }
        }
        #expect(Set(intake.snapshot.texts).count == 60)
    }
}
