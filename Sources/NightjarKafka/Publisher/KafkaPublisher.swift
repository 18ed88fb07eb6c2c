public import CloudEvents
import Synchronization

/// Publishes events to Kafka: one idempotent producer for all who publish at the same time, opened when it is first needed.
///
/// An event counts as published when all replicas in sync have confirmed it (`acks=all`). What is published concurrently goes
/// out together. ``close()`` ends it.
public final class KafkaPublisher: Sendable {
    /// How long ``close()`` waits for what is on its way.
    private static let closingPatience = Duration.seconds(10)

    let options: KafkaPublishOptions
    private let producer = Mutex<KafkaProducer?>(nil)

    /// A publisher with these options.
    /// - Throws: ``KafkaError`` if they contradict one another, or librdkafka doesn't take them.
    public init(_ options: KafkaPublishOptions) throws(KafkaError) {
        try options.validate()
        self.options = options
    }

    deinit {
        // Who forgot to close it loses what is on its way, but no thread stays behind.
        guard let producer = producer.withLock({ $0 }) else { return }
        producer.abandon()
    }

    /// Publishes an event.
    /// - Returns: where it stands, as soon as the brokers have confirmed it.
    /// - Throws: ``KafkaError``; ``/CloudEvents/EventError`` for an event that breaks a rule of CloudEvents; `CancellationError`,
    ///   when it may be published or not.
    @discardableResult
    public func publish(
        _ event: Event, _ message: KafkaMessageOptions = KafkaMessageOptions()
    ) async throws -> KafkaReceipt {
        let record = try ProducedRecord(event, options.format, topic: options.topic, message)
        let producer = try await opened()
        do {
            return try await producer.produce(record)
        } catch let error as KafkaError where error.code == .fatal {
            await replace(producer)
            throw error
        }
    }

    /// Waits up to 10 seconds for what is on its way, and closes the connection. Publishing opens it again.
    public func close() async {
        let producer = producer.withLock { producer in
            defer { producer = nil }
            return producer
        }
        await producer?.close(within: Self.closingPatience)
    }

    private func opened() async throws -> KafkaProducer {
        let (producer, isNew) = try producer.withLock { producer in
            if let producer { return (producer, false) }
            let made = try KafkaProducer(options)
            producer = made
            return (made, true)
        }
        // Others may send meanwhile: their reports wait in the queue.
        if isNew { await producer.open() }
        return producer
    }

    /// The first one who finds a producer useless closes it; the next message makes a new one.
    private func replace(_ useless: KafkaProducer) async {
        let isMine = producer.withLock { producer in
            guard producer === useless else { return false }
            producer = nil
            return true
        }
        if isMine { await useless.close(within: .zero) }
    }
}
