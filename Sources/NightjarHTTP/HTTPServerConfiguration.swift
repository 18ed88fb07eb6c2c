/// A secret that lets its bearer use the API.
public struct APIToken: Sendable, Hashable {
    /// What it is called in logs.
    public var name: String
    /// The secret itself.
    public var secret: String

    /// A token with these values.
    public init(name: String, secret: String) {
        self.name = name
        self.secret = secret
    }
}

/// Where the server listens, who may use it, and what it takes.
public struct HTTPServerConfiguration: Sendable {
    /// The certificate chain and key of a server that speaks TLS.
    public struct TLS: Sendable, Hashable {
        /// The path of the certificate chain, in PEM.
        public var certificateChain: String
        /// The path of the private key, in PEM.
        public var privateKey: String

        /// TLS with these files.
        public init(certificateChain: String, privateKey: String) {
            self.certificateChain = certificateChain
            self.privateKey = privateKey
        }
    }

    /// The address to listen on: a name or an IP address.
    public var host: String
    /// The port to listen on; 0 for any that is free.
    public var port: Int
    /// Who may use the API; without any, the server listens on loopback addresses only.
    public var tokens: [APIToken]
    /// Origins such as `https://shop.example` whose pages may send requests while there are no tokens. Those of this machine
    /// always may.
    public var origins: [String]
    /// The certificate, if the server speaks TLS.
    public var tls: TLS?
    /// The largest body of a request, in bytes.
    public var maximumBodyBytes: Int
    /// The largest header of a request, in bytes, all its fields together.
    public var maximumHeaderBytes: Int
    /// How many events a batch may have.
    public var maximumBatchEvents: Int
    /// How many connections may be open; more wait to be accepted.
    public var maximumConnections: Int
    /// How long a client may take to send a request, from its first byte to its last.
    public var requestTimeout: Duration
    /// How long a connection may be idle.
    public var idleTimeout: Duration
    /// The longest time that `Prefer: wait` waits.
    public var maximumWait: Duration
    /// How long a server that stops lets requests under way come to their end; then it closes their connections.
    public var windDown: Duration
    /// What the process counts, to be shown by `GET /metrics` beside how the node stands.
    public var metrics: MetricsRegistry?

    /// A configuration with these values.
    public init(
        host: String = "127.0.0.1", port: Int = 8080, tokens: [APIToken] = [], origins: [String] = [],
        tls: TLS? = nil,
        maximumBodyBytes: Int = 1 << 20, maximumHeaderBytes: Int = 32 << 10, maximumBatchEvents: Int = 1000,
        maximumConnections: Int = 1024, requestTimeout: Duration = .seconds(30),
        idleTimeout: Duration = .seconds(60), maximumWait: Duration = .seconds(60),
        windDown: Duration = .seconds(10), metrics: MetricsRegistry? = nil
    ) {
        self.metrics = metrics
        self.host = host
        self.port = port
        self.tokens = tokens
        self.origins = origins
        self.tls = tls
        self.maximumBodyBytes = max(1, maximumBodyBytes)
        self.maximumHeaderBytes = max(1024, maximumHeaderBytes)
        self.maximumBatchEvents = max(1, maximumBatchEvents)
        self.maximumConnections = max(1, maximumConnections)
        self.requestTimeout = requestTimeout
        self.idleTimeout = idleTimeout
        self.maximumWait = maximumWait
        self.windDown = max(.zero, windDown)
    }

    /// Whether only this machine can reach the address.
    public var isLoopback: Bool { Self.isLoopback(host) }

    /// Whether only this machine can reach an address of that host.
    package static func isLoopback(_ host: String) -> Bool {
        if host == "localhost" || host == "::1" || host == "[::1]" { return true }
        let parts = host.split(separator: ".", omittingEmptySubsequences: false)
        return parts.count == 4 && parts.first == "127" && parts.allSatisfy { UInt8($0) != nil }
    }
}

/// Why the server cannot serve.
public struct HTTPServerError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable, Hashable {
        /// Others could reach the address, and there are no tokens.
        case unprotected
        /// The address cannot be listened on.
        case cannotListen
        /// The certificate or its key cannot be used.
        case invalidCertificate
    }

    /// What kind of failure it is.
    public var code: Code
    /// What is wrong and what to do, for people.
    public var message: String

    /// The message.
    public var description: String { message }
}
