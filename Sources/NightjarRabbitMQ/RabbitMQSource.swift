public import NightjarCore

/// A source of events from a queue or a stream of RabbitMQ.
///
/// A message that carries a CloudEvent (AMQP Protocol Binding for CloudEvents 1.0.2; its application properties are headers
/// in AMQP 0-9-1, prefixed `cloudEvents:` or `cloudEvents_`; `ce-` and `ce_` are understood too) is taken as that event. Any
/// other becomes an event of the type `nightjar.rabbitmq.message`:
///
/// | attribute | |
/// |---|---|
/// | `source` | ``RabbitMQOptions/source``, or the queue's URI without credentials |
/// | `id` | the property `message-id`; else in a stream the offset; else a fresh one |
/// | `time` | the property `timestamp` |
/// | `datacontenttype` | the property `content-type`, if it is a media type |
/// | `data` | the body |
/// | `exchange`, `routingkey` | where it was published |
/// | `redelivered` | `true` if it may have been delivered before |
/// | `priority`, `correlationid`, `replyto`, `expiration`, `messagetype`, `userid`, `appid`, `contentencoding` | properties |
/// | `deliverycount` | how often a quorum queue delivered it before (`x-delivery-count`) |
/// | `xdeathcount`, `xdeathqueue`, `xdeathreason`, `xdeathexchange` | of the last time it was dead-lettered (`x-death`) |
/// | `streamoffset` | where it is in a stream |
/// | any other | its headers that are texts, whole numbers, truth values or times: letters and digits of their name in lower case |
///
/// A message without a name of its own that is delivered twice, because the connection was lost between its acceptance and
/// its acknowledgement, becomes two events: let senders set `message-id`, and it is one.
///
/// A message is acknowledged when the intake has answered for it. One that cannot be taken is recorded and rejected: it goes
/// to the queue's dead-letter exchange, if there is one. What a handler failed at with direct delivery is given back to a
/// quorum queue, after the retry policy's wait (30 seconds at most), and counted there.
public struct RabbitMQSource: EventSource {
    private let options: RabbitMQOptions
    private let address: RabbitMQAddress

    /// A source with these options.
    /// - Throws: ``RabbitMQError`` if they contradict one another.
    public init(_ options: RabbitMQOptions) throws(RabbitMQError) {
        self.options = options
        address = try options.checked()
    }

    /// What is shown of it: the queue's URI without credentials.
    public var summary: String { address.source(of: options.queue) }

    /// Receives until the task is cancelled; a connection that is lost is opened again, after a wait that grows from 250 ms
    /// to 30 s, with jitter.
    /// - Throws: what the intake throws, `CancellationError`.
    public func run(_ context: SourceContext) async throws {
        let setting = QueueConsumer.Setting(
            options: options, address: address, trigger: context.trigger,
            source: options.source ?? address.source(of: options.queue), logger: context.logger)
        let monitor = SourceMonitor(context, consumers: options.consumers)
        try await withThrowingDiscardingTaskGroup { group in
            for number in 0..<options.consumers {
                group.addTask {
                    let receiver = QueueReceiver(setting: setting, context: context, monitor: monitor, number: number)
                    try await receiver.run()
                }
            }
        }
    }
}
