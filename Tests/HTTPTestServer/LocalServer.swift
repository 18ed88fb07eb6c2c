public import HTTPTypes
public import Hummingbird
import Logging
import NIOCore
public import NIOSSL
import NightjarHTTP
import Synchronization

/// A request that a server got.
public struct HeardRequest: Sendable {
    public var method: HTTPRequest.Method
    /// With the query.
    public var target: String
    public var headers: HTTPFields
    public var body: [UInt8]

    /// Without the query.
    public var path: String { String(target.prefix { $0 != "?" }) }

    /// The body as text.
    public var text: String { String(decoding: body, as: UTF8.self) }

    /// The only value of a header.
    public subscript(name: String) -> String? {
        HTTPField.Name(name).flatMap { headers[values: $0].count == 1 ? headers[$0] : nil }
    }
}

/// A server did not do as a test wants it to.
public struct LocalServerFailure: Error, CustomStringConvertible {
    public let description: String
}

/// An HTTP server on a free port of the loopback interface that answers what a test wants, for as long as it needs it.
public final class LocalServer: Sendable {
    public typealias Answer = @Sendable (HeardRequest) async throws -> Response

    public let port: Int
    private let scheme: String
    private let heardRequests: Heard

    private final class Heard: Sendable {
        let requests = Mutex<[HeardRequest]>([])
    }

    private init(port: Int, scheme: String, heard: Heard) {
        self.port = port
        self.scheme = scheme
        heardRequests = heard
    }

    /// What it was asked, in order.
    public var requests: [HeardRequest] { heardRequests.requests.withLock { $0 } }

    public func url(_ path: String = "/hook") -> String { "\(scheme)://127.0.0.1:\(port)\(path)" }

    /// Runs a server beside `test`.
    public static func run<Value: Sendable>(
        tls: TLSConfiguration? = nil, answering answer: @escaping Answer,
        _ test: @escaping @Sendable (LocalServer) async throws -> Value
    ) async throws -> Value {
        let heard = Heard()
        let (ports, port) = AsyncStream.makeStream(of: Int.self)
        let responder = CallbackResponder<BasicRequestContext> { request, _ in
            var request = request
            let body = try await request.collectBody(upTo: 16 << 20)
            let asked = HeardRequest(
                method: request.method, target: request.uri.string, headers: request.headers,
                body: Array(body.readableBytesView))
            heard.requests.withLock { $0.append(asked) }
            return try await answer(asked)
        }
        let application = Application(
            responder: responder, server: .orderly(tls: tls),
            configuration: .init(address: .hostname("127.0.0.1", port: 0)),
            onServerRunning: { channel in
                port.yield(channel.localAddress?.port ?? 0)
                port.finish()
            }, logger: Logger(label: "server", factory: { _ in SwiftLogNoOpLogHandler() }))
        return try await withThrowingTaskGroup(of: Value?.self) { group in
            group.addTask {
                // It ends by being cancelled, and answers then that it could not go on.
                try? await application.run()
                return nil
            }
            group.addTask {
                var iterator = ports.makeAsyncIterator()
                let port = await iterator.next() ?? 0
                return try await test(LocalServer(port: port, scheme: tls == nil ? "http" : "https", heard: heard))
            }
            defer { group.cancelAll() }
            guard let value = try await group.next() ?? nil else {
                throw LocalServerFailure(description: "the server ended before the test")
            }
            return value
        }
    }

    /// Runs a server that answers every request with a status.
    public static func run(
        status: Int, headers: HTTPFields = [:], body: String = "",
        _ test: @escaping @Sendable (LocalServer) async throws -> Void
    ) async throws {
        try await run(answering: { _ in response(status, headers, body) }, test)
    }
}

/// An answer with a text as its body.
public func response(_ status: Int, _ headers: HTTPFields = [:], _ body: String = "") -> Response {
    Response(status: .init(code: status), headers: headers, body: .init(byteBuffer: ByteBuffer(string: body)))
}

/// An answer that begins with a text and then does not end.
public func endless(_ status: Int, _ headers: HTTPFields = [:], _ beginning: String) -> Response {
    Response(
        status: .init(code: status), headers: headers,
        body: .init { writer in
            try await writer.write(ByteBuffer(string: beginning))
            try await ContinuousClock().sleep(for: .seconds(1000))
        })
}
