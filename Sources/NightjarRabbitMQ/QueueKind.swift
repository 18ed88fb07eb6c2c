import EventThreads
import Foundation

/// Finds out what kind of queue there is. AMQP has no question for that; but a server that is asked to declare a queue that
/// is there as another kind says what it is.
actor QueueKind {
    private static let channel: UInt16 = 1

    private let thread: ThreadExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private init() throws { thread = try ThreadExecutor(name: "rabbitmq") }

    /// The queue's kind; `nil` if the server does not say.
    /// - Throws: ``RabbitMQError``; `notFound` if there is no such queue.
    static func ask(
        _ queue: String, _ options: RabbitMQConnectionOptions, at address: RabbitMQAddress
    ) async throws -> RabbitMQOptions.Kind? {
        let asker = try QueueKind()
        defer { asker.thread.stop() }
        return try await asker.ask(queue, options, address)
    }

    private func ask(
        _ queue: String, _ options: RabbitMQConnectionOptions, _ address: RabbitMQAddress
    ) throws(RabbitMQError) -> RabbitMQOptions.Kind? {
        let connection = try AMQPConnection(options, at: address)
        defer { connection.close() }
        try connection.openChannel(Self.channel)
        _ = try connection.declare(QueueDeclaration(name: queue, isPassive: true), on: Self.channel)
        do throws(RabbitMQError) {
            // Never made by accident: no server places a queue's leader like that. It is compared after the kind.
            let question = QueueDeclaration(
                name: queue, durable: true,
                arguments: ["x-queue-type": "stream", "x-queue-leader-locator": "nightjar-only-asks"])
            _ = try connection.declare(question, on: Self.channel)
            return nil
        } catch {
            guard error.code == .precondition else { return nil }
            return Self.kind(saidBy: error.message)
        }
    }

    /// The kind that an answer tells, such as "inequivalent arg 'x-queue-type' for queue 'orders' in vhost '/': received
    /// 'stream' but current is 'quorum'".
    static func kind(saidBy answer: String) -> RabbitMQOptions.Kind? {
        if answer.contains("inequivalent arg 'x-queue-leader-locator'") { return .stream }
        if answer.contains("inequivalent arg 'durable'") { return .classic }
        guard answer.contains("inequivalent arg 'x-queue-type'"), let current = answer.range(of: "but current is")
        else {
            return nil
        }
        return answer[current.upperBound...].contains("quorum") ? .quorum : .classic
    }
}
