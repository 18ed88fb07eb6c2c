import CloudEvents
import Foundation
import Logging
import Nightjar
import NightjarCore
import TestServers
import Testing

@testable import NightjarRabbitMQ

@Suite("Publishing", .serialized)
struct PublishTests {
    private let event = Event(
        id: "e-1", source: "/shop", type: "order.placed", time: Timestamp(rfc3339: "2026-01-31T08:00:00.25Z"),
        dataContentType: "application/json", extensions: ["tenant": "blue"], data: Array(#"{"total": 12}"#.utf8))

    private func publisher(
        _ server: RabbitMQServer, _ change: (inout RabbitMQPublisherOptions) -> Void = { _ in }
    ) throws -> RabbitMQPublisher {
        var options = RabbitMQPublisherOptions(connection: RabbitMQConnectionOptions(url: server.url()))
        change(&options)
        return try RabbitMQPublisher(options)
    }

    private func failure(_ body: () async throws -> Void) async throws -> RabbitMQError {
        do { try await body() } catch let error as RabbitMQError { return error }
        throw TestServerFailure("nothing failed")
    }

    @Test("an event becomes a message that others read, in each format", arguments: MessageFormat.allCases)
    func formats(format: MessageFormat) async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("published")
        try server.declare(queue)
        let options = RabbitMQMessageOptions(
            routingKey: queue, priority: 3, expiration: .seconds(60), headers: ["n": 7, "flag": true, "text": "t"],
            correlationID: "c-1", replyTo: "answers", messageType: "order", appID: "shop")
        try await publisher(server).publish(event, as: format, options)
        let text = try server.python(
            """
            m, p, b = channel.basic_get(sys.argv[1])
            print(json.dumps({"headers": p.headers, "body": b.decode(), "contentType": p.content_type, "id": p.message_id,
                "mode": p.delivery_mode, "priority": p.priority, "expiration": p.expiration, "time": p.timestamp,
                "others": [p.correlation_id, p.reply_to, p.type, p.app_id]}))
            """, queue)
        struct Got: Decodable {
            enum Value: Decodable, Equatable {
                case text(String), number(Int), flag(Bool)
                init(from decoder: any Decoder) throws {
                    let container = try decoder.singleValueContainer()
                    if let flag = try? container.decode(Bool.self) {
                        self = .flag(flag)
                    } else if let number = try? container.decode(Int.self) {
                        self = .number(number)
                    } else {
                        self = .text(try container.decode(String.self))
                    }
                }
            }
            var headers: [String: Value]
            var body, contentType, id, expiration: String
            var mode, priority, time: Int
            var others: [String]
        }
        let got = try JSONDecoder().decode(Got.self, from: Data(text.utf8))
        #expect(got.id == "e-1" && got.mode == 2 && got.priority == 3 && got.expiration == "60000")
        #expect(got.time == 1_769_846_400)
        #expect(got.others == ["c-1", "answers", "order", "shop"])
        #expect(
            got.headers["n"] == .number(7) && got.headers["flag"] == .flag(true) && got.headers["text"] == .text("t"))
        switch format {
        case .binary:
            #expect(got.body == #"{"total": 12}"# && got.contentType == "application/json")
            #expect(got.headers["cloudEvents:id"] == .text("e-1"))
            #expect(got.headers["cloudEvents:specversion"] == .text("1.0"))
            #expect(got.headers["cloudEvents:time"] == .text("2026-01-31T08:00:00.250Z"))
            #expect(got.headers["cloudEvents:tenant"] == .text("blue"))
        case .structured:
            #expect(got.contentType == "application/cloudevents+json; charset=utf-8")
            #expect(try JSONEventFormat.decode(Array(got.body.utf8)) == event)
            #expect(got.headers.count == 3)
        case .raw:
            #expect(got.body == #"{"total": 12}"# && got.contentType == "application/json" && got.headers.count == 3)
        }
    }

