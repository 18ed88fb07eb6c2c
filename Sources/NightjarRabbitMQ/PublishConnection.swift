import CLibrabbitmq
import EventThreads
import NightjarCore
import Synchronization

/// Publishes messages and waits for their confirmation: owns a connection, on a thread of its own.
///
/// The connection is opened with the first message. When it is lost, what was not confirmed is published again over the next
/// one, until its time is up: a message may be there twice then, and never not at all.
actor PublishConnection {
    private static let channel: UInt16 = 1
    private static let backoff = Backoff.exponential(from: .milliseconds(250), upTo: .seconds(5))

    private nonisolated let thread: ThreadExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let options: RabbitMQPublisherOptions
    private let address: RabbitMQAddress
    private nonisolated let submitted = Mutex<[Publication]>([])

    private var connection: AMQPConnection?
    /// What is to be published, oldest first.
    private var waiting: [Publication] = []
    private var tracker = ConfirmTracker<Publication>()
    private var returned = ContentReader(limit: 0)
    /// Why the server takes no messages now.
    private var blocked: String?
    private var failures = 0
    private var lastFailure: RabbitMQError?
    private var connectAt = ContinuousClock.now
    private var lookAt = ContinuousClock.now
    private var isClosed = false

    init(_ options: RabbitMQPublisherOptions, at address: RabbitMQAddress) throws {
        thread = try ThreadExecutor(name: "rabbitmq")
        self.options = options
        self.address = address
    }

    /// Publishes messages. Returns at once: each says what becomes of it.
    nonisolated func submit(_ publications: [Publication]) {
        let isFirst = submitted.withLock { submitted in
            submitted.append(contentsOf: publications)
            return submitted.count == publications.count
        }
        if isFirst { thread.perform { self.assumeIsolated { $0.work() } } }
    }

    /// Closes the connection and ends the thread. What is not confirmed fails.
    func close() {
        isClosed = true
        work()
        thread.stop()
    }

    /// Does the same, without waiting for it.
    nonisolated func abandon() { thread.perform { self.assumeIsolated { $0.close() } } }

    // MARK: Working

    /// Does what is to be done now, and sees to being called again.
    private func work() {
        waiting.append(contentsOf: submitted.withLock { exchange(&$0, []) })
        if isClosed { return end() }
        expire()
        if connection == nil, !waiting.isEmpty, connectAt <= .now { connect() }
        send()
        if let connection, connection.hasFrames || lookAt <= .now { receive() }
        arm()
    }

    private func arm() {
        guard !isClosed else { return }
        var times: [ContinuousClock.Instant] = []
        if connection != nil { times.append(lookAt) }
        if connection == nil, !waiting.isEmpty { times.append(connectAt) }
        if let first = waiting.first { times.append(first.deadline) }
        if let first = tracker.first { times.append(first.deadline) }
        thread.wake(at: times.min()) { self.work() }
        guard let connection else { return thread.watch(-1, for: []) {} }
        let mustWait = !waiting.isEmpty && tracker.count < options.maximumUnconfirmed && blocked == nil
        thread.watch(connection.descriptor, for: mustWait ? [.read, .write] : .read) {
            self.receive()
            self.work()
        }
    }

    /// Gives up what was not confirmed in time.
    private func expire() {
        let now = ContinuousClock.now
        waiting.removeAll { publication in
            guard publication.deadline <= now else { return publication.isDone }
            let reason = blockedReason ?? lastFailure?.message ?? "no answer"
            publication.finish(.failure(RabbitMQError(.timeout, "not published within \(limit): \(reason)")))
            return true
        }
        guard let first = tracker.first, first.deadline <= now else { return }
        let reason = blockedReason.map { ": \($0)" } ?? ""
        let error = RabbitMQError(
            .timeout, "published, but not confirmed by \(address.shown) within \(limit)\(reason)")
        for publication in tracker.unconfirmed where publication.deadline <= now { publication.finish(.failure(error)) }
        // A channel that confirms nothing is of no use: another one is opened for what comes.
        lose(error)
    }

    private var blockedReason: String? { blocked.map { "the server takes no messages now: \($0)" } }

    private var limit: Duration { options.confirmTimeout }

    // MARK: Connecting

    private func connect() {
        do throws(RabbitMQError) {
            let connection = try AMQPConnection(options.connection, at: address)
            try openChannel(of: connection)
            self.connection = connection
            blocked = nil
            failures = 0
            lastFailure = nil
            lookAt = .now + connection.lookInterval
        } catch {
            fail(error)
            // What no waiting will mend is said at once.
            if error.code != .connection { finishWaiting(error) }
        }
    }

    private func openChannel(of connection: AMQPConnection) throws(RabbitMQError) {
        try connection.openChannel(Self.channel)
        try connection.selectConfirms(on: Self.channel)
        tracker = ConfirmTracker()
        returned = ContentReader(limit: 0)
    }

    private func fail(_ error: RabbitMQError) {
        failures += 1
        lastFailure = error
        var random = SystemRandomNumberGenerator()
        connectAt = .now + Self.backoff.delay(afterFailure: failures, using: &random)
    }

    private func finishWaiting(_ error: RabbitMQError) {
        for publication in waiting { publication.finish(.failure(error)) }
        waiting = []
    }

    /// The connection is gone: what was not confirmed is to be published again.
    private func lose(_ error: RabbitMQError) {
        guard let lost = connection else { return }
        connection = nil
        thread.watch(-1, for: []) {}
        lost.close()
        publishAgain(tracker.unconfirmed)
        tracker = ConfirmTracker()
        fail(error)
    }

    private func publishAgain(_ publications: [Publication]) {
        waiting = publications.filter { !$0.isDone } + waiting
    }

    private func end() {
        let error = RabbitMQError(.closed, "the publisher was closed before \(address.shown) confirmed the message")
        for publication in tracker.unconfirmed + waiting { publication.finish(.failure(error)) }
        waiting = []
        tracker = ConfirmTracker()
        thread.watch(-1, for: []) {}
        thread.wake(at: nil)
        connection?.close()
        connection = nil
    }

    // MARK: Sending

    /// Publishes what waits, as far as the server takes it.
    private func send() {
        guard let connection, blocked == nil, !waiting.isEmpty else { return }
        var sent = 0
        do throws(RabbitMQError) {
            connection.gathersWrites = true
            defer { connection.gathersWrites = false }
            while sent < waiting.count, tracker.count < options.maximumUnconfirmed, connection.canSend {
                let publication = waiting[sent]
                sent += 1
                if publication.isDone { continue }
                tracker.publish(publication)
                try connection.publish(publication.message, on: Self.channel)
            }
            waiting.removeFirst(sent)
        } catch {
            waiting.removeFirst(sent)
            lose(error)
        }
    }

    // MARK: Receiving

    private func receive() {
        guard let connection else { return }
        lookAt = .now + connection.lookInterval
        do throws(RabbitMQError) {
            while let frame = try connection.nextFrame() { try take(frame, connection) }
        } catch {
            lose(error)
        }
    }

    private func take(_ frame: amqp_frame_t, _ connection: AMQPConnection) throws(RabbitMQError) {
        // What a message's frames point to must stay until it is whole.
        defer { if !returned.isInside { connection.release(frame.channel) } }
        guard Int32(frame.frame_type) == AMQP_FRAME_METHOD else {
            if frame.channel == Self.channel, let content = returned.take(frame) { giveBack(content) }
            return
        }
        let method = frame.payload.method
        switch method.id {
        case AMQP_BASIC_ACK_METHOD:
            guard let ack = method.decoded?.load(as: amqp_basic_ack_t.self) else { return }
            settle(tracker.confirm(ack.delivery_tag, multiple: ack.multiple != 0, isTaken: true))
        case AMQP_BASIC_NACK_METHOD:
            guard let nack = method.decoded?.load(as: amqp_basic_nack_t.self) else { return }
            settle(tracker.confirm(nack.delivery_tag, multiple: nack.multiple != 0, isTaken: false))
        case AMQP_BASIC_RETURN_METHOD: returned.begin(method)
        case AMQP_CONNECTION_BLOCKED_METHOD:
            blocked = method.decoded?.load(as: amqp_connection_blocked_t.self).reason.text ?? "it does not say why"
        case AMQP_CONNECTION_UNBLOCKED_METHOD: blocked = nil
        default:
            guard let error = connection.closing(method, frame.channel, of: "publishing to \(address.shown)") else {
                return
            }
            guard method.id == AMQP_CHANNEL_CLOSE_METHOD else { throw error }
            try reopen(connection, error)
        }
    }

    private func settle(_ settled: [(Publication, ConfirmTracker<Publication>.Outcome)]) {
        for (publication, outcome) in settled {
            switch outcome {
            case .confirmed: publication.finish(.success(()))
            case .returned(let reason): publication.finish(.failure(publication.message.unroutable(reason)))
            case .refused: publication.finish(.failure(publication.message.refused))
            }
        }
    }

    /// The server does not say by number which message it gives back.
    private func giveBack(_ content: ContentReader.Content) {
        guard let method = content.method.decoded?.load(as: amqp_basic_return_t.self) else { return }
        let (exchange, key) = (method.exchange.text, method.routing_key.text)
        let properties = content.properties
        let id = properties.has(AMQP_BASIC_MESSAGE_ID_FLAG) ? properties.pointee.message_id.text : nil
        tracker.giveBack(reason: "\(method.reply_text.text) (\(method.reply_code))") { publication in
            let message = publication.message
            return message.options.exchange == exchange && message.options.routingKey == key && message.messageID == id
        }
    }

    /// The server closed the channel because of one message. Those that are not to blame are published again.
    private func reopen(_ connection: AMQPConnection, _ error: RabbitMQError) throws(RabbitMQError) {
        let unconfirmed = tracker.unconfirmed
        let blamed = unconfirmed.filter { $0.message.isToBlame(for: error) }
        for publication in blamed.isEmpty ? unconfirmed : blamed { publication.finish(.failure(error)) }
        publishAgain(unconfirmed)
        tracker = ConfirmTracker()
        try openChannel(of: connection)
    }
}

extension OutgoingMessage {
    /// Where it was to go, for people.
    private var way: String {
        options.exchange.isEmpty
            ? "the queue \(options.routingKey)"
            : "the exchange \(options.exchange), routing key \"\(options.routingKey)\""
    }

    func unroutable(_ reason: String) -> RabbitMQError {
        RabbitMQError(.unroutable, "no queue gets the message by \(way): \(reason)", replyCode: 312)
    }

    var refused: RabbitMQError {
        RabbitMQError(
            .notConfirmed, "the server did not take the message for \(way): a queue is full, or failed (nack)")
    }

    /// Whether the server closed the channel because of this message: it tells by words alone.
    func isToBlame(for error: RabbitMQError) -> Bool {
        if error.code == .tooLarge { return error.message.contains("size \(body.count) ") }
        return !options.exchange.isEmpty && error.message.contains("'\(options.exchange)'")
    }
}

private func exchange<Value>(_ place: inout sending Value, _ new: sending Value) -> sending Value {
    let old = place
    place = new
    return old
}
