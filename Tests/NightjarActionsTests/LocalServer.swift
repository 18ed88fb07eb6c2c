import HTTPTypes
import Hummingbird
import Logging
import NIOCore
import NightjarActions
import Synchronization

/// A request that a server got.
struct HeardRequest: Sendable {
    var method: HTTPRequest.Method
    var path: String
    var headers: HTTPFields
    var body: [UInt8]

    /// The only value of a header.
    subscript(name: String) -> String? {
        HTTPField.Name(name).flatMap { headers[values: $0].count == 1 ? headers[$0] : nil }
    }
}

/// An HTTP server on a free port of the loopback interface, for as long as a test needs it.
final class LocalServer: Sendable {
    typealias Answer = @Sendable (HeardRequest) async throws -> Response

    let port: Int
    private let heardRequests: Heard

    private final class Heard: Sendable {
        let requests = Mutex<[HeardRequest]>([])
    }

    private init(port: Int, heard: Heard) {
        self.port = port
        heardRequests = heard
    }

    /// What it was asked, in order.
    var requests: [HeardRequest] { heardRequests.requests.withLock { $0 } }

    func url(_ path: String = "/hook") -> String { "http://127.0.0.1:\(port)\(path)" }

    /// Runs a server beside `test`.
    static func run(
        answering answer: @escaping Answer, _ test: @escaping @Sendable (LocalServer) async throws -> Void
    ) async throws {
        let heard = Heard()
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let responder = CallbackResponder<BasicRequestContext> { request, _ in
            var request = request
            let body = try await request.collectBody(upTo: 16 << 20)
            let asked = HeardRequest(
                method: request.method, path: request.uri.path, headers: request.headers,
                body: Array(body.readableBytesView))
            heard.requests.withLock { $0.append(asked) }
            return try await answer(asked)
        }
        let application = Application(
            responder: responder, configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                port.yield(channel.localAddress?.port ?? 0)
                port.finish()
            }, logger: Logger(label: "server", factory: { _ in SwiftLogNoOpLogHandler() }))
        try await withThrowingTaskGroup(of: Bool.self) { group in
            group.addTask {
                // It ends by being cancelled, and answers then that it could not go on.
                try? await application.run()
                return false
            }
            group.addTask {
                var iterator = ports.makeAsyncIterator()
                try await test(LocalServer(port: await iterator.next() ?? 0, heard: heard))
                return true
            }
            let isDone = try await group.next() ?? false
            group.cancelAll()
            if !isDone { throw TestFailure(description: "the server ended before the test") }
        }
    }

    /// Runs a server that answers every request with a status.
    static func run(
        status: Int, headers: HTTPFields = [:], body: String = "",
        _ test: @escaping @Sendable (LocalServer) async throws -> Void
    ) async throws {
        try await run(answering: { _ in response(status, headers, body) }, test)
    }
}

/// An answer with a text as its body.
func response(_ status: Int, _ headers: HTTPFields = [:], _ body: String = "") -> Response {
    Response(status: .init(code: status), headers: headers, body: .init(byteBuffer: ByteBuffer(string: body)))
}

/// An answer that begins with a text and then does not end.
func endless(_ status: Int, _ headers: HTTPFields = [:], _ beginning: String) -> Response {
    Response(
        status: .init(code: status), headers: headers,
        body: .init { writer in
            try await writer.write(ByteBuffer(string: beginning))
            try await ContinuousClock().sleep(for: .seconds(1000))
        })
}
