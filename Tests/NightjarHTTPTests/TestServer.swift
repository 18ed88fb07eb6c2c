import AsyncHTTPClient
import CloudEvents
import Foundation
import Logging
import NIOCore
import NIOHTTP1
import Nightjar
import NightjarCore
import NightjarHTTP
import NightjarTestKit

/// A real server on a free port, over a node with a memory store.
struct TestServer: Sendable {
    struct Answer: Sendable {
        var status: Int
        var headers: [String: String]
        var text: String

        var object: [String: Any] {
            (try? JSONSerialization.jsonObject(with: Data(text.utf8))) as? [String: Any] ?? [:]
        }
    }

    let port: Int
    let runtime: Runtime
    let server: HTTPServer

    func request(
        _ method: String, _ path: String, headers: [String: String] = [:], body: String? = nil
    ) async throws -> Answer {
        var request = HTTPClientRequest(url: "http://127.0.0.1:\(port)\(path)")
        request.method = HTTPMethod(rawValue: method)
        for (name, value) in headers { request.headers.add(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(string: body)) }
        let response = try await HTTPClient.shared.execute(request, timeout: .seconds(30))
        let bytes = try await response.body.collect(upTo: 1 << 22)
        return Answer(
            status: Int(response.status.code),
            headers: Dictionary(response.headers.map { ($0.name.lowercased(), $0.value) }) { first, _ in first },
            text: String(buffer: bytes))
    }
}

/// Runs `body` against a server with the jobs `work` and `hopeless`, a bus trigger `bus` and an endpoint `/in`.
func withServer(
    configuration: HTTPServerConfiguration = HTTPServerConfiguration(port: 0),
    endpoints: [HTTPEndpoint] = [HTTPEndpoint(trigger: "in", path: "/in")],
    runtime settings: RuntimeConfiguration = .init(), time: any TimeSource = SystemTimeSource(),
    _ body: @escaping @Sendable (TestServer) async throws -> Void
) async throws {
    let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    let runtime = try Runtime(
        store: MemoryStore(),
        jobs: [
            Job("work") { $0.report(0.5, "half") },
            Job("hopeless") { _ in throw RunFailure.never("no hope") },
        ],
        triggers: [
            Trigger("bus", kind: "event", origin: .bus(EventFilter(types: ["t"])), start: ["work"], summary: "t"),
            Trigger("in", kind: "http", origin: .external, start: ["work"], summary: "/in"),
        ], configuration: settings, time: time, logger: logger)
    let (ports, continuation) = AsyncStream.makeStream(of: Int.self)
    let server = try HTTPServer(
        node: runtime, configuration: configuration, endpoints: endpoints, logger: logger,
        onListening: { _, port in continuation.yield(port) })
    try await withThrowingTaskGroup(of: Void.self) { group in
        group.addTask { try await server.run() }
        group.addTask { try await runtime.run() }
        var iterator = ports.makeAsyncIterator()
        guard let port = await iterator.next() else { throw CancellationError() }
        try await body(TestServer(port: port, runtime: runtime, server: server))
        group.cancelAll()
        do { try await group.waitForAll() } catch is CancellationError {}
    }
}
