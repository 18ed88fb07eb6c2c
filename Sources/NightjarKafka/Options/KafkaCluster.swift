/// Where a Kafka cluster is, and how it is spoken to.
public struct KafkaCluster: Sendable, Hashable {
    /// Some of its brokers, each as `host` or `host:port` (9092 by default); the others are learned from them.
    public var brokers: [String]
    /// What this client calls itself in the brokers' logs and quotas.
    public var clientID: String
    /// How the connection is encrypted; `nil` for plain text.
    public var tls: KafkaTLS?
    /// How the client proves who it is; `nil` if it need not, or does so by its TLS certificate.
    public var sasl: KafkaSASL?
    /// Any properties of librdkafka, by name; they go before what the other options say. Those that Nightjar's promises rest on
    /// can't be set: ``KafkaOptions/validate()`` names them.
    public var properties: [String: String]

    /// A cluster with these brokers.
    public init(
        brokers: [String], clientID: String = "nightjar", tls: KafkaTLS? = nil, sasl: KafkaSASL? = nil,
        properties: [String: String] = [:]
    ) {
        self.brokers = brokers
        self.clientID = clientID
        self.tls = tls
        self.sasl = sasl
        self.properties = properties
    }

    /// A cluster with these brokers, separated by commas.
    public init(brokers: String, tls: KafkaTLS? = nil, sasl: KafkaSASL? = nil, properties: [String: String] = [:]) {
        self.init(
            brokers: brokers.split(separator: ",").map { part in
                String(part.drop { $0 == " " }.reversed().drop { $0 == " " }.reversed())
            }, tls: tls, sasl: sasl, properties: properties)
    }
}

/// How a connection to Kafka is encrypted. Files are PEM.
public struct KafkaTLS: Sendable, Hashable {
    /// The file with the authorities that may have signed the brokers' certificates; `nil` for those of the system.
    public var authorities: String?
    /// The file with the client's certificate, if the brokers ask for one.
    public var certificate: String?
    /// The file with the key of the client's certificate.
    public var key: String?
    /// What opens the key's file, if it is locked.
    public var keyPassword: String?
    /// Whether the name in a broker's certificate must be that of its host.
    public var checksName: Bool

    /// Encryption with these files.
    public init(
        authorities: String? = nil, certificate: String? = nil, key: String? = nil, keyPassword: String? = nil,
        checksName: Bool = true
    ) {
        self.authorities = authorities
        self.certificate = certificate
        self.key = key
        self.keyPassword = keyPassword
        self.checksName = checksName
    }
}

/// How a client proves to Kafka who it is (RFC 4422).
public struct KafkaSASL: Sendable, Hashable {
    /// The mechanisms that take a name and a password. Others are set by ``KafkaCluster/properties``.
    public enum Mechanism: String, Sendable, Hashable, CaseIterable {
        /// The password as it is: only sensible with TLS.
        case plain = "PLAIN"
        /// A challenge and SHA-256 (RFC 7677).
        case scramSHA256 = "SCRAM-SHA-256"
        /// A challenge and SHA-512.
        case scramSHA512 = "SCRAM-SHA-512"
    }

    /// The mechanism.
    public var mechanism: Mechanism
    /// Who the client is.
    public var username: String
    /// What proves it. Never shown.
    public var password: String

    /// These credentials.
    public init(_ mechanism: Mechanism, username: String, password: String) {
        self.mechanism = mechanism
        self.username = username
        self.password = password
    }
}
