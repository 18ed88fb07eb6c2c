public import CloudEvents

/// What a Kafka trigger reads, and how.
public struct KafkaOptions: Sendable, Hashable {
    /// The cluster.
    public var cluster: KafkaCluster
    /// The topics: names, or regular expressions that begin with `^`. A topic that is created later is found within seconds.
    public var topics: [String]
    /// The consumer group. All nodes with this group share the topics' partitions.
    public var group: String
    /// Where a partition begins that nothing is known of yet.
    public var from: KafkaStart
    /// Where the offsets live: with stored delivery in the store, with direct delivery at the broker.
    public var offsets: KafkaOffsets
    /// Which messages are done one after the other with direct delivery. Stored runs go by their job's key.
    public var order: KafkaOrder
    /// How many messages this source has in hand at most: received, and not yet taken (stored delivery) or done (direct).
    public var windowMessages: Int
    /// How many bytes these have at most, keys included; one message may always be in hand.
    public var windowBytes: Int
    /// How many bytes librdkafka reads ahead at most; one answer of a broker may go beyond.
    public var readAheadBytes: Int
    /// How long the group waits for a node that says nothing before its partitions go to others, from 1 s to 30 min. A broker
    /// may allow less: usually from 6 s.
    public var sessionTimeout: Duration
    /// Which messages of transactions are read.
    public var isolation: KafkaIsolation

    /// Options with these values.
    public init(
        cluster: KafkaCluster, topics: [String], group: String, from: KafkaStart = .earliest,
        offsets: KafkaOffsets = .store, order: KafkaOrder = .key, windowMessages: Int = 10_000,
        windowBytes: Int = 64 << 20, readAheadBytes: Int = 64 << 20, sessionTimeout: Duration = .seconds(45),
        isolation: KafkaIsolation = .readCommitted
    ) {
        self.cluster = cluster
        self.topics = topics
        self.group = group
        self.from = from
        self.offsets = offsets
        self.order = order
        self.windowMessages = windowMessages
        self.windowBytes = windowBytes
        self.readAheadBytes = readAheadBytes
        self.sessionTimeout = sessionTimeout
        self.isolation = isolation
    }
}

/// Where a partition begins that nothing is known of yet.
public enum KafkaStart: Sendable, Hashable {
    /// With the oldest message that is still there.
    case earliest
    /// With what comes after the trigger first ran: that moment is remembered at once.
    case latest
    /// With the first message that has this time or a later one.
    case time(Timestamp)
}

/// Where a source's offsets live.
public enum KafkaOffsets: String, Sendable, Hashable, CaseIterable {
    /// In the store, in the same transaction as the events: each is taken exactly once. For stored delivery. The broker gets
    /// them as well, now and then, so that tools that show a group's lag work.
    case store
    /// At the broker, up to the first message that is not done yet. For direct delivery.
    case broker
}

/// Which messages are done one after the other, as they stand in their partition.
public enum KafkaOrder: String, Sendable, Hashable, CaseIterable {
    /// Those with the same key in the same partition. Those without a key go as they come.
    case key
    /// All of a partition.
    case partition
    /// None.
    case none
}

/// Which messages of transactions are read.
public enum KafkaIsolation: String, Sendable, Hashable, CaseIterable {
    /// Only those that were committed.
    case readCommitted = "read_committed"
    /// Also those that were aborted, or are not decided yet.
    case readUncommitted = "read_uncommitted"
}
