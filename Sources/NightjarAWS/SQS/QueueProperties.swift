/// What a queue's own attributes say.
struct QueueProperties: Sendable, Hashable {
    /// So long a message is hidden where nothing else is known.
    static let usualVisibility = Duration.seconds(30)

    /// How long it hides a message that was received.
    var visibilityTimeout: Duration?
    /// Whether it moves messages that come back too often to a dead-letter queue.
    var hasRedrivePolicy = false
    /// About how many messages wait in it.
    var waiting: Int?

    init() {}

    init(_ attributes: [String: String]) {
        visibilityTimeout = attributes["VisibilityTimeout"].flatMap { Int64($0) }.map { .seconds($0) }
        hasRedrivePolicy = !(attributes["RedrivePolicy"] ?? "").isEmpty
        waiting = attributes["ApproximateNumberOfMessages"].flatMap { Int($0) }
    }

    /// How long a message is hidden: what the options say, or the queue, unless that leaves no time to prolong it.
    func visibility(_ options: SQSOptions) -> Duration {
        if let own = options.visibilityTimeout { return own }
        guard let visibilityTimeout, visibilityTimeout >= .seconds(2) else { return Self.usualVisibility }
        return visibilityTimeout
    }
}
