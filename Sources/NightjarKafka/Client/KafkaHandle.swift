import CLibrdkafka
import Dispatch
import NightjarCore
import Synchronization

/// A client of librdkafka: it has threads of its own, and its functions may be called from any thread until it is destroyed.
struct KafkaHandle: @unchecked Sendable {
    enum Kind {
        case consumer
        case producer
    }

    let pointer: OpaquePointer

    /// Makes a client. It connects by itself, and goes on trying.
    /// - Parameter events: which events its queues give, beside messages.
    init(_ kind: Kind, _ properties: [(name: String, value: String)], events: Int32) throws(KafkaError) {
        let configuration = try Self.configuration(properties)
        rd_kafka_conf_set_events(configuration, events)
        var text = [CChar](repeating: 0, count: 512)
        let type = kind == .consumer ? RD_KAFKA_CONSUMER : RD_KAFKA_PRODUCER
        guard let pointer = rd_kafka_new(type, configuration, &text, text.count) else {
            rd_kafka_conf_destroy(configuration)
            throw KafkaError(.configuration, "librdkafka makes no client of these options: \(Self.string(text))")
        }
        self.pointer = pointer
        // Else the library would write to the standard error.
        rd_kafka_set_log_queue(pointer, nil)
    }

    /// Whether the library has the property `fetch.queue.backoff.ms`: since 2.2.
    static let canSetFetchBackoff = rd_kafka_version() >= 0x0202_0000

    /// Whether a client can be made with these properties.
    static func check(_ properties: [(name: String, value: String)], of kind: Kind) throws(KafkaError) {
        rd_kafka_conf_destroy(try configuration(properties))
    }

    private static func configuration(_ properties: [(name: String, value: String)]) throws(KafkaError) -> OpaquePointer
    {
        guard let configuration = rd_kafka_conf_new() else {
            throw KafkaError(.other, "librdkafka makes no configuration: out of memory")
        }
        var text = [CChar](repeating: 0, count: 512)
        for (name, value) in properties {
            guard rd_kafka_conf_set(configuration, name, value, &text, text.count) == RD_KAFKA_CONF_OK else {
                rd_kafka_conf_destroy(configuration)
                throw KafkaError(.configuration, "librdkafka does not take the property \(name): \(string(text))")
            }
        }
        return configuration
    }

    private static func string(_ text: [CChar]) -> String {
        String(decoding: text.prefix { $0 != 0 }.map { UInt8(bitPattern: $0) }, as: UTF8.self)
    }

    /// Ends it; waits for the library's threads, up to 10 seconds. Nothing may be called after that.
    ///
    /// librdkafka 2.0.2 waits for ever if a topic was deleted and made anew meanwhile. Its threads stay behind then, and do
    /// nothing.
    /// - Returns: whether it has ended.
    @discardableResult
    func destroy() async -> Bool {
        await withCheckedContinuation { continuation in
            let first = Once(continuation)
            Self.calls.async {
                destroyNow()
                first.resume(returning: true)
            }
            Self.calls.asyncAfter(deadline: .now() + Self.longestDestruction) { first.resume(returning: false) }
        }
    }

    private static let longestDestruction = DispatchTimeInterval.seconds(10)

    /// Ends it, and holds up the thread meanwhile.
    func destroyNow() {
        // A consumer is closed before, or is beyond closing.
        rd_kafka_destroy_flags(pointer, RD_KAFKA_DESTROY_F_NO_CONSUMER_CLOSE)
    }

    /// Throws away what is in a queue: partitions' messages and errors keep the client from ending.
    static func empty(_ queue: OpaquePointer) {
        while let event = rd_kafka_queue_poll(queue, 0) { rd_kafka_event_destroy(event) }
    }

    /// Calls what waits for brokers, on a thread where that holds up nobody.
    static func blocking<Value: Sendable>(_ body: @escaping @Sendable () -> Value) async -> Value {
        await withCheckedContinuation { continuation in
            calls.async { continuation.resume(returning: body()) }
        }
    }

    private static let calls = DispatchQueue(label: "kafka-calls", attributes: .concurrent)

    /// The cluster's own name for itself, if a broker has told it by now.
    var clusterID: String? {
        guard let text = rd_kafka_clusterid(pointer, 0) else { return nil }
        defer { rd_kafka_mem_free(pointer, text) }
        return String(cString: text)
    }

    /// The reason why this client is of no use any more, if it is.
    var fatalError: KafkaError? {
        var text = [CChar](repeating: 0, count: 512)
        let code = rd_kafka_fatal_error(pointer, &text, text.count)
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR else { return nil }
        var error = KafkaError(code, "the client is of no use any more", text: Self.string(text))
        error.code = .fatal
        return error
    }
}

/// A continuation that the first of several may resume.
private final class Once<Value: Sendable>: Sendable {
    private let continuation: Mutex<CheckedContinuation<Value, Never>?>

    init(_ continuation: CheckedContinuation<Value, Never>) {
        self.continuation = Mutex(continuation)
    }

    func resume(returning value: Value) { continuation.withLock { $0.take() }?.resume(returning: value) }
}
