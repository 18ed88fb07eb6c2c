import CBrokerClients
import CloudEvents
import Foundation
import Logging
import Nightjar
import NightjarCore
import NightjarKafka
import NightjarRabbitMQ
import NightjarSQLite
import Synchronization
import TestServers

/// Measures the sources beside plain C clients, on the same broker, in the same run.
@main
struct BrokerBench {
    static func main() async throws {
        let bench = try BrokerBench(arguments: CommandLine.arguments.dropFirst())
        try FileManager.default.createDirectory(at: bench.folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: bench.folder) }
        let limit = try bench.rawLifecycle()
        report("raw SQLite lifecycle, groups of 1,000", limit, of: nil)
        if bench.systems.contains("rabbitmq") { try await bench.rabbitMQ(limit) }
        if bench.systems.contains("kafka") { try await bench.kafka(limit) }
    }

    let systems: Set<String>
    let folder = FileManager.default.temporaryDirectory.appendingPathComponent("nightjar-bench-\(getpid())")
    private let size: Int32 = 200

    private init(arguments: some Collection<String>) throws {
        systems = arguments.isEmpty ? ["rabbitmq", "kafka"] : Set(arguments)
        guard systems.isSubset(of: ["rabbitmq", "kafka"]) else {
            throw BenchFailure("expected rabbitmq, kafka or both, or nothing for both; got \(arguments)")
        }
    }

    // MARK: The systems

    private func rabbitMQ(_ limit: Double) async throws {
        progress("starting RabbitMQ")
        let server = try RabbitMQServer()
        try await server.start()
        let port = Int32(server.port)
        let (many, few): (Int32, Int32) = (200_000, 40_000)
        func fill(_ queue: String, _ count: Int32) throws {
            try check { raw_rabbitmq_fill("127.0.0.1", port, queue, count, size, &$0) }
        }
        func raw(_ ackEvery: Int32) throws -> Double {
            try fill("raw", many)
            return Double(many) / (try check { raw_rabbitmq_consume("127.0.0.1", port, "raw", many, ackEvery, &$0) })
        }
        func source(_ queue: String) throws -> RabbitMQSource {
            var options = RabbitMQOptions(url: server.url(), queue: queue)
            options.prefetch = 1000
            return try RabbitMQSource(options)
        }
        progress("RabbitMQ, \(many) messages of \(size) bytes")
        let each = try raw(1)
        let hundred = try raw(100)
        Self.report("RabbitMQ, C, acknowledging each", each, of: nil)
        Self.report("RabbitMQ, C, acknowledging each hundred", hundred, of: nil)
        try fill("direct", many)
        let direct = try await run(Int(many), .direct, "rabbitmq", try source("direct"), store: "rabbitmq-direct")
        Self.report("RabbitMQ, direct delivery", direct, of: hundred)
        try fill("stored", few)
        let stored = try await run(Int(few), .stored, "rabbitmq", try source("stored"), store: "rabbitmq-stored")
        Self.report("RabbitMQ, stored delivery, runs completed", stored, of: min(limit, hundred))
    }

    private func kafka(_ limit: Double) async throws {
        progress("starting a Kafka broker")
        let broker = try await TansuBroker()
        let brokers = broker.address
        let (many, few): (Int32, Int32) = (500_000, 40_000)
        try check { raw_kafka_fill(brokers, "many", 4, many, size, &$0) }
        try check { raw_kafka_fill(brokers, "few", 4, few, size, &$0) }
        progress("Kafka, \(many) messages of \(size) bytes in 4 partitions")
        let raw = Double(many) / (try check { raw_kafka_consume(brokers, "many", "raw", many, &$0) })
        Self.report("Kafka, C, a group's consumer", raw, of: nil)
        func source(_ topic: String, _ offsets: KafkaOffsets) throws -> KafkaSource {
            var cluster = KafkaCluster(brokers: brokers)
            cluster.properties["fetch.wait.max.ms"] = "10"
            var options = KafkaOptions(cluster: cluster, topics: [topic], group: "nightjar-\(topic)")
            options.offsets = offsets
            options.sessionTimeout = .seconds(6)
            return try KafkaSource(options)
        }
        let direct = try await run(
            Int(many), .direct, "kafka", try source("many", .broker), store: "kafka-direct")
        Self.report("Kafka, direct delivery", direct, of: raw)
        let stored = try await run(Int(few), .stored, "kafka", try source("few", .store), store: "kafka-stored")
        Self.report("Kafka, stored delivery, runs completed", stored, of: min(limit, raw))
    }

    // MARK: Measuring

    private func rawLifecycle() throws -> Double {
        progress("raw SQLite")
        let store = try SQLiteStore(path: folder.appendingPathComponent("raw.db").path)
        defer { close(store) }
        let runs = 40_000
        let payload = [UInt8](repeating: UInt8(ascii: "x"), count: Int(size))
        return Double(runs) / Self.seconds(try RawLifecycle(store).run(count: runs, batch: 1000, payload: payload))
    }

    /// Messages a second, from the first handler to the last; with stored delivery to the last commit.
    private func run(
        _ count: Int, _ delivery: Delivery, _ kind: String, _ source: any EventSource, store name: String
    ) async throws -> Double {
        progress("\(kind), \(delivery.rawValue) delivery, \(count) messages")
        let store = try SQLiteStore(path: folder.appendingPathComponent("\(name).db").path)
        defer { close(store) }
        let done = Milestones(count)
        var trigger = Trigger("bench", kind: kind, origin: .source(source), start: ["count"])
        trigger.delivery = delivery
        var logger = Logger(label: "bench") { StreamLogHandler.standardError(label: $0) }
        logger.logLevel = .warning
        let runtime = try Runtime(
            store: store, jobs: [Job("count") { _ in done.pass() }], triggers: [trigger],
            configuration: RuntimeConfiguration(concurrency: delivery == .direct ? 64 : 4000, claimBatch: 2000),
            logger: logger)
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runtime.run() }
            await done.wait()
            if delivery == .stored {
                while try await store.counts()["count"] != nil { await Task.yield() }
            }
            let elapsed = done.sinceFirst
            group.cancelAll()
            try await group.waitForAll()
            return Double(count) / Self.seconds(elapsed)
        }
    }

    private func close(_ store: SQLiteStore) {
        do { try store.close() } catch { progress("warning: \(error)") }
    }

    private func progress(_ text: String) { FileHandle.standardError.write(Data("\(text)\n".utf8)) }

    private static func seconds(_ duration: Duration) -> Double {
        let (seconds, attoseconds) = duration.components
        return Double(seconds) + Double(attoseconds) / 1e18
    }

    private static func report(_ what: String, _ perSecond: Double, of base: Double?) {
        let ratio = base.map { String(format: "  %.2f of its limit", perSecond / $0) } ?? ""
        print(what.padding(toLength: 46, withPad: " ", startingAt: 0) + String(format: "%10.0f/s", perSecond) + ratio)
    }

    @discardableResult
    private func check<Number: SignedNumeric & Comparable>(
        _ body: (inout UnsafePointer<CChar>?) -> Number
    ) throws -> Number {
        var error: UnsafePointer<CChar>?
        let value = body(&error)
        guard value >= 0 else { throw BenchFailure(error.map { String(cString: $0) } ?? "a C client failed") }
        return value
    }
}

/// Why nothing could be measured.
struct BenchFailure: Error, CustomStringConvertible {
    var description: String
    init(_ description: String) { self.description = description }
}

/// Notes when the first came, and lets a task wait for the last.
final class Milestones: Sendable {
    private struct State {
        var count = 0
        var first: ContinuousClock.Instant?
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let target: Int
    private let state = Mutex(State())

    init(_ target: Int) { self.target = target }

    var sinceFirst: Duration { state.withLock { $0.first.map { .now - $0 } ?? .zero } }

    func pass() {
        let waiting = state.withLock { state in
            if state.first == nil { state.first = .now }
            state.count += 1
            return state.count >= target ? state.waiting.take() : nil
        }
        waiting?.resume()
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.count < target { state.waiting = continuation }
                return state.count >= target
            }
            if isThere { continuation.resume() }
        }
    }
}
