public import CloudEvents
public import NightjarCore
import Synchronization

/// Publishes events to a RabbitMQ server, and waits until the server has confirmed them (publisher confirms).
///
/// One connection, opened with the first event, serves any number of callers at once. While it is lost, events wait until it
/// is there again, or their time is up.
public final class RabbitMQPublisher: Sendable {
    private let options: RabbitMQPublisherOptions
    private let address: RabbitMQAddress
    private struct State {
        var connection: PublishConnection?
        var isClosed = false
    }

    private let state = Mutex(State())

    /// A publisher with these options. Connects when it has something to publish.
    /// - Throws: ``RabbitMQError`` if the options cannot be used.
    public init(_ options: RabbitMQPublisherOptions) throws(RabbitMQError) {
        self.options = options
        address = try options.checked()
    }

    deinit { state.withLock { $0.connection?.abandon() } }

    /// Closes the connection. What is not confirmed yet fails, and so does what is published later.
    public func close() async {
        let connection = state.withLock { state in
            state.isClosed = true
            defer { state.connection = nil }
            return state.connection
        }
        await connection?.close()
    }

    /// Publishes an event, and returns when the server has it: durable, if the message is persistent and its queues are.
    ///
    /// The event's id is the message's `message-id`. An event whose confirmation is lost with the connection is published
    /// again: receivers that must not take it twice tell it by its id.
    /// - Throws: ``RabbitMQError``: `unroutable` if no queue gets it and that is mandatory, `notFound` if there is no such
    ///   exchange, `notConfirmed`, `tooLarge`, `timeout`; `CancellationError`.
    public func publish(
        _ event: Event, as format: MessageFormat = .binary, _ message: RabbitMQMessageOptions
    ) async throws {
        for failure in try await publish([event], as: format, message) { if let failure { throw failure } }
    }

    /// Publishes several events at once.
    /// - Returns: for each event why it was not published; `nil` if it was.
    /// - Throws: `CancellationError`.
    public func publish(
        _ events: [Event], as format: MessageFormat = .binary, _ message: RabbitMQMessageOptions
    ) async throws -> [RabbitMQError?] {
        let deadline = ContinuousClock.now + options.confirmTimeout
        let publications = events.map { event -> Result<Publication, RabbitMQError> in
            do throws(RabbitMQError) {
                let message = try OutgoingMessage(event, as: format, message)
                guard message.body.count <= options.maximumMessageBytes else {
                    throw RabbitMQError(
                        .tooLarge,
                        "the message has \(message.body.count) bytes, the limit is \(options.maximumMessageBytes)")
                }
                return .success(Publication(message, deadline: deadline))
            } catch {
                return .failure(error)
            }
        }
        try open().submit(publications.compactMap { try? $0.get() })
        var failures: [RabbitMQError?] = []
        for publication in publications {
            do {
                try await publication.get().wait()
                failures.append(nil)
            } catch let error as RabbitMQError {
                failures.append(error)
            }
        }
        return failures
    }

    private func open() throws(RabbitMQError) -> PublishConnection {
        do {
            return try state.withLock { state in
                if state.isClosed { throw RabbitMQError(.closed, "the publisher for \(address.shown) is closed") }
                if let connection = state.connection { return connection }
                let new = try PublishConnection(options, at: address)
                state.connection = new
                return new
            }
        } catch let error as RabbitMQError {
            throw error
        } catch {
            throw RabbitMQError(.connection, "no thread for a connection to \(address.shown)", underlying: error)
        }
    }
}
