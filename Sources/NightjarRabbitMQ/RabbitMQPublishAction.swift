public import NightjarCore

/// Does a run by publishing its event to RabbitMQ. The run is done when the server has confirmed the message.
///
/// The event keeps its id, for every attempt: a receiver can tell what came twice. A batch is published event by event; those
/// that failed are tried again alone.
public struct RabbitMQPublishAction: RunHandler {
    private let publisher: RabbitMQPublisher
    private let format: MessageFormat
    private let message: @Sendable (RunContext) throws -> RabbitMQMessageOptions

    /// An action that publishes each run's event with options of its own.
    /// - Parameters:
    ///   - publisher: may serve several actions.
    ///   - format: how the event becomes a message.
    ///   - message: where it goes and how; what it throws fails the run.
    public init(
        _ publisher: RabbitMQPublisher, format: MessageFormat = .binary,
        message: @escaping @Sendable (RunContext) throws -> RabbitMQMessageOptions
    ) {
        self.publisher = publisher
        self.format = format
        self.message = message
    }

    /// An action that publishes every run's event in the same way.
    /// - Throws: ``RabbitMQError`` if no message can have these options.
    public init(
        _ publisher: RabbitMQPublisher, format: MessageFormat = .binary, message: RabbitMQMessageOptions
    ) throws(RabbitMQError) {
        try message.check()
        self.init(publisher, format: format) { _ in message }
    }

    /// Publishes the run's event, or the events of its batch.
    public func run(_ context: RunContext) async throws -> RunOutput {
        let options = try message(context)
        let events = context.items.isEmpty ? [context.event] : context.items
        let failures = try await publisher.publish(events, as: format, options)
        let failed = failures.enumerated().compactMap { index, error in error.map { (index, $0) } }
        guard let first = failed.first else { return .none }
        // A message that never will be taken must not keep the others from being tried again.
        let disposition: RunFailure.Disposition = failed.allSatisfy { $0.1.isPermanent } ? .never : .retry
        guard !context.items.isEmpty else {
            throw RunFailure(first.1.message, disposition, code: "\(first.1.code)")
        }
        throw BatchFailure(
            items: Dictionary(uniqueKeysWithValues: failed.map { ($0.0, $0.1.message) }), disposition,
            code: "\(first.1.code)")
    }
}

extension RabbitMQError {
    /// Whether the same message fails the same way whenever it is tried.
    var isPermanent: Bool { code == .tooLarge || code == .invalidOptions }
}
