import CLibrabbitmq
import Foundation

/// One connection of librabbitmq, with the channels that are opened on it. Used from one thread.
///
/// Calls that ask the server something wait for its answer, for as long as the options say. What comes meanwhile is kept, and
/// answered by ``nextFrame()``.
final class AMQPConnection {
    let address: RabbitMQAddress
    let state: amqp_connection_state_t
    private let timeout: Duration
    /// Lends what a call needs; forgotten with the next one.
    let memory = AMQPMemory()
    private let interruption: Interruption
    /// Whether nothing more can be sent: the connection was lost, or the server has closed it.
    var isLost = false

    /// Connects and logs in.
    /// - Parameter interruption: ends any waiting for answers when it comes.
    /// - Throws: ``RabbitMQError``.
    init(
        _ options: RabbitMQConnectionOptions, at address: RabbitMQAddress, _ interruption: Interruption = Interruption()
    ) throws(RabbitMQError) {
        guard let state = amqp_new_connection() else {
            throw RabbitMQError(.connection, "no memory for a connection to \(address.shown)")
        }
        self.state = state
        self.interruption = interruption
        self.address = address
        timeout = options.timeout
        try connect(options)
        interruption.use(descriptor)
        var limit = timeval(options.timeout)
        amqp_set_handshake_timeout(state, &limit)
        amqp_set_rpc_timeout(state, &limit)
        try logIn(options)
    }

    deinit {
        interruption.forget()
        amqp_destroy_connection(state)
    }

    /// What becomes readable when the server has sent something.
    var descriptor: Int32 { amqp_get_sockfd(state) }

    /// After so long without a sign of life, this side must have looked for one.
    var lookInterval: Duration { .milliseconds(max(1, Int(amqp_get_heartbeat(state))) * 500) }

    // MARK: Telling

    /// Says goodbye, so that the server sees no failure; waits for its answer, but not long.
    func close() {
        guard !isLost else { return }
        isLost = true
        var limit = timeval(min(timeout, .seconds(3)))
        amqp_set_rpc_timeout(state, &limit)
        amqp_set_handshake_timeout(state, &limit)
        amqp_connection_close(state, AMQP_REPLY_SUCCESS)
    }

    func acknowledge(_ tag: UInt64, multiple: Bool, on channel: UInt16) throws(RabbitMQError) {
        try sent(amqp_basic_ack(state, channel, tag, multiple ? 1 : 0))
    }

    func reject(_ tag: UInt64, requeue: Bool, on channel: UInt16) throws(RabbitMQError) {
        try sent(amqp_basic_reject(state, channel, tag, requeue ? 1 : 0))
    }

    func cancel(consumer tag: String, on channel: UInt16) throws(RabbitMQError) {
        memory.reset()
        var method = amqp_basic_cancel_t(consumer_tag: memory.bytes(tag), nowait: 0)
        try send(AMQP_BASIC_CANCEL_METHOD, &method, on: channel)
    }

    /// Asks how many messages are ready; ``nextFrame()`` brings the answer.
    func askForCount(of queue: String, on channel: UInt16) throws(RabbitMQError) {
        memory.reset()
        var method = amqp_queue_declare_t()
        method.queue = memory.bytes(queue)
        method.passive = 1
        method.arguments = amqp_table_t(num_entries: 0, entries: nil)
        try send(AMQP_QUEUE_DECLARE_METHOD, &method, on: channel)
    }

    func confirmChannelClose(_ channel: UInt16) throws(RabbitMQError) {
        var method = amqp_channel_close_ok_t()
        try send(AMQP_CHANNEL_CLOSE_OK_METHOD, &method, on: channel)
    }

    /// Answers the server's goodbye. The connection is lost then.
    func confirmClose() {
        var method = amqp_connection_close_ok_t()
        try? send(AMQP_CONNECTION_CLOSE_OK_METHOD, &method, on: 0)
        isLost = true
    }

    private func send(
        _ id: amqp_method_number_t, _ method: UnsafeMutableRawPointer, on channel: UInt16
    ) throws(RabbitMQError) {
        try sent(amqp_send_method(state, channel, id, method))
    }

    /// Sends a message. Its confirmation comes later.
    func publish(_ message: borrowing OutgoingMessage, on channel: UInt16) throws(RabbitMQError) {
        memory.reset()
        var properties = message.properties(memory)
        let status = message.body.withUnsafeBufferPointer { body in
            amqp_basic_publish(
                state, channel, memory.bytes(message.options.exchange), memory.bytes(message.options.routingKey),
                message.options.mandatory ? 1 : 0, 0, &properties,
                amqp_bytes_t(len: body.count, bytes: UnsafeMutableRawPointer(mutating: body.baseAddress)))
        }
        if status == AMQP_STATUS_TABLE_TOO_BIG.rawValue {
            throw RabbitMQError(.tooLarge, "the message's headers are larger than a frame of \(address.shown)")
        }
        try sent(status)
    }

