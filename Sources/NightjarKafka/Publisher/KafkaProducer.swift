import CLibrdkafka
import EventThreads
import Logging
import NightjarCore
import Synchronization

/// An idempotent producer. Its delivery reports come on a thread of its own, which librdkafka wakes through a pipe.
actor KafkaProducer {
    private nonisolated let handle: KafkaHandle
    private nonisolated let thread: ThreadExecutor
    private nonisolated let pipe: EventPipe
    private nonisolated let reports = DeliveryReports()
    /// What was last wrong with the connection; tells why a message was not confirmed in time.
    private nonisolated let trouble = Mutex<KafkaError?>(nil)
    /// Held while librdkafka is given a message, so that it is not freed meanwhile.
    private nonisolated let isClosed = Mutex(false)
    private nonisolated let isAbandoned = Atomic<Bool>(false)
    private let queue: OpaquePointer
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(_ options: KafkaPublishOptions) throws {
        let events = RD_KAFKA_EVENT_DR | RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG
        pipe = try EventPipe()
        thread = try ThreadExecutor(name: "kafka-producer")
        do throws(KafkaError) {
            handle = try KafkaHandle(.producer, options.producerProperties(), events: events)
        } catch {
            thread.stop()
            throw error
        }
        guard let queue = rd_kafka_queue_get_main(handle.pointer) else {
            thread.stop()
            throw KafkaError(.other, "librdkafka has no queue for the producer")
        }
        self.queue = queue
    }

    /// Listens for reports.
    func open() {
        var byte: UInt8 = 1
        rd_kafka_queue_io_event_enable(queue, pipe.writing, &byte, 1)
        // `close` undoes it.
        thread.watch(pipe.reading, for: .read) { self.serve() }
        serve()
    }

    /// Publishes the record.
    /// - Returns: where it stands, as soon as all replicas in sync have it.
    /// - Throws: ``KafkaError``; `CancellationError`: it may be published then, or not.
    nonisolated func produce(_ record: ProducedRecord) async throws -> KafkaReceipt {
        while true {
            let number = reports.newNumber()
            let outcome = await withTaskCancellationHandler {
                await withCheckedContinuation { continuation in
                    reports.wait(for: number, continuation)
                    if Task.isCancelled {
                        reports.refuse(number, CancellationError())
                    } else if let error = isClosed.withLock({ $0 ? Self.closed : send(record, number) }) {
                        reports.refuse(number, error)
                    }
                }
            } onCancel: {
                reports.abandon(number)
            }
            if case .failure(let error as KafkaError) = outcome,
                error.underlying?.number == RD_KAFKA_RESP_ERR__QUEUE_FULL.rawValue
            {
                await reports.waitForRoom()
                try Task.checkCancellation()
                continue
            }
            return try outcome.get()
        }
    }

    /// Waits for what is on its way, for so long, and ends.
    func close(within patience: Duration) async {
        let handle = handle
        let milliseconds = Int32(clamping: patience.milliseconds)
        let isFlushed = await KafkaHandle.blocking {
            rd_kafka_flush(handle.pointer, milliseconds) == RD_KAFKA_RESP_ERR_NO_ERROR
        }
        if !isFlushed {
            rd_kafka_purge(handle.pointer, RD_KAFKA_PURGE_F_QUEUE | RD_KAFKA_PURGE_F_INFLIGHT)
            _ = await KafkaHandle.blocking { rd_kafka_flush(handle.pointer, 1000) }
        }
        serve()
        release()
        await handle.destroy()
        thread.stop()
    }

    private static let closed = KafkaError(.closed, "the message was not published: the publisher was closed")

    private func release() {
        isClosed.withLock { $0 = true }
        reports.refuseAll(Self.closed)
        thread.watch(-1, for: []) {}
        rd_kafka_queue_io_event_enable(queue, -1, nil, 0)
        rd_kafka_queue_destroy(queue)
    }

    /// Ends without waiting for anything, on its thread; for those who can't wait.
    nonisolated func abandon() {
        isAbandoned.store(true, ordering: .releasing)
        pipe.wake()
    }

    private nonisolated func send(_ record: ProducedRecord, _ number: UInt) -> KafkaError? {
        let what = "the message for \(record.topic) was not published"
        guard let headers = rd_kafka_headers_new(record.headers.count) else { return KafkaError(.other, what) }
        for header in record.headers {
            var value = header.value
            value.withUTF8 { _ = rd_kafka_header_add(headers, header.name, -1, $0.baseAddress, $0.count) }
        }
        let error = record.topic.withCString { topic in
            Self.withBytes(record.key) { key in
                Self.withBytes(record.value) { value in
                    var parts = Parts()
                    parts.add(RD_KAFKA_VTYPE_TOPIC) { $0.cstr = topic }
                    parts.add(RD_KAFKA_VTYPE_PARTITION) { $0.i32 = record.partition ?? -1 }
                    parts.add(RD_KAFKA_VTYPE_MSGFLAGS) { $0.i = Int32(RD_KAFKA_MSG_F_COPY) }
                    parts.add(RD_KAFKA_VTYPE_KEY) { $0.mem = .init(ptr: key.baseAddress, size: key.count) }
                    parts.add(RD_KAFKA_VTYPE_VALUE) { $0.mem = .init(ptr: value.baseAddress, size: value.count) }
                    parts.add(RD_KAFKA_VTYPE_HEADERS) { $0.headers = headers }
                    parts.add(RD_KAFKA_VTYPE_OPAQUE) { $0.ptr = UnsafeMutableRawPointer(bitPattern: number) }
                    return KafkaError(
                        consuming: rd_kafka_produceva(handle.pointer, parts.values, parts.values.count), what)
                }
            }
        }
        // The library owns the headers of what it takes.
        if error != nil { rd_kafka_headers_destroy(headers) }
        return error
    }

    private struct Parts {
        var values: [rd_kafka_vu_t] = []

        mutating func add(_ type: rd_kafka_vtype_t, _ set: (inout rd_kafka_vu_s.__Unnamed_union_u) -> Void) {
            var part = rd_kafka_vu_t()
            part.vtype = type
            set(&part.u)
            values.append(part)
        }
    }

    /// `nil` is no pointer; nothing at all is one, to a byte that isn't read.
    private static func withBytes<Value>(_ bytes: [UInt8]?, _ body: (UnsafeMutableRawBufferPointer) -> Value) -> Value {
        guard var bytes else { return body(UnsafeMutableRawBufferPointer(start: nil, count: 0)) }
        let count = bytes.count
        if bytes.isEmpty { bytes = [0] }
        return bytes.withUnsafeMutableBytes { body(UnsafeMutableRawBufferPointer(rebasing: $0[..<count])) }
    }

    // MARK: On the thread

    private func serve() {
        pipe.drain()
        while let event = rd_kafka_queue_poll(queue, 0) {
            switch rd_kafka_event_type(event) {
            case RD_KAFKA_EVENT_DR:
                while let message = rd_kafka_event_message_next(event) { report(message.pointee) }
            case RD_KAFKA_EVENT_ERROR: failed(event)
            default: break
            }
            rd_kafka_event_destroy(event)
        }
        if isAbandoned.load(ordering: .acquiring) {
            release()
            handle.destroyNow()
            thread.stop()
        }
    }

    private func report(_ message: rd_kafka_message_t) {
        let number = UInt(bitPattern: message._private)
        let topic = message.rkt.map { String(cString: rd_kafka_topic_name($0)) } ?? ""
        if message.err == RD_KAFKA_RESP_ERR_NO_ERROR {
            trouble.withLock { $0 = nil }
            let receipt = KafkaReceipt(topic: topic, partition: message.partition, offset: message.offset)
            return reports.report(number, .success(receipt))
        }
        var error = KafkaError(message.err, "the message for \(topic) was not confirmed")
        if error.code == .timeout, let trouble = trouble.withLock({ $0 }) {
            error.message += "; \(trouble.message)"
            error.code = trouble.code
        }
        if let fatal = handle.fatalError { error = fatal }
        reports.report(number, .failure(error))
    }

    private func failed(_ event: OpaquePointer) {
        let code = rd_kafka_event_error(event)
        let text = rd_kafka_event_error_string(event).map { String(cString: $0) }
        let error = KafkaError(code, "the brokers can't be used", text: text)
        trouble.withLock { trouble in
            // That no broker is there says less than why they refuse this client.
            if error.code == .connection, trouble?.code == .authentication { return }
            trouble = error
        }
    }
}
