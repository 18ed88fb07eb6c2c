import CloudEvents
import Nightjar
import NightjarCore
import TestServers
import Testing
import Waiting

@testable import NightjarRabbitMQ

@Suite("Streams", .serialized)
struct StreamTests {
    private func stream(_ server: RabbitMQServer) throws -> String {
        let queue = server.unique("stream")
        try server.declare(queue, arguments: #"{"x-queue-type": "stream"}"#)
        return queue
    }

    private func options(
        _ server: RabbitMQServer, _ queue: String, from start: RabbitMQOptions.StreamStart = .first
    ) -> RabbitMQOptions {
        server.options(queue, kind: .stream) {
            $0.streamStart = start
            $0.prefetch = 50
        }
    }

    @Test("a stream is read in order, and gone on with where the store says")
    func resumed() async throws {
        let server = try await SharedServer.server()
        let queue = try stream(server)
        try server.send(300, to: queue)
        let first = FakeIntake()
        try await receiving(options(server, queue), first) { watched in
            try await eventually("all came") { first.snapshot.taken.count == 300 }
            try await eventually("nothing waits") { watched.measures.contains(.waiting(0)) }
        }
        #expect(first.snapshot.texts == (0..<300).map { "\($0)" })
        #expect(first.snapshot.ids == (0..<300).map { "\($0)" })
        #expect(first.snapshot.taken.allSatisfy { $0.redelivery == nil })
        #expect(first.snapshot.sourceState == ["stream://\(queue)": Array("0:299".utf8)])
        // What came before the place that the store knows is not read again, whatever the options say.
        try server.send(10, to: queue, from: 300)
        let second = FakeIntake()
        let state = ["stream://\(queue)": Array("0:299".utf8)]
        try await receiving(options(server, queue), second, state: state) { _ in
            try await eventually("the rest came") { second.snapshot.taken.count == 10 }
        }
        #expect(second.snapshot.texts == (300..<310).map { "\($0)" })
    }

    @Test("the place moves only with what was taken")
    func place() async throws {
        let server = try await SharedServer.server()
        let queue = try stream(server)
        try server.send(100, to: queue)
        // The node stops in the middle: the batch that was refused is read again.
        let intake = FakeIntake { (batch) throws(IntakeError) in
            if batch.contains(where: { $0.event.data == Array("60".utf8) }) { throw IntakeError(.stopping, "stopping") }
            return accepted(batch)
        }
        // It runs for a moment only.
        try await receiving(options(server, queue), intake, waitsUntilRunning: false) { watched in
            try await eventually("it ended") { watched.failure?.hasPrefix("run: ") == true }
        }
        let taken = intake.snapshot.taken.count
        #expect(taken <= 60)
        let rest = FakeIntake()
        try await receiving(options(server, queue), rest, state: intake.snapshot.sourceState) { _ in
            try await eventually("the rest came") { taken + rest.snapshot.taken.count == 100 }
        }
        #expect(intake.snapshot.texts + rest.snapshot.texts == (0..<100).map { "\($0)" })
    }

    @Test("reading begins with an offset, a time, or what comes")
    func starts() async throws {
        let server = try await SharedServer.server()
        let queue = try stream(server)
        try server.send(20, to: queue)
        func texts(_ start: RabbitMQOptions.StreamStart, _ count: Int) async throws -> [String] {
            let intake = FakeIntake()
            return try await receiving(options(server, queue, from: start), intake) { _ in
                if case .next = start { try server.send(1, to: queue, from: 20) }
                try await eventually("they came from \(start)") { intake.snapshot.taken.count >= count }
                return intake.snapshot.texts
            }
        }
        #expect(try await texts(.offset(15), 5) == ["15", "16", "17", "18", "19"])
        #expect(try await texts(.time(Timestamp(microsecondsSince1970: 0)), 20).count == 20)
        #expect(try await texts(.next, 1) == ["20"])
    }

    @Test("a message of a stream that cannot be taken is recorded, and the place moves past it")
    func unreadable() async throws {
        let server = try await SharedServer.server()
        let queue = try stream(server)
        try server.python(
            #"""
            channel.basic_publish("", sys.argv[1], b"{", pika.BasicProperties(content_type="application/cloudevents+json"))
            """#, queue)
        let intake = FakeIntake()
        try await receiving(options(server, queue), intake) { _ in
            try await eventually("it is recorded") { intake.snapshot.taken.count == 1 }
            try server.send(1, to: queue, from: 1)
            try await eventually("the next came") { intake.snapshot.taken.count == 2 }
        }
        #expect(intake.snapshot.taken[0].event.type == UnreadableMessage.eventType)
        #expect(intake.snapshot.sourceState == ["stream://\(queue)": Array("0:1".utf8)])
    }

    @Test("a stream that was deleted and made again is read from its beginning, and its messages are new")
    func madeAgain() async throws {
        let server = try await SharedServer.server()
        let queue = try stream(server)
        try server.send(5, to: queue)
        let intake = FakeIntake()
        try await receiving(options(server, queue), intake) { watched in
            try await eventually("all came") { intake.snapshot.taken.count == 5 }
            try server.python("channel.queue_delete(sys.argv[1])", queue)
            try await eventually("it is missed") { watched.failure?.contains("no queue") == true }
            try server.declare(queue, arguments: #"{"x-queue-type": "stream"}"#)
            try server.send(3, to: queue)
            try await eventually("all came") { intake.snapshot.taken.count == 8 }
        }
        #expect(intake.snapshot.ids.suffix(3) == ["1-0", "1-1", "1-2"])
        #expect(intake.snapshot.sourceState == ["stream://\(queue)": Array("1:2".utf8)])
    }

    @Test("a queue that is no stream is refused as one")
    func noStream() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("classic")
        try server.declare(queue)
        try server.send(1, to: queue)
        try await receiving(options(server, queue, from: .next), FakeIntake(), waitsUntilRunning: false) { watched in
            try await eventually("it is refused") { watched.failure != nil }
        }
        try await eventually("the message is back in the queue") { try server.ready(queue) == 1 }
    }
}
