import Foundation
import Hummingbird
import HummingbirdCore
public import Logging
import NIOCore
import NIOPosix
import NIOSSL
public import NightjarCore
public import ServiceLifecycle

/// Serves the triggers' endpoints and the management API.
public final class HTTPServer: Service {
    /// A page of a program that is built on this server.
    public struct Page: Sendable {
        /// Its path.
        public var path: String
        /// Its media type.
        public var contentType: String
        /// Its content.
        public var content: String

        /// A page with these values.
        public init(path: String, contentType: String = "text/html; charset=utf-8", content: String) {
            self.path = path
            self.contentType = contentType
            self.content = content
        }
    }

    private let configuration: HTTPServerConfiguration
    private let responder: Responder
    private let time: any TimeSource
    private let logger: Logger
    private let onListening: @Sendable (_ host: String, _ port: Int) async -> Void

    /// A server for `node`.
    /// - Parameters:
    ///   - node: what it serves.
    ///   - configuration: where it listens, who may use it, what it takes.
    ///   - endpoints: the triggers' endpoints.
    ///   - pages: further pages.
    ///   - logger: where it logs to.
    ///   - onListening: called once it listens.
    /// - Throws: ``HTTPServerError`` if others could reach the address and there are no tokens.
    public init(
        node: any ManagedNode, configuration: HTTPServerConfiguration = .init(), endpoints: [HTTPEndpoint] = [],
        pages: [Page] = [], logger: Logger = Logger(label: "nightjar.http"),
        onListening: @escaping @Sendable (_ host: String, _ port: Int) async -> Void = { _, _ in }
    ) throws(HTTPServerError) {
        guard configuration.isLoopback || !configuration.tokens.isEmpty else {
            throw HTTPServerError(
                code: .unprotected,
                message:
                    "refusing to listen on \(configuration.host) without tokens: others could start jobs. Set http.tokens, or listen on 127.0.0.1"
            )
        }
        self.configuration = configuration
        time = node.time
        self.logger = logger
        self.onListening = onListening
        let pageRoutes = pages.map { page in
            Route(.get, page.path, needsToken: false, query: nil) { _, _, _ in
                Response(
                    status: .ok, headers: [.contentType: page.contentType],
                    body: .init(byteBuffer: ByteBuffer(string: page.content)))
            }
        }
        responder = Responder(
            API(node: node, configuration: configuration), routes: pageRoutes + API.routes, endpoints: endpoints,
            logger: logger)
    }

    /// Serves these endpoints from now on; requests under way are not disturbed.
    public func update(endpoints: [HTTPEndpoint]) {
        responder.update(endpoints)
    }

    /// Serves until graceful shutdown is triggered or the task is cancelled. On graceful shutdown it answers what it has begun,
    /// for ``HTTPServerConfiguration/windDown`` at most.
    /// - Throws: ``HTTPServerError`` if the address cannot be listened on.
    public func run() async throws {
        let host = configuration.host.trimmingCharacters(in: ["[", "]"])
        let timeout = TimeAmount.nanoseconds(configuration.requestTimeout.microseconds * 1000)
        let http1 = HTTP1Channel.Configuration(
            additionalChannelHandlers: [
                RequestDeadlineHandler(timeout: timeout), ProtocolProblemHandler(), HostRequirement.Inserter(),
            ],
            idleTimeout: .nanoseconds(configuration.idleTimeout.microseconds * 1000),
            httpDecoderConfiguration: .init(
                maxHeaderFieldSize: configuration.maximumHeaderBytes,
                maxHeaderListSize: configuration.maximumHeaderBytes,
                maxHeaderFieldCount: 200))
        let server = try builder(http1)
        let application = Application(
            responder: responder, server: server,
            configuration: .init(
                address: .hostname(host, port: configuration.port), serverName: "nightjar",
                availableConnectionsDelegate: MaximumAvailableConnections(configuration.maximumConnections)),
            onServerRunning: { [onListening] channel in
                await onListening(host, channel.localAddress?.port ?? 0)
            }, logger: logger)
        do {
            try await serve { try await application.run() }
        } catch let error as IOError {
            throw HTTPServerError(
                code: .cannotListen,
                message:
                    "cannot listen on \(configuration.host):\(configuration.port): \(String(cString: strerror(error.errnoCode)))"
            )
        } catch let error as SocketAddressError {
            throw HTTPServerError(
                code: .cannotListen, message: "cannot listen on \(configuration.host):\(configuration.port): \(error)")
        }
    }

    /// Runs the server, and ends it when it winds down for too long: a client that reads nothing of its answer would hold it
    /// for ever.
    private func serve(_ server: @escaping @Sendable () async throws -> Void) async throws {
        enum End { case served, overdue, cancelled }
        try await withThrowingTaskGroup(of: End.self) { group in
            group.addTask {
                try await server()
                return .served
            }
            group.addTask { [time, configuration] in
                do {
                    try await gracefulShutdown()
                    try await time.sleep(for: configuration.windDown)
                    return .overdue
                } catch {
                    return .cancelled
                }
            }
            while let end = try await group.next() {
                switch end {
                case .served: return group.cancelAll()
                case .cancelled: continue
                case .overdue:
                    logger.warning(
                        "connections are closed whose clients did not read their answers, or did not send their requests",
                        metadata: ["after": "\(configuration.windDown)"])
                    group.cancelAll()
                    // What it throws now says that it was cancelled, and it was.
                    _ = await group.nextResult()
                    return
                }
            }
        }
    }

    private func builder(_ http1: HTTP1Channel.Configuration) throws -> HTTPServerBuilder {
        guard let tls = configuration.tls else { return .orderly(http1) }
        do {
            let certificates = try NIOSSLCertificate.fromPEMFile(tls.certificateChain)
            let key = try NIOSSLPrivateKey(file: tls.privateKey, format: .pem)
            var settings = TLSConfiguration.makeServerConfiguration(
                certificateChain: certificates.map { .certificate($0) }, privateKey: .privateKey(key))
            // RFC 8996 ends TLS 1.0 and 1.1.
            settings.minimumTLSVersion = .tlsv12
            return .orderly(http1, tls: settings)
        } catch {
            throw HTTPServerError(
                code: .invalidCertificate,
                message:
                    "the certificate \(tls.certificateChain) with the key \(tls.privateKey) cannot be used: \(error)")
        }
    }
}