    /// Whether what is sent waits for more to be sent with it.
    var gathersWrites = false {
        didSet {
            var flag: Int32 = gathersWrites ? 1 : 0
            #if os(Linux)
                let option = TCP_CORK
            #else
                let option = TCP_NOPUSH
            #endif
            setsockopt(descriptor, Int32(IPPROTO_TCP), option, &flag, socklen_t(MemoryLayout<Int32>.size))
        }
    }

    /// Whether a little more can be sent without waiting for the server to read.
    var canSend: Bool {
        var descriptor = pollfd(fd: descriptor, events: Int16(POLLOUT), revents: 0)
        return poll(&descriptor, 1, 0) == 1
    }

    // MARK: Receiving

    /// The next thing that the server said; `nil` if there is nothing yet. What it points to is kept until ``release(_:)``.
    /// Sends a heartbeat if one is due.
    /// - Throws: ``RabbitMQError`` if the connection is lost, or the server was silent for too long.
    func nextFrame() throws(RabbitMQError) -> amqp_frame_t? {
        var frame = amqp_frame_t()
        let status = nightjar_amqp_next_frame(state, &frame)
        if status == AMQP_STATUS_OK.rawValue { return frame }
        if status == AMQP_STATUS_TIMEOUT.rawValue { return nil }
        throw lost(status)
    }

    /// Frees what the frames of a channel point to, unless there are others that still wait.
    func release(_ channel: UInt16) { amqp_maybe_release_buffers_on_channel(state, channel) }

    /// Whether something was received that ``nextFrame()`` has not brought yet.
    var hasFrames: Bool { amqp_frames_enqueued(state) != 0 || amqp_data_in_buffer(state) != 0 }

    // MARK: Failures

    /// What the server says by ending a channel or the connection; `nil` if the method does not. Answers it.
    func closing(_ method: amqp_method_t, _ channel: UInt16, of subject: String) -> RabbitMQError? {
        switch method.id {
        case AMQP_CHANNEL_CLOSE_METHOD:
            let error = exception(method, subject)
            try? confirmChannelClose(channel)
            return error
        case AMQP_CONNECTION_CLOSE_METHOD: return exception(method, "the connection to \(address.shown) was ended")
        default: return nil
        }
    }

    private func sent(_ status: Int32) throws(RabbitMQError) {
        guard status == AMQP_STATUS_OK.rawValue else { throw lost(status) }
    }

    private func lost(_ status: Int32) -> RabbitMQError {
        isLost = true
        return RabbitMQError(.connection, "the connection to \(address.shown) was lost: \(Self.text(status))")
    }

    func checkLast(_ doing: String) throws(RabbitMQError) {
        try check(amqp_get_rpc_reply(state), doing)
    }

    func check(_ reply: amqp_rpc_reply_t, _ doing: String) throws(RabbitMQError) {
        switch reply.reply_type {
        case AMQP_RESPONSE_NORMAL: return
        case AMQP_RESPONSE_SERVER_EXCEPTION: throw exception(reply.reply, doing)
        default:
            isLost = true
            let status =
                reply.reply_type == AMQP_RESPONSE_NONE ? AMQP_STATUS_CONNECTION_CLOSED.rawValue : reply.library_error
            throw RabbitMQError(.connection, "\(doing): \(address.shown): \(Self.text(status))")
        }
    }

    private func exception(_ method: amqp_method_t, _ doing: String) -> RabbitMQError {
        guard let decoded = method.decoded else {
            isLost = true
            return RabbitMQError(.server, "\(doing): \(address.shown) refused without saying why")
        }
        if method.id == AMQP_CHANNEL_CLOSE_METHOD {
            let close = decoded.load(as: amqp_channel_close_t.self)
            return .server(Int(close.reply_code), close.reply_text.text, while: doing)
        }
        let close = decoded.load(as: amqp_connection_close_t.self)
        let error = RabbitMQError.server(Int(close.reply_code), close.reply_text.text, while: doing)
        confirmClose()
        return error
    }

    static func text(_ status: Int32) -> String {
        status == AMQP_STATUS_HEARTBEAT_TIMEOUT.rawValue
            ? "it was silent for too long" : String(cString: amqp_error_string2(status))
    }
}

/// What a queue is to be like.
struct QueueDeclaration {
    var name: String
    /// Whether it must be there, whatever it is like.
    var isPassive = false
    var durable = false
    var exclusive = false
    var autoDelete = false
    var arguments: [String: RabbitMQValue] = [:]
}

extension timeval {
    init(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(tv_sec: .init(seconds), tv_usec: .init(attoseconds / 1_000_000_000_000))
    }
}
