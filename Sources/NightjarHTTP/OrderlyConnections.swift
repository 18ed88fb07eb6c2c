package import HummingbirdCore
import HummingbirdTLS
package import Logging
package import NIOCore
package import NIOHTTPTypes
package import NIOSSL
import Synchronization

/// A server's connections, of which none is dropped halfway.
///
/// Hummingbird's server hands accepted connections to its handlers through a stream. When the server's task is cancelled, those
/// that are still in the stream are let go, and NIO ends the whole process then: it takes an asynchronous channel that was never
/// finished for a mistake of the program. Here such a connection is closed.
package struct OrderlyConnections<Base: ServerChildChannel>: ServerChildChannel
where Base.Value == NIOAsyncChannel<HTTPRequestPart, HTTPResponsePart> {
    private let base: Base

    package init(_ base: Base) { self.base = base }

    package func setup(channel: any Channel, logger: Logger) -> EventLoopFuture<Connection> {
        base.setup(channel: channel, logger: logger).map(Connection.init)
    }

    package func handle(value: Connection, logger: Logger) async {
        await base.handle(value: value.take(), logger: logger)
    }

    /// A connection that was accepted.
    package final class Connection: ServerChildChannelValue {
        private let asynchronous: Base.Value
        private let isTaken = Atomic(false)

        init(_ asynchronous: Base.Value) { self.asynchronous = asynchronous }

        package var channel: any Channel { asynchronous.channel }

        /// What handles it closes it from now on.
        fileprivate func take() -> Base.Value {
            isTaken.store(true, ordering: .relaxed)
            return asynchronous
        }

        deinit {
            guard !isTaken.load(ordering: .relaxed) else { return }
            Task { [asynchronous] in
                // It is closed in any case; an error says that the client was faster.
                try? await asynchronous.executeThenClose { _, _ in }
            }
        }
    }
}

extension HTTPServerBuilder {
    /// A server of HTTP/1.1 with ``OrderlyConnections``, encrypted where there are settings for TLS.
    package static func orderly(
        _ http1: HTTP1Channel.Configuration = .init(), tls: TLSConfiguration? = nil
    ) -> HTTPServerBuilder {
        HTTPServerBuilder { responder in
            let channel = HTTP1Channel(responder: responder, configuration: http1)
            guard let tls else { return OrderlyConnections(channel) }
            return try OrderlyConnections(TLSChannel(channel, tlsConfiguration: tls))
        }
    }
}
