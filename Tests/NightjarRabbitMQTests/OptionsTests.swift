import CloudEvents
import NightjarCore
import Testing

@testable import NightjarRabbitMQ

@Suite("Options")
struct OptionsTests {
    @Test(
        "a URL says server, user and virtual host",
        arguments: [
            ("amqp://localhost", "amqp://localhost:5672/%2F", "guest", "guest"),
            ("amqps://u:p%40ss@mq.example:7000/shop", "amqps://mq.example:7000/shop", "u", "p@ss"),
            ("amqp://u@[::1]/%2Fa", "amqp://[::1]:5672/%2Fa", "u", ""),
            ("amqps://mq/", "amqps://mq:5671/%2F", "guest", "guest"),
        ])
    func address(url: String, shown: String, user: String, password: String) throws {
        let address = try RabbitMQAddress(url)
        #expect(address.shown == shown)
        #expect(address.user == user)
        #expect(address.password == password)
    }

    @Test(
        "another URL is refused, and never shown",
        arguments: [
            "http://u:hunter2@mq", "amqp://", "amqp://u:hunter2@mq/a/b", "amqp://u:hunter2@mq/a?x=1", "hunter2",
        ])
    func refused(url: String) {
        #expect { try RabbitMQAddress(url) } throws: { error in
            guard let error = error as? RabbitMQError else { return false }
            return error.code == .invalidOptions && !error.message.contains("hunter2")
        }
    }

    @Test("a queue's source is a URI without credentials")
    func source() throws {
        let address = try RabbitMQAddress("amqp://u:p@mq/shop")
        #expect(address.source(of: "a b/ö") == "amqp://mq:5672/shop/a%20b%2F%C3%B6")
        #expect((try? Event(id: "1", source: address.source(of: "a b/ö"), type: "t").validate()) != nil)
    }

    @Test("contradictions are said")
    func contradictions() {
        func said(_ change: (inout RabbitMQOptions) -> Void) -> String? {
            var options = RabbitMQOptions(url: "amqp://localhost", queue: "orders")
            change(&options)
            return options.contradiction
        }
        #expect(said { _ in } == nil)
        #expect(said { $0.queue = "" } != nil)
        #expect(said { $0.queue = String(repeating: "q", count: 256) } != nil)
        #expect(said { $0.prefetch = 0 } == "the prefetch is 0: expected 1 to 65535")
        #expect(said { $0.consumers = 65 } != nil)
        #expect(said { ($0.kind, $0.consumers) = (.stream, 2) } != nil)
        #expect(said { ($0.inOrder, $0.consumers) = (true, 2) } != nil)
        #expect(said { ($0.exclusive, $0.consumers) = (true, 2) } != nil)
        #expect(said { ($0.kind, $0.exclusive) = (.stream, true) } != nil)
        #expect(said { $0.streamStart = .first } != nil)
        #expect(said { $0.arguments = ["x-max-length": 5] } != nil)
        #expect(said { ($0.declare, $0.arguments) = (true, ["x-queue-type": "quorum"]) } != nil)
        #expect(said { ($0.declare, $0.durable, $0.kind) = (true, false, .quorum) } != nil)
        #expect(said { ($0.declare, $0.bindings) = (true, [.init(exchange: "")]) } != nil)
        #expect(said { $0.source = "not a uri" } != nil)
        #expect(said { $0.maximumMessageBytes = 0 } != nil)
        #expect(said { $0.connection.heartbeat = .zero } != nil)
        #expect(said { $0.connection.tls.caFile = "/ca.pem" } != nil)
        #expect(said { ($0.connection.url, $0.connection.tls.keyFile) = ("amqps://mq", "/key.pem") } != nil)
        #expect(said { ($0.connection.url, $0.connection.tls.usesCertificateAsLogin) = ("amqps://mq", true) } != nil)
    }

    @Test("a place in a stream is kept as text, and begins anew with a stream that was made again")
    func cursor() throws {
        var cursor = StreamCursor()
        let time = Timestamp(microsecondsSince1970: 100_000_000)
        #expect(cursor.start(.first, firstAttached: nil) == .first)
        #expect(cursor.start(.next, firstAttached: nil) == .next)
        #expect(cursor.start(.next, firstAttached: time) == .time(Timestamp(microsecondsSince1970: 95_000_000)))
        cursor.move(to: 41)
        #expect(cursor.start(.first, firstAttached: time) == .offset(42))
        #expect(StreamCursor(stored: cursor.stored(at: 41)) == cursor)
        #expect(cursor.prefix == "")
        cursor.forget()
        #expect(cursor.start(.next, firstAttached: time) == .first)
        #expect(cursor.prefix == "1-")
        cursor.move(to: 5)
        #expect(StreamCursor(stored: cursor.stored(at: 5)) == cursor)
        for text in ["", "5", "a:b", "1:2:3", ":", "-1:5"] { #expect(StreamCursor(stored: Array(text.utf8)) == nil) }
    }

    @Test("a tail's URL names a queue or an exchange")
    func tailURL() throws {
        let queue = try RabbitMQTailOptions("rabbitmq://u:p@mq:7000/shop/my%2Forders")
        #expect(queue.connection.url == "amqp://u:p@mq:7000/shop")
        #expect(queue.origin == .queue("my/orders", disturbing: false))
        let plain = try RabbitMQTailOptions("rabbitmqs://mq/orders", disturbing: true)
        #expect(plain.connection.url == "amqps://mq")
        #expect(plain.origin == .queue("orders", disturbing: true))
        let exchange = try RabbitMQTailOptions("rabbitmq://mq?exchange=events&routingKey=orders.*")
        #expect(exchange.origin == .exchange(.init(exchange: "events", routingKey: "orders.*")))
        for (given, connection) in [("amqp://mq/shop/orders", "amqp://mq/shop"), ("AMQPS://mq/orders", "amqps://mq")] {
            #expect(try RabbitMQTailOptions(given).connection.url == connection)
        }
        #expect(throws: RabbitMQError.self) { try RabbitMQTailOptions("rabbitmq://mq") }
        #expect(throws: RabbitMQError.self) { try RabbitMQTailOptions("kafka://mq/orders") }
    }

    @Test(
        "that there is no queue is told from a queue whose node is away",
        arguments: [
            (404, "NOT_FOUND - no queue 'orders' in vhost '/'", true),
            (
                404, "NOT_FOUND - home node 'rabbit@a' of durable queue 'orders' in vhost '/' is down or inaccessible",
                false
            ),
            (404, "NOT_FOUND - no exchange 'orders' in vhost '/'", false),
        ])
    func noQueue(code: Int, text: String, isMissing: Bool) {
        let error = RabbitMQError.server(code, text, while: "consuming orders")
        #expect(error.code == .notFound && error.saysNoQueue == isMissing)
        #expect(!RabbitMQError(.notFound, "the server ended consuming: no queue").saysNoQueue)
    }
}
