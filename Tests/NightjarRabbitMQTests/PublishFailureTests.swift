import CloudEvents
import Logging
import Nightjar
import NightjarCore
import TestServers
import Testing
import Waiting

@testable import NightjarRabbitMQ

@Suite("Publishing while the server fails, and for runs", .serialized)
struct PublishFailureTests {
    private let event = Event(id: "e-1", source: "/shop", type: "order.placed", data: Array("1".utf8))

    private func context(_ event: Event, items: [Event] = []) -> RunContext {
        struct Reporter: RunReporter {
            func report(_ progress: Progress) {}
            func emit(_ event: Event) throws {}
        }
        return RunContext(
            id: RunID(high: 1, low: 2), job: "announce", trigger: nil, event: event, attempt: 1,
            createdAt: Timestamp(microsecondsSince1970: 0), fencingToken: 1, node: "n", deadline: nil,
            logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }, items: items, reporter: Reporter())
    }

    @Test("while the server is away messages wait, and are published when it is back; those that wait too long fail")
    func restart() async throws {
        let server = try RabbitMQServer()
        try await server.start()
        try server.declare("orders")
        try server.sync()
        let publisher = try RabbitMQPublisher(
            RabbitMQPublisherOptions(
                connection: RabbitMQConnectionOptions(url: server.url()), confirmTimeout: .seconds(90)))
        let hasty = try RabbitMQPublisher(
            RabbitMQPublisherOptions(
                connection: RabbitMQConnectionOptions(url: server.url()), confirmTimeout: .seconds(10)))
        let message = RabbitMQMessageOptions(routingKey: "orders")
        try await publisher.publish(event, message)
        server.kill()
        await #expect { try await hasty.publish(event, message) } throws: { error in
            guard let error = error as? RabbitMQError else { return false }
            return error.code == .timeout && error.message.contains("cannot connect")
        }
        async let waiting: Void = publisher.publish(event, message)
        try await server.start()
        do { try await waiting } catch {
            Issue.record(
                "not published: \(error); the server has \(try server.control("list_queues", "name", "state"))")
        }
        #expect(try server.ready("orders") == 2)
        // Held still, the server confirms nothing.
        try await hasty.publish(event, message)
        server.freeze()
        await #expect { try await hasty.publish(event, message) } throws: { error in
            (error as? RabbitMQError)?.code == .timeout
        }
        let cancelled = Task { try await publisher.publish(event, message) }
        cancelled.cancel()
        await #expect(throws: CancellationError.self) { try await cancelled.value }
        server.thaw()
    }

    @Test("while the server takes no messages, they wait until it does, or their time is up")
    func blocked() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("blocked")
        try server.declare(queue)
        let connection = RabbitMQConnectionOptions(url: server.url())
        let hasty = try RabbitMQPublisher(
            RabbitMQPublisherOptions(connection: connection, confirmTimeout: .seconds(10)))
        let patient = try RabbitMQPublisher(
            RabbitMQPublisherOptions(connection: connection, confirmTimeout: .seconds(60)))
        let message = RabbitMQMessageOptions(routingKey: queue)
        try await hasty.publish(event, message)
        try await patient.publish(event, message)
        try server.control("set_vm_memory_high_watermark", "0")
        defer { _ = try? server.control("set_vm_memory_high_watermark", "0.4") }
        try await eventually("it is said") {
            do { try await hasty.publish(event, message) } catch let error as RabbitMQError {
                return error.code == .timeout && error.message.contains("takes no messages now")
            }
            return false
        }
        let before = try server.ready(queue)
        async let waiting: Void = patient.publish(event, message)
        try server.control("set_vm_memory_high_watermark", "0.4")
        try await waiting
        #expect(try server.ready(queue) > before)
        await patient.close()
        await #expect { try await patient.publish(event, message) } throws: { ($0 as? RabbitMQError)?.code == .closed }
    }

    @Test("a run is done when its event is published; what cannot be published says whether trying again makes sense")
    func action() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("announced")
        try server.declare(queue)
        let publisher = try RabbitMQPublisher(
            RabbitMQPublisherOptions(
                connection: RabbitMQConnectionOptions(url: server.url()), maximumMessageBytes: 100))
        let action = RabbitMQPublishAction(publisher) { context in
            RabbitMQMessageOptions(routingKey: context.event.subject ?? queue)
        }
        #expect(try await action.run(context(event)) == .none)
        #expect(try server.ready(queue) == 1)
        var lost = event
        lost.subject = "nowhere"
        await #expect { try await action.run(context(lost)) } throws: { error in
            guard let failure = error as? RunFailure else { return false }
            return failure.disposition == .retry && failure.code == "unroutable"
        }
        var large = event
        large.data = Array(repeating: 0, count: 101)
        await #expect { try await action.run(context(large)) } throws: { error in
            guard let failure = error as? RunFailure else { return false }
            return failure.disposition == .never && failure.code == "tooLarge"
        }
        #expect(throws: RabbitMQError.self) {
            try RabbitMQPublishAction(publisher, message: RabbitMQMessageOptions())
        }
    }

    @Test("a batch is published event by event; those that failed are named")
    func batch() async throws {
        let server = try await SharedServer.server()
        let queue = server.unique("batch")
        try server.declare(queue)
        let publisher = try RabbitMQPublisher(
            RabbitMQPublisherOptions(
                connection: RabbitMQConnectionOptions(url: server.url()), maximumMessageBytes: 100))
        let action = try RabbitMQPublishAction(
            publisher, format: .raw, message: RabbitMQMessageOptions(routingKey: queue))
        var items = (0..<5).map { Event(id: "\($0)", source: "/s", type: "t", data: Array("\($0)".utf8)) }
        items[2].data = Array(repeating: 0, count: 101)
        await #expect { try await action.run(context(event, items: items)) } throws: { error in
            guard let failure = error as? BatchFailure else { return false }
            return Array(failure.items.keys) == [2] && failure.code == "tooLarge"
        }
        #expect(try server.ready(queue) == 4)
    }
}
