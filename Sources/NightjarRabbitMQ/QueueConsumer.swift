import CLibrabbitmq
import EventThreads
import Logging
import NightjarCore
import Synchronization

/// One consumer of a queue: owns its connection, on a thread of its own.
///
/// A connection that was lost is opened again as another session; what belongs to an earlier one is ignored.
actor QueueConsumer {
    /// What makes messages of deliveries.
    struct Setting: Sendable {
        var options: RabbitMQOptions
        var address: RabbitMQAddress
        var trigger: String
        var source: String
        var logger: Logger
        /// What is to be routed to a queue of its own, which is gone with the connection, in place of the options' queue.
        var temporary: RabbitMQOptions.Binding?
    }

    /// A connection that consumes.
    struct Session: Sendable {
        var number: Int
        var inbox: Inbox
    }

    /// What was answered for messages with consecutive delivery numbers.
    struct Answers: Sendable {
        var session: Int
        var firstTag: UInt64
        var taken: [Taken]
    }

    private static let channel: UInt16 = 1
    /// A channel for questions that may fail: a failure closes the channel.
    private static let questions: UInt16 = 2
    private static let consumerTag = "nightjar"
    /// So long acknowledgements out of turn wait for those before them.
    private static let patience: Duration = .milliseconds(5)
    /// So often the server is asked how many messages are ready.
    private static let questionInterval: Duration = .seconds(5)

    private nonisolated let thread: ThreadExecutor
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    private let setting: Setting
    private let onCount: @Sendable (Int) -> Void
    private nonisolated let answers = Mutex<[Answers]>([])
    private nonisolated let interruption = Interruption()

    private var session = 0
    private var connection: AMQPConnection?
    private var inbox: Inbox?
    private var tracker = AckTracker()
    private var reader: DeliveryReader
    private var batch = Inbox.Batch()
    private var isReceiving = false
    /// Why there is to be no other session.
    private var hopeless: (any Error)?
    private var canAsk = false
    private var outOfTurnSince: ContinuousClock.Instant?
    private var lookAt = ContinuousClock.now
    private var askAt = ContinuousClock.now

    /// - Parameter onCount: is told how many messages are ready in the queue.
    init(_ setting: Setting, onCount: @escaping @Sendable (Int) -> Void) throws {
        thread = try ThreadExecutor(name: "rabbitmq")
        self.setting = setting
        self.onCount = onCount
        reader = DeliveryReader(setting, streamPrefix: "")
    }

    /// Ends the thread; the connection is to be closed before.
    nonisolated func stop() { thread.stop() }

    /// Closes the connection and ends the thread. Returns at once.
    nonisolated func shutDown() {
        thread.perform {
            self.assumeIsolated { $0.close() }
            self.thread.stop()
        }
    }

    // MARK: Opening and closing

    /// Connects and begins to consume.
    /// - Parameters:
    ///   - start: where a stream is begun.
    ///   - streamPrefix: stands before a stream's offset in an event's id.
    func open(from start: RabbitMQOptions.StreamStart, streamPrefix: String) throws -> Session {
        close()
        if let hopeless { throw hopeless }
        let options = setting.options
        let connection = try AMQPConnection(options.connection, at: setting.address, interruption)
        do throws(RabbitMQError) {
            try connection.openChannel(Self.channel)
            if options.declare { try options.declareAll(connection, on: Self.channel) }
            var queue = options.queue
            if let binding = setting.temporary {
                queue = try binding.declareTemporaryQueue(connection, on: Self.channel)
            }
            try connection.setPrefetch(options.prefetch, on: Self.channel)
            try connection.openChannel(Self.questions)
            try connection.consume(
                queue, tag: Self.consumerTag, exclusive: options.exclusive,
                arguments: options.consumerArguments(from: start), on: Self.channel)
        } catch {
            connection.close()
            throw error
        }
        begin(connection, streamPrefix)
        let inbox = Inbox()
        self.inbox = inbox
        // Messages may have come with the answer already.
        thread.watch(connection.descriptor, for: .read) { self.receive() }
        receive()
        return Session(number: session, inbox: inbox)
    }

    private func begin(_ connection: AMQPConnection, _ streamPrefix: String) {
        self.connection = connection
        session += 1
        tracker = AckTracker()
        batch = Inbox.Batch()
        outOfTurnSince = nil
        isReceiving = true
        canAsk = setting.temporary == nil
        askAt = .now
        reader = DeliveryReader(setting, streamPrefix: streamPrefix)
    }

    /// Makes ``open(from:streamPrefix:)`` fail, if it waits for an answer now or is called later.
    nonisolated func interrupt() { interruption.interrupt() }

    /// Ends the session, and any that would follow, with this error.
    nonisolated func giveUp(_ error: any Error) {
        thread.perform {
            self.assumeIsolated { consumer in
                consumer.hopeless = error
                consumer.inbox?.finish(throwing: error)
            }
        }
    }

    /// Receives no more; what was received and is not taken goes back when the connection is closed.
    func stopReceiving() {
        guard isReceiving, let connection else { return }
        isReceiving = false
        perform { () throws(RabbitMQError) in
            try connection.cancel(consumer: Self.consumerTag, on: Self.channel)
        }
    }

    /// Acknowledges what was answered, and closes the connection. What is not acknowledged goes back to the queue.
    func close() {
        guard let connection else { return }
        isReceiving = false
        settle()
        flushOutOfTurn()
        end(nil)
        connection.close()
    }

    private func end(_ error: RabbitMQError?) {
        connection = nil
        thread.watch(-1, for: []) {}
        thread.wake(at: nil)
        // What nobody has taken comes again.
        _ = inbox?.take()
        inbox?.finish(throwing: error)
        inbox = nil
    }

    /// Does what a lost connection ends.
    private func perform(_ body: () throws(RabbitMQError) -> Void) {
        do throws(RabbitMQError) { try body() } catch { end(error) }
    }

    // MARK: Settling

    /// Tells what became of messages. Returns at once.
    nonisolated func settle(_ new: Answers) {
        let isFirst = answers.withLock { answers in
            answers.append(new)
            return answers.count == 1
        }
        if isFirst { thread.perform { self.assumeIsolated { $0.settle() } } }
    }

    /// Gives a message back to the queue, which delivers it again.
    nonisolated func giveBack(_ tag: UInt64, of session: Int) {
        thread.perform {
            self.assumeIsolated { consumer in
                guard session == consumer.session else { return }
                consumer.perform { () throws(RabbitMQError) in try consumer.reject(tag, requeue: true) }
                consumer.acknowledge()
            }
        }
    }

    private func settle() {
        let new = answers.withLock { answers in
            defer { answers.removeAll(keepingCapacity: true) }
            return answers
        }
        perform { () throws(RabbitMQError) in
            for answers in new where answers.session == session {
                for (index, taken) in answers.taken.enumerated() {
                    let tag = answers.firstTag + UInt64(index)
                    switch taken {
                    case .taken: tracker.finish(tag)
                    case .redeliver: break
                    // A stream has no other place for what it rejects.
                    case .rejected where setting.options.kind == .stream: tracker.finish(tag)
                    case .rejected: try reject(tag, requeue: false)
                    }
                }
            }
        }
        acknowledge()
    }

    private func reject(_ tag: UInt64, requeue: Bool) throws(RabbitMQError) {
        guard let connection, tracker.giveBack(tag) else { return }
        try connection.reject(tag, requeue: requeue, on: Self.channel)
    }

    private func acknowledge() {
        guard let connection else { return }
        perform { () throws(RabbitMQError) in
            if let ack = tracker.takeContiguous() {
                try connection.acknowledge(ack.tag, multiple: ack.multiple, on: Self.channel)
            }
        }
        if tracker.outOfTurn == 0 {
            outOfTurnSince = nil
        } else if tracker.outOfTurn * 2 >= setting.options.prefetch {
            flushOutOfTurn()
        } else if outOfTurnSince == nil {
            outOfTurnSince = .now
        }
        if connection.hasFrames { receive() } else { arm() }
    }

    private func flushOutOfTurn() {
        outOfTurnSince = nil
        guard let connection else { return }
        perform { () throws(RabbitMQError) in
            for ack in tracker.takeOutOfTurn() {
                try connection.acknowledge(ack.tag, multiple: ack.multiple, on: Self.channel)
            }
        }
    }

    // MARK: Time

    private func arm() {
        guard connection != nil else { return }
        var wakeAt = min(lookAt, outOfTurnSince.map { $0 + Self.patience } ?? lookAt)
        if canAsk { wakeAt = min(wakeAt, askAt) }
        thread.wake(at: wakeAt) { self.timeCame() }
    }

    private func timeCame() {
        if let since = outOfTurnSince, since + Self.patience <= .now { flushOutOfTurn() }
        if canAsk, askAt <= .now { askForCount() }
        receive()
    }

    /// Asks how many messages are ready in the queue. That a stream was deleted is noticed by that alone.
    private func askForCount() {
        guard let connection, setting.temporary == nil else { return }
        // One question at a time.
        canAsk = false
        askAt = .now + Self.questionInterval
        perform { () throws(RabbitMQError) in
            try connection.askForCount(of: setting.options.queue, on: Self.questions)
        }
    }

    // MARK: Receiving

    /// Takes everything that the server has sent, and hands the messages over in one go.
    private func receive() {
        guard let connection else { return }
        lookAt = .now + connection.lookInterval
        perform { () throws(RabbitMQError) in
            while let frame = try connection.nextFrame() { try take(frame, connection) }
        }
        handOver()
        arm()
    }

    private func handOver() {
        guard !batch.messages.isEmpty else { return }
        if isReceiving { inbox?.put(batch) }
        batch = Inbox.Batch()
    }

    private func take(_ frame: amqp_frame_t, _ connection: AMQPConnection) throws(RabbitMQError) {
        if Int32(frame.frame_type) == AMQP_FRAME_METHOD {
            try take(frame.payload.method, frame.channel, connection)
        } else if frame.channel == Self.channel, let delivery = try reader.take(frame) {
            connection.release(Self.channel)
            tracker.deliver(delivery.tag)
            guard isReceiving else { return }
            if batch.messages.isEmpty { batch.firstTag = delivery.tag }
            batch.messages.append(delivery.message)
            batch.lastOffset = delivery.offset
        }
    }

    private func take(
        _ method: amqp_method_t, _ channel: UInt16, _ connection: AMQPConnection
    ) throws(RabbitMQError) {
        switch (method.id, channel) {
        case (AMQP_BASIC_DELIVER_METHOD, Self.channel): reader.begin(method)
        case (AMQP_BASIC_CANCEL_METHOD, Self.channel):
            throw RabbitMQError(
                .notFound, "the server ended consuming \(setting.options.queue): the queue was deleted, or has moved")
        case (AMQP_QUEUE_DECLARE_OK_METHOD, Self.questions):
            if let answer = method.decoded?.load(as: amqp_queue_declare_ok_t.self) {
                onCount(Int(answer.message_count))
            }
            canAsk = true
            connection.release(Self.questions)
        case (AMQP_CHANNEL_CLOSE_METHOD, Self.questions):
            // That a stream was deleted is said here alone. Anything else only ends the questions.
            let error = connection.closing(method, channel, of: setting.options.queue)
            connection.release(Self.questions)
            if let error, error.code == .notFound { throw error }
        default:
            if let error = connection.closing(method, channel, of: setting.options.queue) { throw error }
            if channel != Self.channel { connection.release(channel) }
        }
    }
}
