/// One queue of Amazon SQS, and how it is received from.
public struct SQSOptions: Sendable, Hashable {
    /// What messages stand for that others put into the queue.
    public enum Unwrap: String, Sendable, Hashable, CaseIterable {
        /// Themselves.
        case none
        /// Notifications of Amazon SNS: the message in them is taken, with its attributes. What is no notification, as with
        /// raw message delivery, stands for itself.
        case sns
        /// Event notifications of Amazon S3, directly or by Amazon SNS: each of their records is an event. The test
        /// notification that S3 sends first is passed over.
        case s3
    }

    /// What becomes of a message that cannot be taken, once that is recorded. Amazon SQS has no way to reject one.
    public enum Rejected: String, Sendable, Hashable, CaseIterable {
        /// As `redrive` if the queue has a redrive policy, else as `delete`.
        case automatic
        /// It is given back until the queue's redrive policy moves it to the dead-letter queue.
        case redrive
        /// It is deleted.
        case delete
    }

    /// The queue: its URL, its ARN, or its name.
    public var queue: String
    /// How AWS is reached.
    public var aws: AWSOptions
    /// How many requests receive at once, from 1 to 64.
    public var receivers: Int
    /// How many messages a request receives at most, from 1 to 10.
    public var batch: Int
    /// How long a request waits for messages, whole seconds from 0 to 20.
    public var wait: Duration
    /// How long a message is hidden from others, whole seconds from 2 s to 12 hours; that is prolonged while a message is
    /// being worked on. `nil`: the queue's own, or 30 s where that cannot be read or is less than 2 s.
    public var visibilityTimeout: Duration?
    /// How many messages are held at most, received and not yet answered, from 1 to 10,000.
    public var inFlight: Int
    /// What messages stand for that others put into the queue.
    public var unwrap: Unwrap
    /// What becomes of a message that cannot be taken.
    public var rejected: Rejected

    /// Options with these values.
    public init(
        queue: String, aws: AWSOptions = AWSOptions(), receivers: Int = 3, batch: Int = 10,
        wait: Duration = .seconds(20), visibilityTimeout: Duration? = nil, inFlight: Int = 100,
        unwrap: Unwrap = .none, rejected: Rejected = .automatic
    ) {
        self.queue = queue
        self.aws = aws
        self.receivers = receivers
        self.batch = batch
        self.wait = wait
        self.visibilityTimeout = visibilityTimeout
        self.inFlight = inFlight
        self.unwrap = unwrap
        self.rejected = rejected
    }

    /// What in these options cannot be; `nil` if nothing.
    public var contradiction: String? {
        if let problem = QueueAddress.problem(queue) ?? aws.contradiction { return problem }
        let numbers = [
            ("receivers", receivers, 1...64), ("messages of a batch", batch, 1...10),
            ("messages in flight", inFlight, 1...10_000),
        ]
        for (name, value, range) in numbers where !range.contains(value) {
            return "there cannot be \(value) \(name): expected \(range.lowerBound) to \(range.upperBound)"
        }
        if !Self.isWhole(wait, 0...20) { return "the wait is \(wait): expected whole seconds from 0 to 20" }
        if let visibilityTimeout, !Self.isWhole(visibilityTimeout, 2...43_200) {
            return "the visibility timeout is \(visibilityTimeout): expected whole seconds from 2 s to 12 hours"
        }
        return nil
    }

    private static func isWhole(_ duration: Duration, _ range: ClosedRange<Int64>) -> Bool {
        duration.components.attoseconds == 0 && range.contains(duration.components.seconds)
    }
}
