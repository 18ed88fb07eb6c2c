import HTTPTypes
import HummingbirdCore
import Logging
import NIOCore
import NIOEmbedded
import NightjarHTTP
import Testing

@Suite("Connections that were accepted")
struct OrderlyConnectionsTests {
    private let logger = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })
    private let connections = OrderlyConnections(
        HTTP1Channel(responder: { _, writer, _ in
            try await writer.writeHead(.init(status: .ok, headerFields: [.contentLength: "0"])).finish(nil)
        }))

    private func accept() async throws -> (NIOAsyncTestingChannel, OrderlyConnections<HTTP1Channel>.Connection) {
        let channel = NIOAsyncTestingChannel()
        let connection = try await channel.testingEventLoop.flatSubmit {
            connections.setup(channel: channel, logger: logger)
        }.get()
        // From here on NIO expects whoever has the connection to finish it.
        try await channel.connect(to: SocketAddress(ipAddress: "127.0.0.1", port: 1)).get()
        return (channel, connection)
    }

    @Test("one that nobody comes to handle is closed", .timeLimit(.minutes(1)))
    func dropped() async throws {
        let channel = try await accept().0
        // Without it the process would have ended.
        try await channel.closeFuture.get()
    }

    @Test("one that is handled stays open until its handler is done", .timeLimit(.minutes(1)))
    func handled() async throws {
        let (channel, connection) = try await accept()
        async let handling: Void = connections.handle(value: connection, logger: logger)
        try await channel.writeInbound(
            ByteBuffer(string: "GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n"))
        let answer = try await channel.waitForOutboundWrite(as: ByteBuffer.self)
        #expect(String(buffer: answer).hasPrefix("HTTP/1.1 200 OK"))
        await handling
        try await channel.closeFuture.get()
    }
}
