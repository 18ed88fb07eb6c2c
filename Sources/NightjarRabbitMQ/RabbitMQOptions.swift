public import CloudEvents

/// What a RabbitMQ trigger receives, and how.
public struct RabbitMQOptions: Sendable, Hashable {
    /// What kind of queue it is. The server does not tell; one that is said to be another kind is noticed and refused where
    /// that matters.
    public enum Kind: String, Sendable, Hashable, CaseIterable {
        /// Keeps no count of deliveries: with direct delivery, what failed is kept in the store and retried from there.
        case classic
        /// Replicated; counts deliveries: with direct delivery, what failed is given back to the queue and delivered again.
        case quorum
        /// A log that is read by offset; the place is kept in the store. Messages are taken in order, one batch after the
        /// other.
        case stream
    }

    /// Where reading a stream begins when the store knows no place in it.
    public enum StreamStart: Sendable, Hashable {
        /// With the oldest message that is there.
        case first
        /// With the last chunk of messages.
        case last
        /// With what comes from now on.
        case next
        /// With the message at this offset.
        case offset(UInt64)
        /// With the first chunk of messages from this time on.
        case time(Timestamp)
    }

    /// Messages that an exchange is to route to the queue.
    public struct Binding: Sendable, Hashable {
        /// The exchange, which must exist unless it is declared too.
        public var exchange: String
        /// The routing key or pattern, as the exchange's type understands it.
        public var routingKey: String
        /// Arguments, such as what a `headers` exchange compares.
        public var arguments: [String: RabbitMQValue]

        /// A binding with these values.
        public init(exchange: String, routingKey: String = "", arguments: [String: RabbitMQValue] = [:]) {
            self.exchange = exchange
            self.routingKey = routingKey
            self.arguments = arguments
        }
    }

    /// An exchange that is declared before the queue is bound.
    public struct Exchange: Sendable, Hashable {
        /// Its name.
        public var name: String
        /// Its type: `direct`, `topic`, `fanout`, `headers`, or one that a plugin brings.
        public var type: String
        /// Whether it is still there after the server has restarted.
        public var durable: Bool
        /// Arguments, such as `alternate-exchange`.
        public var arguments: [String: RabbitMQValue]

        /// An exchange with these values.
        public init(
            _ name: String, type: String = "topic", durable: Bool = true, arguments: [String: RabbitMQValue] = [:]
        ) {
            self.name = name
            self.type = type
            self.durable = durable
            self.arguments = arguments
        }
    }

    /// How the server is reached.
    public var connection: RabbitMQConnectionOptions
    /// The queue's name.
    public var queue: String
    /// What kind of queue it is.
    public var kind: Kind
    /// Whether the queue is made if it is not there. By default only what exists is used. A queue that exists with other
    /// properties is refused by the server.
    public var declare: Bool
    /// With ``declare``: whether the queue is still there after the server has restarted. Quorum queues and streams are.
    public var durable: Bool
    /// With ``declare``: arguments of the queue, such as `x-dead-letter-exchange`, `x-single-active-consumer`,
    /// `x-delivery-limit`. `x-queue-type` follows from ``kind``.
    public var arguments: [String: RabbitMQValue]
    /// With ``declare``: exchanges that are made if they are not there.
    public var exchanges: [Exchange]
    /// With ``declare``: what is routed to the queue.
    public var bindings: [Binding]
    /// How many messages a consumer may have in hand that are not acknowledged yet, 1 to 65535: the back pressure. It bounds
    /// how many handlers run at once with direct delivery.
    public var prefetch: Int
    /// How many consumers the trigger has, each with a connection and a thread of its own, 1 to 64. One for streams.
    public var consumers: Int
    /// Consumers of a higher priority get messages first, as long as they are not held up by ``prefetch``.
    public var consumerPriority: Int?
    /// Whether this is to be the queue's only consumer. While another one is there it fails, and takes over when that ends.
    public var exclusive: Bool
    /// Whether messages are taken in the order of the queue, one batch after the other, and each handled after the one
    /// before. Needs one consumer; messages that come back are out of their order in any case.
    public var inOrder: Bool
    /// Where reading a stream begins when the store knows no place in it.
    public var streamStart: StreamStart
    /// The largest message that is held in memory, in bytes. A larger one is recorded with its beginning, and rejected.
    /// ``prefetch`` times this is the most that a consumer can take of memory.
    public var maximumMessageBytes: Int
    /// The source of events that are made of messages: a URI reference. By default the queue's URI without credentials:
    /// `amqp://host:5672/vhost/queue`.
    public var source: String?

    /// Options with these values.
    public init(
        connection: RabbitMQConnectionOptions, queue: String, kind: Kind = .classic, declare: Bool = false,
        durable: Bool = true, arguments: [String: RabbitMQValue] = [:], exchanges: [Exchange] = [],
        bindings: [Binding] = [], prefetch: Int = 256, consumers: Int = 1, consumerPriority: Int? = nil,
        exclusive: Bool = false, inOrder: Bool = false, streamStart: StreamStart = .next,
        maximumMessageBytes: Int = 4 << 20, source: String? = nil
    ) {
        self.connection = connection
        self.queue = queue
        self.kind = kind
        self.declare = declare
        self.durable = durable
        self.arguments = arguments
        self.exchanges = exchanges
        self.bindings = bindings
        self.prefetch = prefetch
        self.consumers = consumers
        self.consumerPriority = consumerPriority
        self.exclusive = exclusive
        self.inOrder = inOrder
        self.streamStart = streamStart
        self.maximumMessageBytes = maximumMessageBytes
        self.source = source
    }

    /// Options for a queue at a URL.
    public init(url: String, queue: String, kind: Kind = .classic) {
        self.init(connection: RabbitMQConnectionOptions(url: url), queue: queue, kind: kind)
    }

    /// What keeps the options from being used, for people; `nil` if nothing does.
    public var contradiction: String? {
        do {
            _ = try checked()
            return nil
        } catch {
            return error.message
        }
    }
}
