import CLibrabbitmq
import CloudEvents

/// Makes events of messages.
///
/// A message with headers that begin with `cloudEvents:` (or `cloudEvents_`, `ce-`, `ce_`) and say `specversion`, or with the
/// content type `application/cloudevents+json`, carries an event by the AMQP Protocol Binding for CloudEvents 1.0.2, applied
/// to AMQP 0-9-1: application properties are headers there. Of any other an event is made.
struct MessageReader {
    /// What was made of a message.
    struct Reading {
        var event: Event
        /// The message's offset, in a stream.
        var offset: UInt64?
        /// Whether the message says that it comes from a stream, be it a copy.
        var hasOffset: Bool
        /// How often it was delivered before, if the queue counts; 0 for the first time.
        var earlierDeliveries: Int?
    }

    /// Why no event could be made.
    struct Failure: Error {
        var id: String
        var reason: String
        var offset: UInt64?
    }

    static let eventType = "nightjar.rabbitmq.message"

    private let source: String
    private let limit: Int
    /// Begins with what no other connection has: with the delivery's number it names a message that has no name.
    private let fresh: String
    /// Stands before a stream's offset in an id; `nil` if it is no stream.
    private let streamPrefix: String?
    private var exchange = RepeatedText()
    private var routingKey = RepeatedText()
    private var contentType = RepeatedText { text in
        (try? Event(id: "1", source: "s", type: "t", dataContentType: text).validate()) != nil
    }

    /// - Parameters:
    ///   - source: the source of events that are made.
    ///   - limit: the longest body, in bytes.
    ///   - streamPrefix: stands before a stream's offset in an id; `nil` if messages come from no stream, and an offset in a
    ///     header is what their sender copied from elsewhere.
    init(source: String, limit: Int, streamPrefix: String?) {
        self.source = source
        self.limit = limit
        self.streamPrefix = streamPrefix
        var random = SystemRandomNumberGenerator()
        fresh = String(random.next(), radix: 36) + String(random.next(), radix: 36) + "-"
    }

    mutating func read(
        _ content: ContentReader.Content, _ delivery: amqp_basic_deliver_t
    ) -> Result<Reading, Failure> {
        let properties = content.properties
        let headers = MessageHeaders(properties, isStream: streamPrefix != nil)
        func id() -> String {
            if properties.has(AMQP_BASIC_MESSAGE_ID_FLAG), let id = AttributeText.read(properties.pointee.message_id) {
                return id
            }
            if let streamPrefix, let offset = headers.offset { return "\(streamPrefix)\(offset)" }
            return "\(fresh)\(delivery.delivery_tag)"
        }
        guard content.bodyBytes <= limit else {
            let reason = "the message has \(content.bodyBytes) bytes, the limit is \(limit)"
            return .failure(Failure(id: id(), reason: reason, offset: headers.offset))
        }
        let type: String? =
            properties.has(AMQP_BASIC_CONTENT_TYPE_FLAG) ? contentType.read(properties.pointee.content_type) : nil
        do throws(EventError) {
            var event: Event
            if let carried = try carriedEvent(headers, type, content) {
                event = carried
            } else {
                event = Event(id: id(), source: source, type: Self.eventType)
                event.dataContentType = type
                event.data = content.body
                event.time = properties.time
                event.extensions = headers.extensions
                addProperties(of: properties, delivery, to: &event)
            }
            headers.addDeliveries(to: &event)
            return .success(
                Reading(
                    event: event, offset: headers.offset, hasOffset: headers.hasOffset,
                    earlierDeliveries: headers.earlierDeliveries))
        } catch {
            return .failure(Failure(id: id(), reason: error.message, offset: headers.offset))
        }
    }

    private func carriedEvent(
        _ headers: MessageHeaders, _ type: String?, _ content: ContentReader.Content
    ) throws(EventError) -> Event? {
        let isStructured = type.map { $0.lowercased().hasPrefix("application/cloudevents") } ?? false
        guard isStructured || headers.hasAttributes else { return nil }
        let attributes = try headers.attributes()
        // A body without a type is none when it is empty: there is nothing that it could be an empty one of.
        let data = content.body.isEmpty && type == nil ? nil : content.body
        return try MessageBinding.event(contentType: type, attributes: attributes, data: data)
    }

    private mutating func addProperties(
        of properties: UnsafePointer<amqp_basic_properties_t>, _ delivery: amqp_basic_deliver_t, to event: inout Event
    ) {
        func set(_ name: String, _ flag: Int32, _ bytes: amqp_bytes_t) {
            guard properties.has(flag), let text = AttributeText.read(bytes) else { return }
            event.extensions[name] = .string(text)
        }
        if let exchange = exchange.read(delivery.exchange) { event.extensions["exchange"] = .string(exchange) }
        if let key = routingKey.read(delivery.routing_key) { event.extensions["routingkey"] = .string(key) }
        if delivery.redelivered != 0 { event.extensions["redelivered"] = .boolean(true) }
        // A message without properties, or with a content type and a delivery mode alone, has none of the others.
        guard properties.pointee._flags & ~Self.commonFlags != 0 else { return }
        let values = properties.pointee
        if properties.has(AMQP_BASIC_PRIORITY_FLAG) { event.extensions["priority"] = .integer(Int32(values.priority)) }
        set("correlationid", AMQP_BASIC_CORRELATION_ID_FLAG, values.correlation_id)
        set("replyto", AMQP_BASIC_REPLY_TO_FLAG, values.reply_to)
        set("expiration", AMQP_BASIC_EXPIRATION_FLAG, values.expiration)
        set("messagetype", AMQP_BASIC_TYPE_FLAG, values.type)
        set("userid", AMQP_BASIC_USER_ID_FLAG, values.user_id)
        set("appid", AMQP_BASIC_APP_ID_FLAG, values.app_id)
        set("contentencoding", AMQP_BASIC_CONTENT_ENCODING_FLAG, values.content_encoding)
    }

    private static let commonFlags = amqp_flags_t(
        AMQP_BASIC_CONTENT_TYPE_FLAG | AMQP_BASIC_DELIVERY_MODE_FLAG | AMQP_BASIC_MESSAGE_ID_FLAG
            | AMQP_BASIC_TIMESTAMP_FLAG | AMQP_BASIC_HEADERS_FLAG)
}

extension UnsafePointer<amqp_basic_properties_t> {
    /// Whether the message has this property.
    func has(_ flag: Int32) -> Bool { pointee._flags & amqp_flags_t(flag) != 0 }

    /// When the message was made, if it says so.
    var time: Timestamp? {
        guard has(AMQP_BASIC_TIMESTAMP_FLAG), let seconds = Int64(exactly: pointee.timestamp) else { return nil }
        return Timestamp(seconds: seconds)
    }
}

extension Timestamp {
    /// The instant so many seconds after 1970-01-01T00:00:00Z, if it is before the year 10000.
    init?(seconds: Int64) {
        guard (0...(Timestamp.distantFuture.microsecondsSince1970 / 1_000_000)).contains(seconds) else { return nil }
        self.init(microsecondsSince1970: seconds * 1_000_000)
    }
}
