/// What went wrong with Kafka.
public struct KafkaError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of mistake it is.
    public enum Code: Sendable, Hashable {
        /// The options contradict one another, or librdkafka doesn't take them.
        case configuration
        /// No broker can be reached.
        case connection
        /// The brokers don't believe who the client is, or a certificate is not accepted.
        case authentication
        /// The client may not do that.
        case authorization
        /// There is no such topic or partition.
        case unknownTopic
        /// The message is larger than the broker or the client allows.
        case tooLarge
        /// No answer came in time.
        case timeout
        /// The client is of no use any more; a new one has to be made.
        case fatal
        /// The client was closed.
        case closed
        /// Anything else that librdkafka reports.
        case other
    }

    /// What librdkafka said.
    public struct Cause: Error, Sendable, Hashable, CustomStringConvertible {
        /// Its number: negative for what the library found itself.
        public let number: Int32
        /// Its name, such as `_ALL_BROKERS_DOWN`.
        public let name: String
        /// What it says, for people.
        public let text: String

        /// The text and the name.
        public var description: String { "\(text) (\(name))" }
    }

    /// What kind of mistake it is.
    public var code: Code
    /// What was wrong, where, and what was expected, for people.
    public var message: String
    /// What librdkafka said.
    public var underlying: Cause?

    /// An error with these values.
    public init(_ code: Code, _ message: String, underlying: Cause? = nil) {
        self.code = code
        self.message = message
        self.underlying = underlying
    }

    /// The message.
    public var description: String { message }
}
