import CLibrabbitmq
import Foundation

/// How a connection is opened: TCP, TLS, the login.
extension AMQPConnection {
    func connect(_ options: RabbitMQConnectionOptions) throws(RabbitMQError) {
        let socket = address.isTLS ? try secureSocket(options.tls) : amqp_tcp_socket_new(state)
        guard let socket else { throw RabbitMQError(.connection, "no memory for a connection to \(address.shown)") }
        var limit = timeval(options.timeout)
        let status = amqp_socket_open_noblock(socket, address.host, Int32(address.port), &limit)
        guard status == AMQP_STATUS_OK.rawValue else {
            isLost = true
            let code: RabbitMQError.Code = Self.tlsFailures.contains(status) ? .tls : .connection
            throw RabbitMQError(code, "cannot connect to \(address.shown): \(Self.text(status))")
        }
    }

    private func secureSocket(_ tls: RabbitMQTLSOptions) throws(RabbitMQError) -> OpaquePointer? {
        guard let socket = amqp_ssl_socket_new(state) else { return nil }
        amqp_ssl_socket_set_verify_peer(socket, tls.verifiesServer ? 1 : 0)
        amqp_ssl_socket_set_verify_hostname(socket, tls.verifiesServer ? 1 : 0)
        amqp_ssl_socket_set_ssl_versions(socket, AMQP_TLSv1_2, AMQP_TLSvLATEST)
        if tls.verifiesServer {
            let file = try tls.authorities()
            guard amqp_ssl_socket_set_cacert(socket, file) == AMQP_STATUS_OK.rawValue else {
                throw RabbitMQError(.tls, "the CA file \(file) cannot be read: expected certificates in PEM")
            }
        }
        if let certificate = tls.certificateFile, let key = tls.keyFile {
            guard amqp_ssl_socket_set_key(socket, certificate, key) == AMQP_STATUS_OK.rawValue else {
                throw RabbitMQError(
                    .tls, "the certificate \(certificate) and the key \(key) cannot be used: expected a pair in PEM")
            }
        }
        return socket
    }

    func logIn(_ options: RabbitMQConnectionOptions) throws(RabbitMQError) {
        memory.reset()
        // Without these the server is silent about queues that are deleted, and about having no room for messages.
        let capabilities = memory.table([
            ("basic.nack", true), ("connection.blocked", true), ("consumer_cancel_notify", true),
            ("publisher_confirms", true),
        ])
        var properties = memory.table([
            ("connection_name", memory.field(.string(options.name))), ("product", memory.field("Nightjar")),
            ("capabilities", memory.field(capabilities)),
        ])
        let heartbeat = Int32(clamping: options.heartbeat.components.seconds)
        let reply =
            if options.tls.usesCertificateAsLogin {
                nightjar_amqp_login_external(
                    state, address.virtualHost, AMQP_DEFAULT_FRAME_SIZE, heartbeat, &properties)
            } else {
                nightjar_amqp_login_plain(
                    state, address.virtualHost, AMQP_DEFAULT_FRAME_SIZE, heartbeat, &properties, address.user,
                    address.password)
            }
        do {
            try check(reply, "the login at \(address.shown) failed")
        } catch {
            // The server ends what it refuses.
            isLost = true
            guard let replyCode = error.replyCode, replyCode == 403 || replyCode == 530 else { throw error }
            throw RabbitMQError(
                .authentication,
                "\(address.shown) refuses the user \"\(address.user)\": \(error.message)", replyCode: replyCode)
        }
    }

    private static let tlsFailures: Set<Int32> = [
        AMQP_STATUS_SSL_ERROR.rawValue, AMQP_STATUS_SSL_HOSTNAME_VERIFY_FAILED.rawValue,
        AMQP_STATUS_SSL_PEER_VERIFY_FAILED.rawValue, AMQP_STATUS_SSL_CONNECTION_FAILED.rawValue,
    ]
}
