/// Where a message is published, and how it travels.
public struct RabbitMQMessageOptions: Sendable, Hashable {
    /// The exchange; empty for the default exchange, which routes to the queue that the routing key names.
    public var exchange: String
    /// The routing key.
    public var routingKey: String
    /// Whether it is a failure that no queue gets the message.
    public var mandatory: Bool
    /// Whether durable queues keep the message over a restart of the server.
    public var persistent: Bool
    /// Its priority in queues that have priorities, 0 to 255.
    public var priority: UInt8?
    /// How long it may wait in a queue, whole milliseconds.
    public var expiration: Duration?
    /// Headers beside those of the event. They replace none of the event's.
    public var headers: [String: RabbitMQValue]
    /// What an answer is to refer to.
    public var correlationID: String?
    /// Where an answer is to go.
    public var replyTo: String?
    /// What kind of message it is, as its receivers understand it.
    public var messageType: String?
    /// The application that sends it.
    public var appID: String?

    /// Options with these values.
    public init(
        exchange: String = "", routingKey: String = "", mandatory: Bool = true, persistent: Bool = true,
        priority: UInt8? = nil, expiration: Duration? = nil, headers: [String: RabbitMQValue] = [:],
        correlationID: String? = nil, replyTo: String? = nil, messageType: String? = nil, appID: String? = nil
    ) {
        self.exchange = exchange
        self.routingKey = routingKey
        self.mandatory = mandatory
        self.persistent = persistent
        self.priority = priority
        self.expiration = expiration
        self.headers = headers
        self.correlationID = correlationID
        self.replyTo = replyTo
        self.messageType = messageType
        self.appID = appID
    }

    /// - Throws: ``RabbitMQError`` if no message can have these options.
    func check() throws(RabbitMQError) {
        try RabbitMQOptions.checkName(exchange, "the exchange")
        try RabbitMQOptions.checkName(routingKey, "the routing key")
        for (name, text) in [
            ("correlation id", correlationID), ("reply-to", replyTo), ("type", messageType), ("app id", appID),
        ] {
            if let text { try RabbitMQOptions.checkName(text, "the message's \(name)") }
        }
        for name in headers.keys { try RabbitMQOptions.checkName(name, "a header") }
        if let expiration, !(Duration.zero...Duration.milliseconds(UInt32.max)).contains(expiration) {
            throw RabbitMQOptions.invalid("the message expires after \(expiration): expected 0 to 2^32 milliseconds")
        }
        guard !(exchange.isEmpty && routingKey.isEmpty) else {
            throw RabbitMQOptions.invalid(
                "the message has no exchange and no routing key: expected one of them at least")
        }
    }
}

/// How messages are published.
public struct RabbitMQPublisherOptions: Sendable, Hashable {
    /// How the server is reached.
    public var connection: RabbitMQConnectionOptions
    /// How long the server may take to confirm a message, connecting included.
    public var confirmTimeout: Duration
    /// How many messages may be under way without confirmation.
    public var maximumUnconfirmed: Int
    /// The largest message, in bytes: RabbitMQ's own limit is 128 MiB by default, 16 MiB since 4.0.
    public var maximumMessageBytes: Int

    /// Options with these values.
    public init(
        connection: RabbitMQConnectionOptions, confirmTimeout: Duration = .seconds(30), maximumUnconfirmed: Int = 1024,
        maximumMessageBytes: Int = 128 << 20
    ) {
        self.connection = connection
        self.confirmTimeout = confirmTimeout
        self.maximumUnconfirmed = maximumUnconfirmed
        self.maximumMessageBytes = maximumMessageBytes
    }

    func checked() throws(RabbitMQError) -> RabbitMQAddress {
        let address = try connection.checked()
        guard (Duration.milliseconds(10)...Duration.seconds(3600)).contains(confirmTimeout) else {
            throw RabbitMQOptions.invalid("the confirm timeout is \(confirmTimeout): expected 10 ms to 1 hour")
        }
        guard (1...65_536).contains(maximumUnconfirmed) else {
            throw RabbitMQOptions.invalid("\(maximumUnconfirmed) messages may be unconfirmed: expected 1 to 65536")
        }
        guard maximumMessageBytes >= 1 else {
            throw RabbitMQOptions.invalid("messages may have \(maximumMessageBytes) bytes: expected at least 1")
        }
        return address
    }
}
