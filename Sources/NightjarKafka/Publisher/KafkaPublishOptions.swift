public import NightjarCore

/// Where and how events are published to Kafka.
public struct KafkaPublishOptions: Sendable, Hashable {
    /// The cluster.
    public var cluster: KafkaCluster
    /// The topic, unless a run names another one. Whether a missing one is created is the brokers' matter.
    public var topic: String
    /// How an event becomes a message.
    public var format: MessageFormat
    /// How long a message waits for the brokers' confirmation, retries included, from 10 ms to 1 day.
    public var timeout: Duration

    /// Options with these values.
    public init(
        cluster: KafkaCluster, topic: String, format: MessageFormat = .binary, timeout: Duration = .seconds(30)
    ) {
        self.cluster = cluster
        self.topic = topic
        self.format = format
        self.timeout = timeout
    }

    /// Says what is wrong with these options.
    /// - Throws: ``KafkaError`` with what was expected; also for properties that librdkafka doesn't know or take.
    public func validate() throws(KafkaError) {
        try cluster.check()
        guard KafkaOptions.isTopic(topic) else {
            throw KafkaError(
                .configuration,
                "\"\(topic)\" can't be a topic: expected 1 to 249 letters, digits, '.', '_' and '-'")
        }
        guard (Duration.milliseconds(10)...Duration.seconds(86_400)).contains(timeout) else {
            throw KafkaError(.configuration, "the timeout is \(timeout): expected 10 ms to 1 day")
        }
        try KafkaHandle.check(producerProperties(), of: .producer)
    }

    /// What the producer is made with; later ones go before earlier ones.
    func producerProperties() -> [(name: String, value: String)] {
        var properties = cluster.clientProperties()
        properties += [
            // What several runs publish at the same time goes out together.
            ("linger.ms", "1"),
            // A topic that is not there fails the run soon.
            ("topic.metadata.propagation.max.ms", "\(min(5000, timeout.milliseconds))"),
        ]
        properties += cluster.properties.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        properties += [
            ("enable.idempotence", "true"), ("acks", "all"), ("message.timeout.ms", "\(timeout.milliseconds)"),
        ]
        return properties
    }
}

/// What varies from one published message to the other.
public struct KafkaMessageOptions: Sendable, Hashable {
    /// The topic; `nil` for that of the publisher.
    public var topic: String?
    /// The key; `nil` for the event's `partitionkey` (CloudEvents' extension "Partitioning"), if it has one.
    public var key: [UInt8]?
    /// The partition; `nil` to choose one by the key, or any without a key.
    public var partition: Int32?
    /// Further headers, as UTF-8.
    public var headers: [String: String]

    /// Options with these values.
    public init(
        topic: String? = nil, key: [UInt8]? = nil, partition: Int32? = nil, headers: [String: String] = [:]
    ) {
        self.topic = topic
        self.key = key
        self.partition = partition
        self.headers = headers
    }
}

/// Where a published message stands.
public struct KafkaReceipt: Sendable, Hashable {
    /// The topic.
    public var topic: String
    /// The partition.
    public var partition: Int32
    /// The offset in the partition.
    public var offset: Int64
}
