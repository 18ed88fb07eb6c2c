import CloudEvents
import Logging
public import NightjarCore

/// A source of events from Kafka topics: a member of a consumer group, with cooperative rebalancing.
///
/// With stored delivery (``KafkaOffsets/store``) the offsets live in the store, in the same transaction as the events, so that
/// each message is taken exactly once over rebalances and crashes. With direct delivery (``KafkaOffsets/broker``) they are
/// committed to the broker, for each partition up to the first message that is not done.
///
/// A record that carries a CloudEvent (Kafka Protocol Binding for CloudEvents 1.0.2, binary or structured mode) is taken as
/// such. Any other becomes an event with the type `nightjar.kafka.message`; `kafka://BROKER/TOPIC` as source; an id of the
/// partition, the offset and the time; the record's time; its value as data; its `content-type` header as the data's type; and
/// as extensions its headers and:
///
/// | name | |
/// |---|---|
/// | `topic`, `partition`, `offset` | where it stands |
/// | `partitionkey` | its key, if that is text; else |
/// | `keybase64` | its key in Base64 |
/// | `tombstone` | `true`: it has no value |
///
/// A record that says that it carries a CloudEvent, and carries none that is valid, is recorded for nobody, and passed.
public struct KafkaSource: EventSource {
    let options: KafkaOptions

    /// A source with these options.
    /// - Throws: ``KafkaError`` if they contradict one another, or librdkafka doesn't take them.
    public init(_ options: KafkaOptions) throws(KafkaError) {
        try options.validate()
        self.options = options
    }

    /// Takes messages until the task is cancelled. The connection is looked after by librdkafka; a client that is of no use any
    /// more is made anew, after a while.
    /// - Throws: an error of the intake, if the node stops or knows the trigger no more.
    public func run(_ context: SourceContext) async throws {
        var failures = 0
        while true {
            let failure = try await consume(context)
            guard let failure, !Task.isCancelled else { return }
            failures += 1
            context.logger.error("Kafka: \(failure); connecting anew", metadata: ["group": "\(options.group)"])
            context.health(.failing("\(failure)"))
            try await context.time.sleep(for: Retry.delay(afterFailure: failures))
        }
    }

    /// - Returns: why the client is of no use any more; `nil` if the task was cancelled.
    private func consume(_ context: SourceContext) async throws -> KafkaError? {
        let consumer = try KafkaConsumer(options, context)
        do {
            try await consumer.open()
        } catch {
            await consumer.close()
            return error
        }
        let session = ConsumerSession(consumer: consumer)
        let failure = await withTaskCancellationHandler {
            await session.run()
        } onCancel: {
            consumer.stop()
        }
        let end = await consumer.failure
        await consumer.close()
        if let failure { throw failure }
        return end
    }
}

/// How long to wait before something is tried again.
enum Retry {
    private static let backoff = Backoff.exponential(from: .milliseconds(250), upTo: .seconds(30))

    static func delay(afterFailure failures: Int) -> Duration {
        var random = SystemRandomNumberGenerator()
        return backoff.delay(afterFailure: failures, using: &random)
    }
}
