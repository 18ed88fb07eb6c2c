import CloudEvents
import NightjarCore
import TestServers
import Testing
import Waiting

@testable import NightjarRabbitMQ

@Suite("What cannot be taken, and what failed", .serialized)
struct RejectionTests {
    /// A queue whose rejected messages go to another one.
    private func queues(_ server: RabbitMQServer, _ arguments: String = "") throws -> (queue: String, dead: String) {
        let (queue, dead) = (server.unique("work"), server.unique("dead"))
        try server.declare(dead)
        try server.declare(
            queue,
            arguments: """
                {"x-dead-letter-exchange": "", "x-dead-letter-routing-key": "\(dead)"\(arguments)}
                """)
        return (queue, dead)
    }

    @Test("a malformed CloudEvent and a message that is too large are recorded and dead-lettered, and the next goes on")
    func unreadable() async throws {
        let server = try await SharedServer.server()
        let (queue, dead) = try queues(server)
        try server.python(
            #"""
            publish = lambda body, **p: channel.basic_publish("", sys.argv[1], body, pika.BasicProperties(**p))
            publish(b"{not json", content_type="application/cloudevents+json", message_id="bad-1")
            publish(b"x", headers={"cloudEvents:specversion": "1.0", "cloudEvents:id": "1"}, message_id="bad-2")
            publish(b"x", headers={"cloudEvents:specversion": "1.0", "cloudEvents:id": [1]}, message_id="bad-3")
            publish(b"y" * 300000, message_id="large")
            publish(b"good", message_id="good")
            """#, queue)
        let intake = FakeIntake()
        try await receiving(server.options(queue) { $0.maximumMessageBytes = 200_000 }, intake) { _ in
            try await eventually("all are recorded") { intake.snapshot.taken.count == 5 }
            try await eventually("they are dead-lettered") { try server.ready(dead) == 4 }
            #expect(try server.depth(queue) == (0, 0))
        }
        let taken = intake.snapshot.taken
        for id in ["bad-1", "bad-2", "bad-3", "large"] {
            let record = try #require(taken.first { $0.event.id == id })
            #expect(record.event.type == UnreadableMessage.eventType)
            guard case .nobody(let trigger, let reason) = record.addressee else {
                Issue.record("\(id) starts something")
                continue
            }
            #expect(trigger == "orders" && !reason.isEmpty)
        }
        #expect(
            taken.first { $0.event.id == "large" }?.event.data == Array(repeating: UInt8(ascii: "y"), count: 65_536))
        #expect(taken.first { $0.event.id == "good" }?.addressee == .trigger("orders"))
        let death = try server.python(
            """
            method, properties, body = channel.basic_get(sys.argv[1])
            print(properties.headers["x-death"][0]["reason"])
            """, dead)
        #expect(death.contains("rejected"))
    }

    @Test("what the intake refuses for good is rejected, and the others of its batch are taken")
    func refused() async throws {
        let server = try await SharedServer.server()
        let (queue, dead) = try queues(server)
        try server.send(20, to: queue)
        let intake = FakeIntake { (batch) throws(IntakeError) in
            let index = batch.firstIndex { $0.event.data == Array("7".utf8) && $0.addressee == .trigger("orders") }
            if let index { throw IntakeError(.tooLarge, "too large", index: index) }
            return accepted(batch)
        }
        try await receiving(server.options(queue), intake) { _ in
            try await eventually("it is dead-lettered") { try server.ready(dead) == 1 }
            try await eventually("the others are acknowledged") { try server.depth(queue) == (0, 0) }
        }
        #expect(intake.snapshot.taken.count { $0.addressee == .trigger("orders") } == 19)
    }

    @Test("what failed goes back to a quorum queue, after the wait, and comes again with its count")
    func redelivered() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("quorum")
        try server.declare(queue, arguments: #"{"x-queue-type": "quorum"}"#)
        try server.send(3, to: queue)
        let intake = FakeIntake { batch in
            batch.map { incoming in
                let isLast = (incoming.redelivery?.deliveries ?? 0) >= 3 || incoming.event.data != Array("1".utf8)
                return Acceptance(
                    source: incoming.event.source, id: incoming.event.id, outcome: isLast ? .accepted : .redeliver,
                    runs: [],
                    retryAfter: .milliseconds(200))
            }
        }
        let clock = ContinuousClock()
        let began = clock.now
        try await receiving(server.options(queue, kind: .quorum), intake) { _ in
            try await eventually("all are done") { intake.snapshot.taken.count == 3 }
            try await eventually("all are acknowledged") { try server.depth(queue) == (0, 0) }
        }
        #expect(clock.now - began >= .milliseconds(400))
        let deliveries = intake.snapshot.offered.filter { $0.event.data == Array("1".utf8) }
        #expect(deliveries.map(\.redelivery?.deliveries) == [1, 2, 3])
        #expect(deliveries.map { $0.event.extensions["deliverycount"] } == [nil, .integer(1), .integer(2)])
        #expect(deliveries.map { $0.event.extensions["redelivered"] } == [nil, .boolean(true), .boolean(true)])
    }

    @Test("a classic queue counts nothing: what fails is kept here; so it is with one that is wrongly called quorum")
    func classic() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("classic")
        try server.declare(queue)
        try server.send(1, to: queue)
        // Takes the message and dies with it.
        try server.python(
            "channel.basic_get(sys.argv[1]); import os; os._exit(0)", queue)
        try await eventually("it is back") { try server.ready(queue) == 1 }
        for kind in [RabbitMQOptions.Kind.quorum, .classic] {
            let intake = FakeIntake { (_) throws(IntakeError) in throw IntakeError(.stopping, "stopping") }
            try await receiving(server.options(queue, kind: kind), intake, waitsUntilRunning: false) { _ in
                try await eventually("it was offered") { !intake.snapshot.offered.isEmpty }
            }
            let offered = try #require(intake.snapshot.offered.first)
            #expect(offered.redelivery == nil)
            #expect(offered.event.extensions["redelivered"] == .boolean(true))
            try await eventually("it is back") { try server.ready(queue) == 1 }
        }
    }

    @Test("why a message was dead-lettered is passed on")
    func death() async throws {
        let server = try await SharedServer.server()
        let (queue, dead) = try queues(server, #", "x-message-ttl": 0"#)
        try server.python(#"channel.basic_publish("", sys.argv[1], b"late")"#, queue)
        let intake = FakeIntake()
        try await receiving(server.options(dead), intake) { _ in
            try await eventually("it came") { intake.snapshot.taken.count == 1 }
        }
        let extensions = try #require(intake.snapshot.taken.first).event.extensions
        #expect(extensions["xdeathcount"] == .integer(1))
        #expect(extensions["xdeathqueue"] == .string(queue))
        #expect(extensions["xdeathreason"] == "expired")
        #expect(extensions["xfirstdeathqueue"] == .string(queue))
    }
}
