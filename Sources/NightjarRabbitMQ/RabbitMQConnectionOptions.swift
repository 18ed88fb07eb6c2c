import Foundation

/// How a server is reached.
public struct RabbitMQConnectionOptions: Sendable, Hashable {
    /// Where it is and who uses it: `amqp://user:password@host:5672/vhost`, `amqps://` for TLS. What is left out is `guest`,
    /// `guest`, port 5672 (5671 with TLS) and the virtual host `/`.
    public var url: String
    /// How TLS is done, with `amqps`.
    public var tls: RabbitMQTLSOptions
    /// How often each side says that it is there while it has nothing else to say; after twice that without a word the
    /// connection counts as lost. Whole seconds, 1 to 3600; the server may ask for less.
    public var heartbeat: Duration
    /// How long connecting and logging in may take, each, and any later answer of the server.
    public var timeout: Duration
    /// What the server calls the connection in its own lists.
    public var name: String

    /// Options with these values.
    public init(
        url: String, tls: RabbitMQTLSOptions = RabbitMQTLSOptions(), heartbeat: Duration = .seconds(10),
        timeout: Duration = .seconds(10), name: String = "nightjar"
    ) {
        self.url = url
        self.tls = tls
        self.heartbeat = heartbeat
        self.timeout = timeout
        self.name = name
    }

    /// The address that the URL says.
    /// - Throws: ``RabbitMQError`` with what is wrong with the options.
    func checked() throws(RabbitMQError) -> RabbitMQAddress {
        let address = try RabbitMQAddress(url)
        guard (Duration.seconds(1)...Duration.seconds(3600)).contains(heartbeat) else {
            throw RabbitMQError(.invalidOptions, "the heartbeat is \(heartbeat): expected 1 second to 1 hour")
        }
        guard (Duration.milliseconds(10)...Duration.seconds(300)).contains(timeout) else {
            throw RabbitMQError(.invalidOptions, "the timeout is \(timeout): expected 10 ms to 5 minutes")
        }
        guard name.utf8.count <= 1000, !name.utf8.contains(0) else {
            throw RabbitMQError(.invalidOptions, "the connection's name is too long: expected 1000 bytes at most")
        }
        try tls.check(isTLS: address.isTLS)
        return address
    }
}

/// How a server is recognised, and how it recognises us.
public struct RabbitMQTLSOptions: Sendable, Hashable {
    /// A PEM file with the authorities that may have signed the server's certificate; those of the system by default.
    public var caFile: String?
    /// A PEM file with a certificate (and its chain) to show to the server.
    public var certificateFile: String?
    /// A PEM file with that certificate's key.
    public var keyFile: String?
    /// Whether the server's certificate must be signed by one of the authorities and name the URL's host. Without it
    /// anybody can be the server: for trying things out only.
    public var verifiesServer: Bool
    /// Whether the certificate says who the user is (SASL EXTERNAL), in place of the URL's name and password. The server
    /// needs its plugin `rabbitmq_auth_mechanism_ssl`.
    public var usesCertificateAsLogin: Bool

    /// Options with these values.
    public init(
        caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil, verifiesServer: Bool = true,
        usesCertificateAsLogin: Bool = false
    ) {
        self.caFile = caFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.verifiesServer = verifiesServer
        self.usesCertificateAsLogin = usesCertificateAsLogin
    }

    func check(isTLS: Bool) throws(RabbitMQError) {
        guard isTLS || self == RabbitMQTLSOptions() else {
            throw RabbitMQError(.invalidOptions, "TLS has settings, but the url begins with amqp://: expected amqps://")
        }
        guard (certificateFile == nil) == (keyFile == nil) else {
            throw RabbitMQError(
                .invalidOptions, "a client certificate and its key go together: expected both files or neither")
        }
        guard !usesCertificateAsLogin || certificateFile != nil else {
            throw RabbitMQError(
                .invalidOptions, "a certificate is to be the login, but there is none: expected its file and its key's")
        }
    }

    /// Where systems keep the authorities that they trust.
    private static let systemAuthorities = [
        "/etc/ssl/certs/ca-certificates.crt", "/etc/pki/tls/certs/ca-bundle.crt", "/etc/ssl/ca-bundle.pem",
        "/etc/ssl/cert.pem",
    ]

    /// The file of authorities that is used.
    func authorities() throws(RabbitMQError) -> String {
        if let caFile { return caFile }
        if let file = Self.systemAuthorities.first(where: { FileManager.default.isReadableFile(atPath: $0) }) {
            return file
        }
        throw RabbitMQError(.tls, "this system's authorities were not found: expected a CA file in the TLS settings")
    }
}