    @Test("many events are published at once over one connection, and every one is there", arguments: [1, 1024])
    func many(unconfirmed: Int) async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("many")
        try server.declare(queue)
        let publisher = try publisher(server) {
            $0.maximumUnconfirmed = unconfirmed
            $0.connection.name = queue
        }
        let count = unconfirmed == 1 ? 50 : 2000
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<count {
                let event = Event(id: "\(number)", source: "/s", type: "t", data: Array("\(number)".utf8))
                group.addTask { try await publisher.publish(event, RabbitMQMessageOptions(routingKey: queue)) }
            }
            try await group.waitForAll()
        }
        #expect(try server.ready(queue) == count)
        let connections = try server.control("list_connections", "client_properties")
        #expect(connections.split(separator: "\n").count { $0.contains(queue) } == 1)
    }

    @Test("what no queue gets has failed, and what is published beside it has not")
    func unroutable() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("routable")
        try server.declare(queue)
        let publisher = try publisher(server)
        let missing = server.unique("nowhere")
        async let good: Void = publisher.publish(event, RabbitMQMessageOptions(routingKey: queue))
        async let bad = failure { try await publisher.publish(event, RabbitMQMessageOptions(routingKey: missing)) }
        try await good
        let error = try await bad
        #expect(error.code == .unroutable)
        #expect(error.message.contains(missing) && error.message.contains("NO_ROUTE"))
        // Not mandatory, it is dropped without a word.
        try await publisher.publish(event, RabbitMQMessageOptions(routingKey: missing, mandatory: false))
        #expect(try server.ready(queue) == 1)
    }

    @Test("an exchange that does not exist fails its messages alone")
    func missingExchange() async throws {
        let server = try await SharedServer.server()
        let (queue, exchange) = (server.unique("beside"), server.unique("missing"))
        try server.declare(queue)
        let publisher = try publisher(server)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<100 {
                let event = Event(id: "\(number)", source: "/s", type: "t")
                group.addTask {
                    if number % 10 == 3 {
                        let error = try await failure {
                            try await publisher.publish(
                                event, RabbitMQMessageOptions(exchange: exchange, routingKey: "k"))
                        }
                        #expect(error.code == .notFound && error.message.contains("no exchange '\(exchange)'"))
                    } else {
                        try await publisher.publish(event, RabbitMQMessageOptions(routingKey: queue))
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try server.ready(queue) >= 90)
    }

    @Test("a queue that takes no more refuses")
    func refused() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("full")
        try server.declare(queue, arguments: #"{"x-max-length": 1, "x-overflow": "reject-publish"}"#)
        let publisher = try publisher(server)
        try await publisher.publish(event, RabbitMQMessageOptions(routingKey: queue))
        let error = try await failure { try await publisher.publish(event, RabbitMQMessageOptions(routingKey: queue)) }
        #expect(error.code == .notConfirmed)
    }

    @Test("what is too large is not sent; a user who may not write is told so")
    func notAllowed() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("small")
        try server.declare(queue)
        let small = try publisher(server) { $0.maximumMessageBytes = 10 }
        let error = try await failure { try await small.publish(event, RabbitMQMessageOptions(routingKey: queue)) }
        #expect(error.code == .tooLarge)
        try server.declare(server.unique("beside"))
        var large = event
        large.data = Array(repeating: UInt8(ascii: "x"), count: 2_000_001)
        let refused = try publisher(server)
        async let beside: Void = refused.publish(event, RabbitMQMessageOptions(routingKey: queue))
        let tooLarge = try await failure { try await refused.publish(large, RabbitMQMessageOptions(routingKey: queue)) }
        #expect(tooLarge.code == .tooLarge)
        try await beside
        let user = server.unique("reader")
        try server.control("add_user", user, "secret")
        try server.control("set_permissions", user, "", "", ".*")
        let reader = try publisher(server) { $0.connection.url = server.url(user: "\(user):secret") }
        let refusal = try await failure {
            try await reader.publish(event, RabbitMQMessageOptions(exchange: "amq.topic", routingKey: queue))
        }
        #expect(refusal.code == .accessRefused && refusal.message.contains("amq.topic"))
        let stranger = try publisher(server) { $0.connection.url = server.url(user: "\(user):hunter2") }
        let unknown = try await failure { try await stranger.publish(event, RabbitMQMessageOptions(routingKey: queue)) }
        #expect(unknown.code == .authentication && !unknown.message.contains("hunter2"))
    }
}
