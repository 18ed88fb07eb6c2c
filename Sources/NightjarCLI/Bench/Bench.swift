import AsyncHTTPClient
import CloudEvents
import Foundation
import Histogram
import Logging
import NIOCore
import Nightjar
import NightjarCore
import NightjarHTTP
import NightjarSQLite
import Synchronization

/// The measurements of `nightjar bench`.
struct Bench: Sendable {
    /// Times of single things, in microseconds.
    typealias Latencies = Histogram<UInt64>

    let folder: URL
    let payload: [UInt8]

    private var logger: Logger {
        var logger = Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() })
        logger.logLevel = .critical
        return logger
    }

    private func store(_ name: String) throws -> SQLiteStore {
        try SQLiteStore(path: folder.appendingPathComponent(name).path)
    }

    /// Runs a second that plain SQLite accepts, claims and settles, a thousand to a transaction.
    func rawLifecycle(runs: Int) throws -> Double {
        let store = try store("raw.db")
        defer { close(store) }
        return Double(runs) / seconds(try RawLifecycle(store).run(count: runs, batch: 1000, payload: payload))
    }

    /// How long plain SQLite takes to make one event with its run durable.
    func commitLatency() throws -> Latencies {
        let store = try store("commit.db")
        defer { close(store) }
        var latencies = Latencies(numberOfSignificantValueDigits: .three)
        for duration in try RawLifecycle(store).commits(500, payload: payload) {
            latencies.record(UInt64(duration.microseconds))
        }
        return latencies
    }

    /// Runs a second that a node accepts, claims, does (nothing) and settles.
    func lifecycle(runs: Int) async throws -> Double {
        let store = try store("lifecycle.db")
        defer { close(store) }
        let done = Counter(target: runs)
        let job = Job("noop") { _ in done.increment() }
        let runtime = try Runtime(
            store: store, jobs: [job],
            triggers: [Trigger("bench", kind: "event", origin: .bus(EventFilter()), start: ["noop"])],
            configuration: RuntimeConfiguration(concurrency: 4000, claimBatch: 2000), logger: logger)
        return try await running(runtime) {
            let clock = ContinuousClock()
            let start = clock.now
            try await withThrowingTaskGroup(of: Void.self) { group in
                let producers = 4
                for producer in 0..<producers {
                    group.addTask {
                        for first in stride(from: producer * 500, to: runs, by: producers * 500) {
                            let batch = (first..<min(first + 500, runs)).map { number in
                                IncomingEvent(
                                    Event(
                                        id: "\(number)-\(UUID().uuidString)", source: "/bench", type: "bench",
                                        data: payload))
                            }
                            _ = try await runtime.intake.accept(batch)
                        }
                    }
                }
                try await group.waitForAll()
            }
            await done.wait()
            // Done is not settled: the figure ends with the last commit.
            while try await store.counts()["noop"] != nil { await Task.yield() }
            return Double(runs) / seconds(clock.now - start)
        }
    }

    /// From the call that takes an event to the first line of its handler, on an idle node.
    func latency(samples: Int) async throws -> Latencies {
        let store = try store("latency.db")
        defer { close(store) }
        let (starts, continuation) = AsyncStream.makeStream(of: ContinuousClock.Instant.self)
        let job = Job("noop") { _ in continuation.yield(ContinuousClock().now) }
        let runtime = try Runtime(
            store: store, jobs: [job],
            triggers: [Trigger("bench", kind: "event", origin: .bus(EventFilter()), start: ["noop"])], logger: logger)
        return try await running(runtime) {
            var latencies = Latencies(numberOfSignificantValueDigits: .three)
            var iterator = starts.makeAsyncIterator()
            var updates = runtime.updates().makeAsyncIterator()
            for number in 0..<samples {
                let sent = ContinuousClock().now
                _ = try await runtime.intake.accept([
                    IncomingEvent(Event(id: "\(number)", source: "/bench", type: "bench", data: payload))
                ])
                guard let started = await iterator.next() else { break }
                latencies.record(UInt64(max(0, (started - sent).microseconds)))
                // Idle again: the run is settled before the next event.
                while let update = await updates.next(), update.state != .completed {}
            }
            return latencies
        }
    }

    /// Durable POSTs a second to `/v1/events`, each answered after its commit.
    func posts(connections: Int, seconds: Int) async throws -> (perSecond: Double, latencies: Latencies) {
        let store = try store("posts.db")
        defer { close(store) }
        let runtime = try Runtime(
            store: store, jobs: [Job("noop") { _ in }],
            triggers: [Trigger("bench", kind: "event", origin: .bus(EventFilter()), start: ["noop"])],
            configuration: RuntimeConfiguration(concurrency: 1000), logger: logger)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        let server = try HTTPServer(
            node: runtime, configuration: .init(port: 0, maximumConnections: connections + 16), logger: logger,
            onListening: { _, port in continuation.yield(port) })
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await server.run() }
            var iterator = ports.makeAsyncIterator()
            guard let port = await iterator.next() else { throw CancellationError() }
            let result = try await running(runtime) {
                try await LoadGenerator(port: port, connections: connections, payload: payload).run(
                    for: .seconds(seconds))
            }
            group.cancelAll()
            do { try await group.waitForAll() } catch is CancellationError {}
            return result
        }
    }

    /// Runs a node while `body` measures it.
    private func running<Value: Sendable>(
        _ runtime: Runtime, _ body: @Sendable @escaping () async throws -> Value
    ) async throws -> Value {
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runtime.run() }
            let value = try await body()
            group.cancelAll()
            try await group.waitForAll()
            return value
        }
    }

    private func close(_ store: SQLiteStore) {
        do { try store.close() } catch { FileHandle.standardError.write(Data("warning: \(error)\n".utf8)) }
    }

    private func seconds(_ duration: Duration) -> Double { Double(duration.microseconds) / 1_000_000 }
}

/// Counts to a number, and lets one task wait for it.
final class Counter: Sendable {
    private struct State {
        var count = 0
        var waiting: CheckedContinuation<Void, Never>?
    }

    private let target: Int
    private let state = Mutex(State())

    init(target: Int) {
        self.target = target
    }

    func increment() {
        let waiting = state.withLock { state in
            state.count += 1
            return state.count >= target ? state.waiting.take() : nil
        }
        waiting?.resume()
    }

    func wait() async {
        await withCheckedContinuation { continuation in
            let isThere = state.withLock { state in
                if state.count >= target { return true }
                state.waiting = continuation
                return false
            }
            if isThere { continuation.resume() }
        }
    }
}
