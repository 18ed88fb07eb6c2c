import CloudEvents
import Crypto
import Foundation

/// Signs requests by AWS Signature Version 4, in the header `Authorization` (AWS IAM User Guide, "Signature Version 4").
struct SigV4: Sendable, Hashable {
    private static let algorithm = "AWS4-HMAC-SHA256"

    /// Where the service is asked: `eu-west-1`.
    var region: String
    /// What signs call it: `sqs`.
    var service: String
    /// Whether paths are signed as they stand, and the body's hash is sent along, as Amazon S3 asks for.
    var isForS3 = false

    /// The headers that sign a request, to be sent beside those that it has.
    /// - Parameters:
    ///   - target: the path with the query, as they stand in the request's first line.
    ///   - headers: all that are to be signed, `host` among them.
    ///   - time: now; a request is good for five minutes.
    func sign(
        method: String, target: String, headers: [(name: String, value: String)], payload: CanonicalRequest.Payload,
        with credentials: AWSCredentials, at time: Timestamp
    ) -> [(name: String, value: String)] {
        let stamp = Self.stamp(time)
        var added = [(name: "x-amz-date", value: stamp)]
        if let token = credentials.sessionToken { added.append(("x-amz-security-token", token)) }
        if isForS3 { added.append(("x-amz-content-sha256", payload.hash)) }
        let names = Set(added.map(\.name))
        let request = CanonicalRequest(
            method: method, target: target, headers: headers.filter { !names.contains($0.name.lowercased()) } + added,
            payloadHash: payload.hash, isPathVerbatim: isForS3)
        let day = String(stamp.prefix(8))
        let scope = "\(day)/\(region)/\(service)/aws4_request"
        let hash = Hexadecimal.text(SHA256.hash(data: Array(request.text.utf8)))
        let toSign = [Self.algorithm, stamp, scope, hash].joined(separator: "\n")
        let signature = HMAC<SHA256>.authenticationCode(for: Array(toSign.utf8), using: key(credentials, day))
        added.append(
            (
                "authorization",
                "\(Self.algorithm) Credential=\(credentials.accessKeyID)/\(scope), "
                    + "SignedHeaders=\(request.signedHeaders), Signature=\(Hexadecimal.text(signature))"
            ))
        return added
    }

    private func key(_ credentials: AWSCredentials, _ day: String) -> SymmetricKey {
        var key = SymmetricKey(data: Array("AWS4\(credentials.secretAccessKey)".utf8))
        for part in [day, region, service, "aws4_request"] {
            key = SymmetricKey(data: Data(HMAC<SHA256>.authenticationCode(for: Array(part.utf8), using: key)))
        }
        return key
    }

    /// `20150830T123600Z`
    static func stamp(_ time: Timestamp) -> String {
        String(time.rfc3339.prefix(19).filter { $0 != "-" && $0 != ":" }) + "Z"
    }
}
