public import NightjarCore

/// Where events are sent, and in what form.
public struct SQSPublishOptions: Sendable, Hashable {
    /// The queue: its URL, its ARN, or its name.
    public var queue: String
    /// How AWS is reached.
    public var aws: AWSOptions
    /// The form. In binary mode an event's attributes are the message's, with the prefix `ce-`; an event with more attributes
    /// than Amazon SQS takes, or with data that is no text, goes in structured mode.
    public var format: MessageFormat
    /// The largest message, from 1 KiB to 1 MiB, and the largest request.
    public var mostBytes: Int

    /// Options with these values.
    public init(
        queue: String, aws: AWSOptions = AWSOptions(), format: MessageFormat = .binary, mostBytes: Int = 262_144
    ) {
        self.queue = queue
        self.aws = aws
        self.format = format
        self.mostBytes = mostBytes
    }

    /// What in these options cannot be; `nil` if nothing.
    public var contradiction: String? {
        if let problem = QueueAddress.problem(queue) ?? aws.contradiction { return problem }
        return (1024...1_048_576).contains(mostBytes)
            ? nil : "the largest message has \(mostBytes) bytes: expected 1024 to 1048576"
    }
}

/// What a single message is sent with.
public struct SQSMessageOptions: Sendable, Hashable {
    /// The group whose messages stay in order. In a FIFO queue it is the job's name by default.
    public var groupID: String?
    /// FIFO queues drop a message if one with the same came within five minutes. By default made of the run's id, so that an
    /// attempt that is repeated sends no second message.
    public var deduplicationID: String?
    /// How long the queue holds it back, whole seconds up to 15 minutes; not for FIFO queues. `nil`: as the queue says.
    public var delay: Duration?

    /// Options with these values.
    public init(groupID: String? = nil, deduplicationID: String? = nil, delay: Duration? = nil) {
        self.groupID = groupID
        self.deduplicationID = deduplicationID
        self.delay = delay
    }
}

/// What the queue answered.
public struct SQSReceipt: Sendable, Hashable {
    /// What the message is called in the queue.
    public var messageID: String
    /// Its place in a FIFO queue.
    public var sequenceNumber: String?
}
