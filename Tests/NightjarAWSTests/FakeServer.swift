import HTTPTypes
import Hummingbird
import HummingbirdCore
import HummingbirdTLS
import Logging
import NIOCore
import NIOSSL
import Synchronization
import TestServers

/// What a fake server is asked.
struct FakeRequest: Sendable {
    var method: String
    /// With the query.
    var target: String
    var headers: [String: String]
    var body: String
}

/// What a fake server answers.
struct FakeAnswer: Sendable {
    var status = 200
    var headers: [String: String] = [:]
    var body = ""

    static func json(_ body: String, status: Int = 200) -> FakeAnswer {
        FakeAnswer(status: status, headers: ["content-type": "application/x-amz-json-1.0"], body: body)
    }
}

/// A server on a free port of the loopback interface that answers what a test wants, for what no real one here does.
final class FakeServer: Sendable {
    let port: Int
    private let scheme: String
    private let heard: Heard

    private final class Heard: Sendable {
        let requests = Mutex<[FakeRequest]>([])
    }

    var url: String { "\(scheme)://127.0.0.1:\(port)" }
    var requests: [FakeRequest] { heard.requests.withLock { $0 } }

    private init(port: Int, scheme: String, heard: Heard) {
        self.port = port
        self.scheme = scheme
        self.heard = heard
    }

    /// Runs a server beside `body`.
    static func run<Value: Sendable>(
        tls: TLSConfiguration? = nil, answering answer: @escaping @Sendable (FakeRequest) async -> FakeAnswer,
        _ body: @escaping @Sendable (FakeServer) async throws -> Value
    ) async throws -> Value {
        let heard = Heard()
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let responder = CallbackResponder<BasicRequestContext> { request, _ in
            var request = request
            let bytes = try await request.collectBody(upTo: 16 << 20)
            let asked = FakeRequest(
                method: request.method.rawValue, target: request.uri.string,
                headers: Dictionary(
                    request.headers.map { ($0.name.canonicalName, $0.value) } + [
                        ("host", request.head.authority ?? "")
                    ],
                    uniquingKeysWith: { first, _ in first }),
                body: String(buffer: bytes))
            heard.requests.withLock { $0.append(asked) }
            let answer = await answer(asked)
            var fields = HTTPFields()
            for (name, value) in answer.headers {
                if let name = HTTPField.Name(name) { fields[name] = value }
            }
            return Response(
                status: .init(code: answer.status), headers: fields,
                body: .init(byteBuffer: ByteBuffer(string: answer.body)))
        }
        let application = Application(
            responder: responder,
            server: tls == nil ? .http1() : try .tls(.http1(), tlsConfiguration: tls ?? .clientDefault),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                port.yield(channel.localAddress?.port ?? 0)
                port.finish()
            }, logger: Logger(label: "server", factory: { _ in SwiftLogNoOpLogHandler() }))
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                try? await application.run()
                return nil
            }
            group.addTask {
                var iterator = ports.makeAsyncIterator()
                let server = FakeServer(
                    port: await iterator.next() ?? 0, scheme: tls == nil ? "http" : "https", heard: heard)
                return try await body(server)
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() ?? nil else {
                throw TestServerFailure("the server ended before the test")
            }
            return value
        }
    }
}
