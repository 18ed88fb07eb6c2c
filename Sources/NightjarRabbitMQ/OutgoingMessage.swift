import CLibrabbitmq
import CloudEvents
import NightjarCore

/// A message that is to be published.
struct OutgoingMessage: Sendable {
    /// The prefix of headers that are attributes (AMQP Protocol Binding for CloudEvents 1.0.2, section 3.1.3.1).
    static let attributePrefix = "cloudEvents:"
    private static let structuredType = JSONEventFormat.contentType + "; charset=utf-8"
    private static let longestShortString = 255

    var options: RabbitMQMessageOptions
    /// The event's id; `nil` if it is too long for a property.
    private(set) var messageID: String?
    private(set) var contentType: String?
    private(set) var headers: [(String, RabbitMQValue)] = []
    private(set) var body: [UInt8]
    private(set) var seconds: UInt64?

    /// An event as a message.
    /// - Throws: ``RabbitMQError`` if AMQP has no room for it.
    init(_ event: Event, as format: MessageFormat, _ options: RabbitMQMessageOptions) throws(RabbitMQError) {
        try options.check()
        self.options = options
        messageID = event.id.utf8.count <= Self.longestShortString ? event.id : nil
        if let time = event.time, time.microsecondsSince1970 >= 0 {
            seconds = UInt64(time.microsecondsSince1970 / 1_000_000)
        }
        switch format {
        case .structured:
            contentType = Self.structuredType
            body = JSONEventFormat.encode(event)
        case .binary, .raw:
            body = event.data ?? []
            // What the JSON format says by leaving the attribute out, a message has to say in words.
            contentType = event.dataContentType ?? (JSONText.isValid(body) ? "application/json" : nil)
        }
        if format == .binary {
            headers = MessageBinding.attributes(of: event).map { (Self.attributePrefix + $0.name, .string($0.value)) }
        }
        let taken = Set(headers.map(\.0))
        headers += options.headers.sorted { $0.key < $1.key }.filter { !taken.contains($0.key) }
        if let contentType { try RabbitMQOptions.checkName(contentType, "the message's content type") }
    }

    /// The properties, which point to what `memory` lends.
    func properties(_ memory: AMQPMemory) -> amqp_basic_properties_t {
        var properties = amqp_basic_properties_t()
        func set(_ flag: Int32) { properties._flags |= amqp_flags_t(flag) }
        set(AMQP_BASIC_DELIVERY_MODE_FLAG)
        properties.delivery_mode = UInt8(
            options.persistent ? AMQP_DELIVERY_PERSISTENT.rawValue : AMQP_DELIVERY_NONPERSISTENT.rawValue)
        if let contentType {
            set(AMQP_BASIC_CONTENT_TYPE_FLAG)
            properties.content_type = memory.bytes(contentType)
        }
        if let messageID {
            set(AMQP_BASIC_MESSAGE_ID_FLAG)
            properties.message_id = memory.bytes(messageID)
        }
        if !headers.isEmpty {
            set(AMQP_BASIC_HEADERS_FLAG)
            properties.headers = memory.table(headers)
        }
        if let seconds {
            set(AMQP_BASIC_TIMESTAMP_FLAG)
            properties.timestamp = seconds
        }
        if let priority = options.priority {
            set(AMQP_BASIC_PRIORITY_FLAG)
            properties.priority = priority
        }
        if let expiration = options.expiration {
            set(AMQP_BASIC_EXPIRATION_FLAG)
            properties.expiration = memory.bytes("\(expiration.microseconds / 1000)")
        }
        setTexts(&properties, memory)
        return properties
    }

    private func setTexts(_ properties: inout amqp_basic_properties_t, _ memory: AMQPMemory) {
        func set(_ flag: Int32, _ text: String?, _ place: WritableKeyPath<amqp_basic_properties_t, amqp_bytes_t>) {
            guard let text else { return }
            properties._flags |= amqp_flags_t(flag)
            properties[keyPath: place] = memory.bytes(text)
        }
        set(AMQP_BASIC_CORRELATION_ID_FLAG, options.correlationID, \.correlation_id)
        set(AMQP_BASIC_REPLY_TO_FLAG, options.replyTo, \.reply_to)
        set(AMQP_BASIC_TYPE_FLAG, options.messageType, \.type)
        set(AMQP_BASIC_APP_ID_FLAG, options.appID, \.app_id)
    }
}
