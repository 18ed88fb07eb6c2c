import CloudEvents
import Foundation
import Logging
import Nightjar
import NightjarCore
import Synchronization
import TestServers
import Waiting

@testable import NightjarRabbitMQ

/// What a source tells of itself while it runs.
final class SourceLog: Sendable {
    private struct State {
        var health: [(value: SourceHealth, at: ContinuousClock.Instant)] = []
        var measures: [SourceMeasure] = []
    }

    private let state = Mutex(State())

    var health: SourceHealth? { state.withLock { $0.health.last?.value } }
    var allHealth: [SourceHealth] { state.withLock { $0.health.map(\.value) } }
    var measures: [SourceMeasure] { state.withLock { $0.measures } }
    var reconnects: Int { measures.count { $0 == .reconnected } }

    /// What failed first since that moment, and when.
    func firstFailure(since begin: ContinuousClock.Instant) -> (reason: String, at: ContinuousClock.Instant)? {
        for case (.failing(let reason), let moment) in state.withLock({ $0.health }) where moment >= begin {
            return (reason, moment)
        }
        return nil
    }

    func add(_ health: SourceHealth) {
        let now = ContinuousClock.now
        state.withLock { $0.health.append((health, now)) }
    }

    func add(_ measure: SourceMeasure) { state.withLock { $0.measures.append(measure) } }

    var failure: String? {
        if case .failing(let reason)? = health { reason } else { nil }
    }
}

/// Runs a source while `body` runs, then stops it as the engine does, and waits for its end.
func receiving<Value: Sendable>(
    _ options: RabbitMQOptions, _ intake: some Intake, state: [String: [UInt8]] = [:],
    time: any TimeSource = SystemTimeSource(),
    waitsUntilRunning: Bool = true,
    _ body: (SourceLog) async throws -> Value
) async throws -> Value {
    let source = try RabbitMQSource(options)
    let watched = SourceLog()
    let context = SourceContext(
        trigger: "orders", intake: intake, state: { state }, health: { watched.add($0) }, measure: { watched.add($0) },
        time: time, logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() })
    return try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask {
            do { try await source.run(context) } catch is CancellationError {} catch let error as IntakeError {
                watched.add(.failing("run: \(error)"))
            }
        }
        do {
            if waitsUntilRunning { try await eventually("the source runs") { watched.health == .running } }
            let value = try await body(watched)
            group.cancelAll()
            try await group.waitForAll()
            return value
        } catch {
            group.cancelAll()
            throw error
        }
    }
}

/// A server that tests share which do it no harm.
actor SharedServer {
    static let instance = SharedServer()
    private var starting: Task<RabbitMQServer, any Error>?

    static func server() async throws -> RabbitMQServer { try await instance.server() }

    private func server() async throws -> RabbitMQServer {
        if let starting { return try await starting.value }
        let task = Task {
            let server = try RabbitMQServer(configuration: ["max_message_size = 2000000"], withTLS: true)
            try await server.start()
            return server
        }
        starting = task
        return try await task.value
    }
}

extension RabbitMQServer {
    /// A queue's name that no other test has.
    func unique(_ name: String) -> String { "\(name)-\(UUID().uuidString.prefix(8).lowercased())" }

    func options(
        _ queue: String, kind: RabbitMQOptions.Kind = .classic, _ change: (inout RabbitMQOptions) -> Void = { _ in }
    ) -> RabbitMQOptions {
        var options = RabbitMQOptions(url: url(), queue: queue, kind: kind)
        change(&options)
        return options
    }

    /// Sends numbered messages as pika does: persistent, and confirmed.
    func send(_ count: Int, to queue: String, from first: Int = 0, properties: String = "delivery_mode=2") throws {
        try python(
            """
            for i in range(\(first), \(first + count)):
                channel.basic_publish("", "\(queue)", str(i), pika.BasicProperties(\(properties)), mandatory=True)
            """)
    }

    func declare(_ queue: String, arguments: String = "{}") throws {
        try python(
            #"channel.queue_declare(sys.argv[1], durable=True, arguments=json.loads(sys.argv[2]))"#, queue, arguments)
    }

    /// How many messages are ready: neither taken nor held by a consumer.
    func ready(_ queue: String) throws -> Int {
        Int(
            try python("print(channel.queue_declare(sys.argv[1], passive=True).method.message_count)", queue)
                .trimmingCharacters(in: .whitespacesAndNewlines)) ?? -1
    }

    /// How many messages are ready, and how many are with consumers.
    func depth(_ queue: String) throws -> (ready: Int, unacknowledged: Int) {
        let lines = try control("list_queues", "name", "messages_ready", "messages_unacknowledged").split(
            separator: "\n")
        for line in lines {
            let parts = line.split(separator: "\t")
            if parts.count == 3, parts[0] == queue { return (Int(parts[1]) ?? -1, Int(parts[2]) ?? -1) }
        }
        throw TestServerFailure("no queue \(queue): \(lines)")
    }
}
