import Foundation

/// Credentials of the instance's role, from its metadata service in version 2 ("Use IMDSv2", Amazon EC2 User Guide).
struct InstanceMetadata: CredentialsSource {
    private static let place = "the instance's metadata"
    private static let roles = "/latest/meta-data/iam/security-credentials/"
    private static let timeoutName = "AWS_METADATA_SERVICE_TIMEOUT"

    let environment: AWSEnvironment
    let exchange: HTTPExchange

    func find() async throws(AWSError) -> AWSCredentials? {
        guard environment["AWS_EC2_METADATA_DISABLED"]?.lowercased() != "true" else { return nil }
        let timeout = try timeout
        let token: HTTPAnswer
        do throws(AWSError) {
            token = try await exchange.fetch(
                "PUT", base + "/latest/api/token", headers: [("x-aws-ec2-metadata-token-ttl-seconds", "21600")],
                timeout: timeout, tries: 2)
        } catch {
            if error.code == .network || error.code == .timeout { return nil }
            throw error
        }
        guard token.status == 200 else {
            throw AWSError(.credentials, "\(Self.place) gave no token, but answered \(token.status)")
        }
        let headers = [(name: "x-aws-ec2-metadata-token", value: token.text)]
        let list = try await exchange.fetch("GET", base + Self.roles, headers: headers, timeout: timeout, tries: 3)
        // An instance without a role.
        if list.status == 404 { return nil }
        guard list.status == 200, let role = list.text.split(whereSeparator: \.isNewline).first else {
            throw AWSError(.credentials, "\(Self.place) named no role, but answered \(list.status)")
        }
        let answer = try await exchange.fetch(
            "GET", base + Self.roles + PercentCoding.encode(role.utf8), headers: headers, timeout: timeout,
            tries: 3)
        guard answer.status == 200 else {
            throw AWSError(.credentials, "\(Self.place) gave no credentials, but answered \(answer.status)")
        }
        return try CredentialsDocument.credentials(in: answer.body, from: Self.place)
    }

    /// How long an answer is waited for: seconds in `AWS_METADATA_SERVICE_TIMEOUT`, as AWS' own tools have it. Where there is no
    /// such service, nobody answers.
    private var timeout: Duration {
        get throws(AWSError) {
            guard let text = environment[Self.timeoutName] else { return .seconds(1) }
            guard let seconds = Double(text), seconds > 0, seconds <= 60 else {
                throw AWSError(
                    .configuration,
                    "\(Self.timeoutName) is \"\(text)\", expected a number of seconds up to 60, such as 5")
            }
            return .seconds(seconds)
        }
    }

    private var base: String {
        if let endpoint = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT"] {
            return endpoint.hasSuffix("/") ? String(endpoint.dropLast()) : endpoint
        }
        let isIPv6 = environment["AWS_EC2_METADATA_SERVICE_ENDPOINT_MODE"]?.lowercased() == "ipv6"
        return isIPv6 ? "http://[fd00:ec2::254]" : "http://169.254.169.254"
    }
}
