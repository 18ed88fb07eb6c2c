import CLibrdkafka
import CloudEvents
import EventThreads
import Foundation
import Synchronization

/// Reads all partitions of some topics from their ends, outside of any group.
actor TailReader {
    private nonisolated let cluster: KafkaCluster
    private nonisolated let handle: KafkaHandle
    private nonisolated let thread: ThreadExecutor
    private nonisolated let pipe: EventPipe
    private nonisolated let isStopped = Atomic<Bool>(false)
    private nonisolated let isAbandoned = Atomic<Bool>(false)
    private let queue: OpaquePointer
    private var readers: [PartitionID: RecordReader] = [:]
    private var waiting: CheckedContinuation<Result<Event?, KafkaError>, Never>?
    nonisolated var unownedExecutor: UnownedSerialExecutor { thread.asUnownedSerialExecutor() }

    init(_ cluster: KafkaCluster) throws {
        try cluster.check()
        self.cluster = cluster
        var properties =
            cluster.clientProperties() + cluster.properties.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        properties += [
            // The library asks for a name; nobody joins this group.
            ("group.id", "nightjar-tail-\(UUID().uuidString)"),
            ("enable.auto.commit", "false"), ("enable.auto.offset.store", "false"), ("auto.offset.reset", "latest"),
            ("isolation.level", "read_committed"), ("allow.auto.create.topics", "false"),
            ("queued.max.messages.kbytes", "4096"), ("fetch.wait.max.ms", "100"),
        ]
        pipe = try EventPipe()
        thread = try ThreadExecutor(name: "kafka-tail")
        do throws(KafkaError) {
            handle = try KafkaHandle(.consumer, properties, events: RD_KAFKA_EVENT_ERROR | RD_KAFKA_EVENT_LOG)
        } catch {
            thread.stop()
            throw error
        }
        rd_kafka_poll_set_consumer(handle.pointer)
        guard let queue = rd_kafka_queue_get_consumer(handle.pointer) else {
            thread.stop()
            throw KafkaError(.other, "librdkafka has no queue for the consumer")
        }
        self.queue = queue
    }

    /// Finds the partitions, and begins at their ends.
    func open(_ topics: [String]) async throws {
        var byte: UInt8 = 1
        rd_kafka_queue_io_event_enable(queue, pipe.writing, &byte, 1)
        // `release` undoes it.
        thread.watch(pipe.reading, for: .read) { self.wokenUp() }
        let partitions = try await find(topics)
        for partition in partitions {
            readers[partition] = RecordReader(partition, source: cluster.uri(ofTopic: partition.topic))
        }
        // The ends of now, not of the time when the broker is asked for messages.
        var starts: [PartitionOffset] = []
        for partition in partitions {
            let bounds = try await handle.bounds(of: partition)
            starts.append(PartitionOffset(partition: partition, offset: bounds.upperBound))
        }
        let code = starts.withList { rd_kafka_assign(handle.pointer, $0) } ?? RD_KAFKA_RESP_ERR__FAIL
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { throw KafkaError(code, "the partitions can't be read") }
    }

    private func find(_ topics: [String]) async throws -> [PartitionID] {
        let all = try await handle.partitions()
        var found: Set<PartitionID> = []
        for topic in topics {
            let partitions: [PartitionID]
            if topic.hasPrefix("^") {
                let pattern = try Regex(topic)
                partitions = all.filter { $0.topic.firstMatch(of: pattern) != nil }
            } else {
                partitions = all.filter { $0.topic == topic }
                if partitions.isEmpty {
                    throw KafkaError(
                        .unknownTopic, "there is no topic \(topic) at \(cluster.brokers.joined(separator: ","))")
                }
            }
            found.formUnion(partitions)
        }
        return found.sorted { "\($0)" < "\($1)" }
    }

    /// The next event; `nil` once it was stopped.
    func next() async throws -> Event? {
        if let result = received() { return try result.get() }
        return try await withCheckedContinuation { waiting = $0 }.get()
    }

    /// From any thread: lets ``next()`` end.
    nonisolated func stop() {
        isStopped.store(true, ordering: .releasing)
        pipe.wake()
    }

    /// From any thread: frees everything. Nothing may be called after that.
    nonisolated func abandon() {
        isAbandoned.store(true, ordering: .releasing)
        stop()
    }

    // MARK: On the thread

    private func wokenUp() {
        pipe.drain()
        if let waiting, let result = received() {
            self.waiting = nil
            waiting.resume(returning: result)
        }
        if isAbandoned.load(ordering: .acquiring) { release() }
    }

    private func release() {
        thread.watch(-1, for: []) {}
        rd_kafka_assign(handle.pointer, nil)
        rd_kafka_queue_io_event_enable(queue, -1, nil, 0)
        KafkaHandle.empty(queue)
        rd_kafka_queue_destroy(queue)
        handle.destroyNow()
        thread.stop()
    }

    private func received() -> Result<Event?, KafkaError>? {
        if isStopped.load(ordering: .acquiring) { return .success(nil) }
        while let event = rd_kafka_queue_poll(queue, 0) {
            defer { rd_kafka_event_destroy(event) }
            switch rd_kafka_event_type(event) {
            case RD_KAFKA_EVENT_FETCH:
                guard let message = rd_kafka_event_message_next(event), let read = read(message) else { continue }
                return .success(read)
            case RD_KAFKA_EVENT_ERROR:
                let text = rd_kafka_event_error_string(event).map { String(cString: $0) }
                let error = KafkaError(rd_kafka_event_error(event), "the topics can't be read", text: text)
                switch error.code {
                case .authentication, .authorization, .unknownTopic, .fatal: return .failure(error)
                default: continue
                }
            default: continue
            }
        }
        return nil
    }

    private func read(_ message: UnsafePointer<rd_kafka_message_t>) -> Event? {
        guard message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR, let topic = message.pointee.rkt else { return nil }
        let partition = PartitionID(
            topic: String(cString: rd_kafka_topic_name(topic)), number: message.pointee.partition)
        return readers[partition].flatMap { try? $0.event(of: RecordView(message)) }
    }
}

/// Holds the reader once there is one.
final class TailOpening: Sendable {
    private let held = Mutex<TailReader?>(nil)

    var reader: TailReader? { held.withLock { $0 } }

    func set(_ reader: TailReader) { held.withLock { $0 = reader } }
}
