import CLibrabbitmq
import Logging
import NightjarCore

/// Makes what a source hands over of the frames of a channel.
struct DeliveryReader {
    /// A message with its number in the channel.
    struct Delivery {
        var tag: UInt64
        var message: SourceMessage
        /// Where it is in a stream.
        var offset: UInt64?
    }

    private let setting: QueueConsumer.Setting
    private let order: [UInt8]?
    private var content: ContentReader
    private var reader: MessageReader
    private var hasWarned = false

    /// - Parameter streamPrefix: stands before a stream's offset in an event's id.
    init(_ setting: QueueConsumer.Setting, streamPrefix: String) {
        let options = setting.options
        self.setting = setting
        order = options.inOrder ? Array(options.queue.utf8) : nil
        content = ContentReader(limit: options.maximumMessageBytes)
        reader = MessageReader(
            source: setting.source, limit: options.maximumMessageBytes,
            streamPrefix: options.kind == .stream ? streamPrefix : nil)
    }

    /// `basic.deliver` came: a header and a body follow.
    mutating func begin(_ method: amqp_method_t) { content.begin(method) }

    /// Takes a header or a piece of a body.
    /// - Returns: the message once it is whole; what its frames point to is not needed any more.
    /// - Throws: ``RabbitMQError`` if the queue is no stream, but should be.
    mutating func take(_ frame: amqp_frame_t) throws(RabbitMQError) -> Delivery? {
        guard let whole = content.take(frame),
            let delivery = whole.method.decoded?.load(as: amqp_basic_deliver_t.self)
        else { return nil }
        switch reader.read(whole, delivery) {
        case .success(let reading):
            try checkKind(reading.offset)
            if reading.hasOffset { warnOfStream() }
            var incoming = IncomingEvent(reading.event, to: .trigger(setting.trigger), order: order)
            if setting.options.kind == .quorum {
                incoming.redelivery = reading.redelivery(
                    wasDelivered: delivery.redelivered != 0, keepsOrder: order != nil)
            }
            return Delivery(tag: delivery.delivery_tag, message: .event(incoming), offset: reading.offset)
        case .failure(let failure):
            try checkKind(failure.offset)
            let message = UnreadableMessage(
                id: failure.id, source: setting.source, reason: failure.reason, data: whole.body)
            return Delivery(tag: delivery.delivery_tag, message: .unreadable(message), offset: failure.offset)
        }
    }

    private func checkKind(_ offset: UInt64?) throws(RabbitMQError) {
        guard setting.options.kind == .stream, offset == nil else { return }
        throw RabbitMQError(
            .precondition, "\(setting.options.queue) is no stream: expected the kind classic or quorum")
    }

    /// A stream that is taken for a queue begins anew with every connection. That is not refused: the header may have been
    /// copied by whoever put the message into this queue.
    private mutating func warnOfStream() {
        guard setting.options.kind != .stream, !hasWarned else { return }
        hasWarned = true
        setting.logger.warning(
            "messages have an offset; if the queue is a stream, its kind must say so, or what comes while nobody is connected is passed over",
            metadata: ["queue": "\(setting.options.queue)"])
    }
}

extension MessageReader.Reading {
    /// So long a message is held back at most before its queue delivers it again.
    private static let longestWait: Duration = .seconds(30)

    /// What a quorum queue does with the message if it is given back. A queue that delivers again without counting is none.
    /// - Parameter keepsOrder: whether the message's place among the others matters, which it loses by going back.
    func redelivery(wasDelivered: Bool, keepsOrder: Bool) -> Redelivery? {
        guard earlierDeliveries != nil || !wasDelivered else { return nil }
        return Redelivery(
            deliveries: (earlierDeliveries ?? 0) + 1, longestWait: keepsOrder ? .zero : Self.longestWait)
    }
}
