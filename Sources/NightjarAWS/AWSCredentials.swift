public import CloudEvents

/// What requests to AWS are signed with. Its secrets are never shown.
public struct AWSCredentials: Sendable, Hashable {
    /// Names the key: `AKIA…` or `ASIA…`.
    public var accessKeyID: String
    /// The secret that belongs to it.
    public var secretAccessKey: String
    /// What makes temporary credentials whole.
    public var sessionToken: String?
    /// When they end; `nil` if they do not.
    public var expiration: Timestamp?

    /// Credentials with these values.
    public init(
        accessKeyID: String, secretAccessKey: String, sessionToken: String? = nil, expiration: Timestamp? = nil
    ) {
        self.accessKeyID = accessKeyID
        self.secretAccessKey = secretAccessKey
        self.sessionToken = sessionToken
        self.expiration = expiration
    }
}

extension AWSCredentials: CustomStringConvertible, CustomDebugStringConvertible, CustomReflectable {
    /// The key's name, without its secrets.
    public var description: String { "AWSCredentials(\(accessKeyID))" }
    /// ``description``.
    public var debugDescription: String { description }
    /// The key's name, without its secrets.
    public var customMirror: Mirror {
        Mirror(self, children: ["accessKeyID": accessKeyID, "expiration": expiration as Any])
    }
}
