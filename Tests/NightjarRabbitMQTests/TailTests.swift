import CloudEvents
import NightjarCore
import TestServers
import Testing
import Waiting

@testable import NightjarRabbitMQ

@Suite("Looking at messages live", .serialized)
struct TailTests {
    private func connection(_ server: RabbitMQServer) -> RabbitMQConnectionOptions {
        RabbitMQConnectionOptions(url: server.url())
    }

    /// The first events of a tail, and what `whileOpen` answers before it is closed.
    private func first<Value>(
        _ count: Int, of options: RabbitMQTailOptions, send: () throws -> Void, whileOpen: () async throws -> Value
    ) async throws -> ([Event], Value) {
        let events = try await RabbitMQTail.events(options)
        try send()
        var shown: [Event] = []
        for try await event in events {
            shown.append(event)
            if shown.count == count { break }
        }
        return (shown, try await whileOpen())
    }

    @Test("an exchange is looked at without disturbing anybody, and nothing is left behind")
    func exchange() async throws {
        let server = try await SharedServer.server()
        let (exchange, queue) = (server.unique("events"), server.unique("worker"))
        try server.declare(queue)
        try server.python(
            """
            channel.exchange_declare(sys.argv[1], "topic", durable=True)
            channel.queue_bind(sys.argv[2], sys.argv[1], "#")
            """, exchange, queue)
        let queues = try server.control("list_queues", "name").split(separator: "\n").count
        let options = RabbitMQTailOptions(
            connection: connection(server), origin: .exchange(.init(exchange: exchange, routingKey: "a.*")))
        let (shown, _) = try await first(2, of: options) {
            try server.python(
                #"for key in ("a.1", "b.1", "a.2"): channel.basic_publish(sys.argv[1], key, key.encode())"#, exchange)
        } whileOpen: {
        }
        #expect(shown.map { $0.extensions["routingkey"] } == ["a.1", "a.2"])
        #expect(shown.map(\.data) == [Array("a.1".utf8), Array("a.2".utf8)])
        try await eventually("its queue is gone") {
            try server.control("list_queues", "name").split(separator: "\n").count == queues
        }
        #expect(try server.depth(queue) == (3, 0))
    }

    @Test("a stream is looked at from its end")
    func stream() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("stream")
        try server.declare(queue, arguments: #"{"x-queue-type": "stream"}"#)
        try server.send(5, to: queue)
        let options = RabbitMQTailOptions(connection: connection(server), origin: .queue(queue), prefetch: 10)
        let (shown, _) = try await first(30, of: options) {
            try server.send(30, to: queue, from: 5)
        } whileOpen: {
        }
        #expect(shown.map(\.data) == (5..<35).map { Array("\($0)".utf8) })
    }

    @Test(
        "a queue is looked at only if it may be disturbed; its messages are back afterwards",
        arguments: ["classic", "quorum"])
    func queue(kind: String) async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("looked-at")
        try server.declare(queue, arguments: #"{"x-queue-type": "\#(kind)"}"#)
        try server.send(5, to: queue)
        let quiet = RabbitMQTailOptions(connection: connection(server), origin: .queue(queue))
        await #expect { _ = try await RabbitMQTail.events(quiet) } throws: { error in
            (error as? RabbitMQError)?.message.contains("held back from its consumers") == true
        }
        // A quorum queue's figures come late.
        try await eventually("nobody has touched it") { try server.depth(queue) == (5, 0) }
        let options = RabbitMQTailOptions(
            connection: connection(server), origin: .queue(queue, disturbing: true), prefetch: 3)
        let (shown, _) = try await first(3, of: options) {
        } whileOpen: {
            try await eventually("three are held") { try server.depth(queue) == (2, 3) }
        }
        #expect(shown.map(\.data) == (0..<3).map { Array("\($0)".utf8) })
        try await eventually("they are back") { try server.depth(queue) == (5, 0) }
    }

    @Test("a missing queue is said, and a lost connection ends the tail with an error")
    func errors() async throws {
        let server = try await SharedServer.server()
        let missing = RabbitMQTailOptions(connection: connection(server), origin: .queue("no-such-queue"))
        await #expect { _ = try await RabbitMQTail.events(missing) } throws: { error in
            (error as? RabbitMQError)?.code == .notFound
        }
        let queue = server.unique("stream")
        try server.declare(queue, arguments: #"{"x-queue-type": "stream"}"#)
        let events = try await RabbitMQTail.events(
            RabbitMQTailOptions(connection: connection(server), origin: .queue(queue)))
        try server.python("channel.queue_delete(sys.argv[1])", queue)
        await #expect(throws: RabbitMQError.self) { for try await _ in events {} }
    }

    @Test("what a server says of a queue's kind is understood")
    func kinds() {
        let said =
            "inequivalent arg 'x-queue-type' for queue 'q' in vhost '/': received the value 'stream' of type 'longstr' but current is"
        #expect(QueueKind.kind(saidBy: "\(said) the value 'quorum' of type 'longstr'") == .quorum)
        #expect(QueueKind.kind(saidBy: "\(said) the value 'classic' of type 'longstr'") == .classic)
        #expect(QueueKind.kind(saidBy: "\(said) none") == .classic)
        #expect(QueueKind.kind(saidBy: "inequivalent arg 'x-queue-leader-locator' for queue") == .stream)
        #expect(QueueKind.kind(saidBy: "something else") == nil)
    }
}
