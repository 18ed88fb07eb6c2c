import Crypto

/// Compares secrets in a time that does not depend on where they differ: their digests are compared, all of them always.
struct SecretComparison: Sendable {
    private let digests: [SHA256.Digest]

    init(_ secrets: [String]) {
        digests = secrets.map { SHA256.hash(data: Array($0.utf8)) }
    }

    /// Whether `candidate` is one of the secrets.
    func contains(_ candidate: some StringProtocol) -> Bool {
        let digest = SHA256.hash(data: Array(candidate.utf8))
        // Digest's == compares in constant time.
        return digests.reduce(false) { found, secret in (secret == digest) || found }
    }
}
