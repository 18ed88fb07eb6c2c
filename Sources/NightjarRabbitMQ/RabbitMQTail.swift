public import CloudEvents
import Foundation
import Logging
import NightjarCore

/// What is looked at live, without being a trigger.
public struct RabbitMQTailOptions: Sendable, Hashable {
    /// What is looked at.
    public enum Origin: Sendable, Hashable {
        /// A queue. A stream is read from its end, which disturbs nobody. Messages of any other queue can be looked at only
        /// by taking them out of it: they are held back from the queue's consumers while they are shown, at most
        /// ``RabbitMQTailOptions/prefetch`` of them, and put back at the end, marked as redelivered; a quorum queue counts
        /// that as a delivery.
        case queue(String, disturbing: Bool = false)
        /// What an exchange routes from now on, by a queue of our own that is gone afterwards. It disturbs nobody.
        case exchange(RabbitMQOptions.Binding)
    }

    /// How the server is reached.
    public var connection: RabbitMQConnectionOptions
    /// What is looked at.
    public var origin: Origin
    /// How many messages are fetched ahead; of a queue that is disturbed, how many are shown at most.
    public var prefetch: Int
    /// The largest message that is shown, in bytes.
    public var maximumMessageBytes: Int

    /// Options with these values.
    public init(
        connection: RabbitMQConnectionOptions, origin: Origin, prefetch: Int = 256, maximumMessageBytes: Int = 4 << 20
    ) {
        self.connection = connection
        self.origin = origin
        self.prefetch = prefetch
        self.maximumMessageBytes = maximumMessageBytes
    }

    /// What `rabbitmq://user:password@host:5672/vhost/queue` says; `rabbitmqs` for TLS; `amqp` and `amqps` mean
    /// the same. Without a virtual host it is `/`. In
    /// place of a queue, `?exchange=NAME&routingKey=KEY` names an exchange.
    /// - Throws: ``RabbitMQError`` if it says something else.
    public init(_ url: String, disturbing: Bool = false) throws(RabbitMQError) {
        guard var parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            let amqp = ["rabbitmq": "amqp", "rabbitmqs": "amqps", "amqp": "amqp", "amqps": "amqps"][scheme]
        else {
            throw RabbitMQError(
                .invalidOptions,
                "this is no RabbitMQ URL: expected one such as rabbitmq://user:password@host/vhost/queue")
        }
        func query(_ name: String) -> String? { parts.queryItems?.first { $0.name == name }?.value }
        let exchange = query("exchange")
        let key = query("routingKey") ?? "#"
        var path = parts.percentEncodedPath.split(separator: "/").map(String.init)
        let queue = exchange == nil ? path.popLast()?.removingPercentEncoding : nil
        guard path.count <= 1, exchange != nil || queue != nil else {
            throw RabbitMQError(
                .invalidOptions,
                "the URL names \(path.isEmpty ? "no queue" : "more than a virtual host and a queue"): expected /vhost/queue, /queue, or ?exchange=NAME"
            )
        }
        parts.scheme = amqp
        parts.query = nil
        parts.percentEncodedPath = path.first.map { "/" + $0 } ?? ""
        self.init(
            connection: RabbitMQConnectionOptions(url: parts.string ?? "", name: "nightjar events tail"),
            origin: exchange.map { .exchange(RabbitMQOptions.Binding(exchange: $0, routingKey: key)) }
                ?? .queue(queue ?? "", disturbing: disturbing))
    }
}

/// Shows what comes, live.
public enum RabbitMQTail {
    /// The events of a queue, a stream or an exchange as they come, made as a trigger would make them. What a trigger would
    /// reject comes as an event of the type `nightjar.message.rejected`, with the reason as its subject.
    ///
    /// The connection lasts until nobody reads the stream any more. The stream ends with an error when it is lost.
    /// - Throws: ``RabbitMQError``; `invalidOptions` for a queue that would be disturbed.
    public static func events(
        _ options: RabbitMQTailOptions
    ) async throws -> AsyncThrowingStream<Event, any Error> {
        let address = try options.connection.checked()
        var consumed = RabbitMQOptions(
            connection: options.connection, queue: "", prefetch: options.prefetch,
            maximumMessageBytes: options.maximumMessageBytes)
        var temporary: RabbitMQOptions.Binding?
        var holdsBack = false
        switch options.origin {
        case .exchange(let binding):
            temporary = binding
            consumed.queue = binding.exchange
        case .queue(let queue, let disturbing):
            consumed.queue = queue
            let kind = try await QueueKind.ask(queue, options.connection, at: address)
            guard kind == .stream || disturbing else { throw wouldDisturb(queue) }
            consumed.kind = kind ?? .classic
            holdsBack = kind != .stream
        }
        _ = try consumed.checked()
        let setting = QueueConsumer.Setting(
            options: consumed, address: address, trigger: "tail", source: address.source(of: consumed.queue),
            logger: Logger(label: "nightjar.rabbitmq.tail"), temporary: temporary)
        let reader = try await TailReader(setting, holdsBack: holdsBack)
        return AsyncThrowingStream { try await reader.next() }
    }

    private static func wouldDisturb(_ queue: String) -> RabbitMQError {
        RabbitMQError(
            .invalidOptions,
            "\(queue) is no stream: to be shown, its messages are taken out of the queue, held back from its consumers, and put back at the end, marked as redelivered. Look at the exchange instead (?exchange=NAME), or say that the queue may be disturbed"
        )
    }
}

/// Hands out events one by one, and acknowledges those that were read.
private actor TailReader {
    private let consumer: QueueConsumer
    private let session: QueueConsumer.Session
    private let holdsBack: Bool
    private var batch = Inbox.Batch()
    private var at = 0

    init(_ setting: QueueConsumer.Setting, holdsBack: Bool) async throws {
        let consumer = try QueueConsumer(setting) { _ in }
        do {
            session = try await consumer.open(from: .next, streamPrefix: "")
        } catch {
            consumer.stop()
            throw error
        }
        self.consumer = consumer
        self.holdsBack = holdsBack
    }

    deinit { consumer.shutDown() }

    func next() async throws -> Event? {
        while at == batch.messages.count {
            acknowledge()
            batch = session.inbox.take()
            at = 0
            guard batch.messages.isEmpty else { break }
            var arrivals = session.inbox.arrivals.makeAsyncIterator()
            guard try await arrivals.next(isolation: self) != nil else { return nil }
        }
        at += 1
        switch batch.messages[at - 1] {
        case .event(let incoming): return incoming.event
        case .unreadable(let message):
            return Event(
                id: message.id, source: message.source, type: UnreadableMessage.eventType, subject: message.reason,
                data: message.data)
        }
    }

    private func acknowledge() {
        guard !holdsBack, !batch.messages.isEmpty else { return }
        let taken = Array(repeating: Taken.taken, count: batch.messages.count)
        consumer.settle(QueueConsumer.Answers(session: session.number, firstTag: batch.firstTag, taken: taken))
    }
}
