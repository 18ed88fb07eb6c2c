import AsyncHTTPClient
import CloudEvents
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Nightjar
import NightjarCore
import NightjarHTTP
import NightjarSQLite
import ServiceLifecycle
import UnixSignals

/// A node with the order example, its page, and what tells of it on the terminal.
struct Demo: Sendable {
    let inbox: URL
    private let store: SQLiteStore
    private let runtime: Runtime
    private let server: HTTPServer
    private let ports: AsyncStream<Int>
    private let listening: AsyncStream<Int>.Continuation
    private let logger: Logger

    init(folder: URL, inbox: URL, port: Int) throws {
        self.inbox = inbox
        var logger = Logger(label: "nightjar.demo", factory: { _ in SwiftLogNoOpLogHandler() })
        logger.logLevel = .critical
        self.logger = logger
        store = try SQLiteStore(path: folder.appendingPathComponent("nightjar.db").path)
        runtime = try Runtime(
            store: store, jobs: DemoJobs.jobs, triggers: DemoJobs.triggers(inbox: inbox),
            configuration: RuntimeConfiguration(drain: .seconds(5)), logger: logger)
        let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
        self.ports = ports
        listening = continuation
        server = try HTTPServer(
            node: runtime, configuration: .init(port: port),
            endpoints: [HTTPEndpoint(trigger: "orders", path: "/orders", eventType: "order.placed")],
            pages: [.init(path: "/", content: DemoPage.html)], logger: logger,
            onListening: { _, port in continuation.yield(port) })
    }

    /// Runs until it is interrupted.
    func run() async throws {
        let group = ServiceGroup(
            configuration: .init(
                services: [.init(service: runtime), .init(service: server)],
                gracefulShutdownSignals: [.sigterm, .sigint], logger: logger))
        try await withThrowingTaskGroup(of: Bool.self) { tasks in
            tasks.addTask {
                try await watch()
                return false
            }
            tasks.addTask {
                for await port in ports {
                    try tell(
                        """
                        Nightjar's order example runs.

                          Place an order:    http://127.0.0.1:\(port)/
                          Save a file here:  \(inbox.path)
                              for instance:  printf 'lamp\\nchair\\n' > \(inbox.path)/orders.csv
                          See every run:     http://127.0.0.1:\(port)/v1/runs

                        Ctrl-C stops it.

                        """)
                    break
                }
                return false
            }
            tasks.addTask {
                try await group.run()
                return true
            }
            for try await isOver in tasks where isOver { tasks.cancelAll() }
        }
        try store.close()
    }

    /// Places an order and saves a file; answers whether every run that must follow has completed in time.
    func runOnce(within limit: Duration) async throws -> Bool {
        let isDone = try await withThrowingTaskGroup(of: Void.self) { tasks in
            tasks.addTask { try await watch() }
            tasks.addTask { [listening] in
                // A server that cannot listen must not be waited for.
                defer { listening.finish() }
                try await server.run()
            }
            tasks.addTask { try await runtime.run() }
            var iterator = ports.makeAsyncIterator()
            guard let port = await iterator.next() else {
                try await tasks.next()
                return false
            }
            try await placeOrder(port)
            try Data("lamp\nchair\n".utf8).write(to: inbox.appendingPathComponent("orders.csv"))
            try tell("saved \(inbox.lastPathComponent)/orders.csv with two orders")
            let isDone = try await expected(within: limit)
            tasks.cancelAll()
            do { try await tasks.waitForAll() } catch is CancellationError {}
            return isDone
        }
        try store.close()
        return isDone
    }

    private func placeOrder(_ port: Int) async throws {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)/orders")
        request.method = .POST
        request.headers.add(name: "content-type", value: "application/json")
        request.body = .bytes(ByteBuffer(string: #"{"item":"teapot","quantity":1}"#))
        let start = ContinuousClock().now
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(10))
        let milliseconds = (ContinuousClock().now - start).microseconds / 1000
        try tell("placed an order: answered \(response.status.code) after \(milliseconds) ms, while its jobs run")
    }

    /// The runs that must follow: the order's three, the import, and one for each imported line.
    private static let expectedRuns = ["charge": 1, "receipt": 1, "search-index": 3, "import-orders": 1]

    private func expected(within limit: Duration) async throws -> Bool {
        let deadline = ContinuousClock().now + limit
        var completed: [String: Int] = [:]
        var open: [Run] = []
        while ContinuousClock().now < deadline {
            let runs = try await runtime.store.runs(RunQuery(limit: 500)).runs
            completed = [:]
            for run in runs where run.state == .completed { completed[run.job, default: 0] += 1 }
            open = runs.filter { $0.state != .completed }
            if let dead = runs.first(where: { $0.state == .dead || $0.state == .cancelled }) {
                try tell("failed: \(dead.job) is \(dead.state): \(dead.reason ?? "for no reason given")")
                return false
            }
            if completed == Self.expectedRuns, open.isEmpty {
                let charge = runs.first { $0.job == "charge" }
                let attempts = charge?.attempts.count ?? 0
                guard attempts == 3 else {
                    try tell("failed: charge took \(attempts) attempts, expected 3")
                    return false
                }
                try tell("every run completed: \(runs.count) of them, charge in its third attempt")
                return true
            }
            try await Task.sleep(for: .milliseconds(50))
        }
        let states = open.map { "\($0.job) is \($0.state)" }.joined(separator: ", ")
        try tell("failed: not done in time. Completed: \(completed), expected: \(Self.expectedRuns). Open: \(states)")
        return false
    }

    /// Tells on the terminal what happens.
    private func watch() async throws {
        for await update in runtime.updates() {
            let job = update.job.padding(toLength: 14, withPad: " ", startingAt: 0)
            let id = update.run.description.suffix(6)
            let note: String
            if let progress = update.progress, update.state == .running {
                note = "\(Int(progress.fraction * 100)) % \(progress.text ?? "")"
            } else {
                note = update.reason ?? ""
            }
            let attempt = update.attempt > 0 ? "attempt \(update.attempt)" : ""
            try tell(
                "  \(id)  \(job) \(update.state.description.padding(toLength: 10, withPad: " ", startingAt: 0)) \(attempt)  \(note)"
            )
        }
    }

    /// Writes a line at once, also when nobody but a file or another program reads it.
    private func tell(_ line: String) throws { try StandardOutput.write(line + "\n") }
}
