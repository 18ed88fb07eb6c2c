/// How AWS is reached, whatever the service. What is `nil` is found as every AWS tool finds it.
public struct AWSOptions: Sendable, Hashable {
    /// Where the service is asked: `eu-west-1`. `nil`: the region in a queue's URL, `AWS_REGION`, `AWS_DEFAULT_REGION`, or
    /// the profile's `region`.
    public var region: String?
    /// The URL of the service, in place of AWS's own. `nil`: `AWS_ENDPOINT_URL_SQS`, `AWS_ENDPOINT_URL`, the profile's
    /// `endpoint_url`, a queue URL's own host, or AWS's for the region.
    public var endpoint: String?
    /// What requests are signed with. `nil`: found in this order.
    ///
    /// 1. `AWS_ACCESS_KEY_ID`, `AWS_SECRET_ACCESS_KEY`, `AWS_SESSION_TOKEN`, unless ``profile`` is set.
    /// 2. The profile in the shared files: keys, `role_arn` with `source_profile`, `credential_source` or
    ///    `web_identity_token_file`, `credential_process`.
    /// 3. `AWS_WEB_IDENTITY_TOKEN_FILE` with `AWS_ROLE_ARN`.
    /// 4. `AWS_CONTAINER_CREDENTIALS_RELATIVE_URI` or `AWS_CONTAINER_CREDENTIALS_FULL_URI`.
    /// 5. The instance's metadata (IMDSv2), unless `AWS_EC2_METADATA_DISABLED` is `true`; each answer is waited for
    ///    `AWS_METADATA_SERVICE_TIMEOUT` seconds, by default 1.
    ///
    /// They are fetched again five minutes before they end, or when the service does not take them.
    public var credentials: AWSCredentials?
    /// The profile in the shared files. `nil`: `AWS_PROFILE`, or `default`.
    public var profile: String?
    /// How the service proves who it is, and this node does.
    public var tls: AWSTLS
    /// How long a connection may take to be made, from 100 ms to 5 minutes.
    public var connectTimeout: Duration
    /// How long a request may take, from 100 ms to 1 hour; a long poll's wait comes on top.
    public var requestTimeout: Duration

    /// Options with these values.
    public init(
        region: String? = nil, endpoint: String? = nil, credentials: AWSCredentials? = nil, profile: String? = nil,
        tls: AWSTLS = AWSTLS(), connectTimeout: Duration = .seconds(5), requestTimeout: Duration = .seconds(15)
    ) {
        self.region = region
        self.endpoint = endpoint
        self.credentials = credentials
        self.profile = profile
        self.tls = tls
        self.connectTimeout = connectTimeout
        self.requestTimeout = requestTimeout
    }

    /// What in these options cannot be, whatever the rest; `nil` if nothing.
    public var contradiction: String? {
        if let region, !Self.isRegion(region) {
            return "the region \"\(region)\" has characters that no region has: expected one such as eu-west-1"
        }
        if let endpoint, AWSEndpoint(url: endpoint) == nil {
            return "the endpoint is no HTTP URL without user and query: expected one such as https://sqs.example.com"
        }
        guard (Duration.milliseconds(100)...Duration.seconds(300)).contains(connectTimeout) else {
            return "the connect timeout is \(connectTimeout): expected 100 ms to 5 minutes"
        }
        guard (Duration.milliseconds(100)...Duration.seconds(3600)).contains(requestTimeout) else {
            return "the request timeout is \(requestTimeout): expected 100 ms to 1 hour"
        }
        return tls.contradiction
    }

    /// Only such characters go into a host's name.
    static func isRegion(_ text: String) -> Bool {
        (1...64).contains(text.utf8.count)
            && text.utf8.allSatisfy { byte in
                byte == UInt8(ascii: "-") || (UInt8(ascii: "a")...UInt8(ascii: "z")).contains(byte)
                    || (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(byte)
            }
    }
}

/// TLS to an AWS service, or to what stands in its place.
public struct AWSTLS: Sendable, Hashable {
    /// A file with the certificates that are trusted, in PEM; `nil` for the system's.
    public var caFile: String?
    /// A file with this node's certificate and those between it and its CA, in PEM.
    public var certificateFile: String?
    /// A file with the private key of that certificate, in PEM.
    public var keyFile: String?
    /// Whether the server's certificate must bear the name by which it is reached. Its CA is checked in any case.
    public var checksServerName: Bool

    /// TLS with these values.
    public init(
        caFile: String? = nil, certificateFile: String? = nil, keyFile: String? = nil, checksServerName: Bool = true
    ) {
        self.caFile = caFile
        self.certificateFile = certificateFile
        self.keyFile = keyFile
        self.checksServerName = checksServerName
    }

    var contradiction: String? {
        (certificateFile == nil) == (keyFile == nil)
            ? nil : "of a client certificate and its key one is missing: expected both files or none"
    }
}
