import Foundation

/// Credentials that a container's agent gives ("Container credential provider", AWS SDKs and Tools Reference Guide).
struct ContainerCredentials: CredentialsSource {
    private static let agent = "http://169.254.170.2"
    /// Besides the loopback interface: the agents of ECS and EKS.
    private static let trustedHosts: Set<String> = ["169.254.170.2", "169.254.170.23", "fd00:ec2::23"]
    private static let place = "the container's agent"
    private static let timeout = Duration.seconds(3)

    let environment: AWSEnvironment
    let exchange: HTTPExchange

    func find() async throws(AWSError) -> AWSCredentials? {
        guard let url = try url() else { return nil }
        var headers = [(name: "accept", value: "application/json")]
        if let token = try token() { headers.append(("authorization", token)) }
        let answer = try await exchange.fetch("GET", url, headers: headers, timeout: Self.timeout, tries: 3)
        guard answer.status == 200 else {
            throw AWSError(.credentials, "\(Self.place) answered \(answer.status): expected credentials")
        }
        return try CredentialsDocument.credentials(in: answer.body, from: Self.place)
    }

    private func url() throws(AWSError) -> String? {
        if let relative = environment["AWS_CONTAINER_CREDENTIALS_RELATIVE_URI"] {
            guard relative.hasPrefix("/") else {
                throw AWSError(
                    .credentials, "AWS_CONTAINER_CREDENTIALS_RELATIVE_URI is no path: expected a slash first")
            }
            return Self.agent + relative
        }
        guard let full = environment["AWS_CONTAINER_CREDENTIALS_FULL_URI"] else { return nil }
        guard let parts = URLComponents(string: full), let scheme = parts.scheme?.lowercased(), let host = parts.host,
            scheme == "https" || (scheme == "http" && Self.isTrusted(host))
        else {
            // The token must not be sent to just anybody.
            throw AWSError(
                .credentials,
                "AWS_CONTAINER_CREDENTIALS_FULL_URI names a host that is not trusted: expected HTTPS, the loopback interface, 169.254.170.2 or 169.254.170.23"
            )
        }
        return full
    }

    private static func isTrusted(_ host: String) -> Bool {
        let host = host.lowercased().trimmingCharacters(in: CharacterSet(charactersIn: "[]"))
        let bytes = host.split(separator: ".", omittingEmptySubsequences: false)
        let isLoopback =
            host == "localhost" || host == "::1"
            || (bytes.count == 4 && bytes[0] == "127" && bytes.allSatisfy { UInt8($0) != nil })
        return isLoopback || trustedHosts.contains(host)
    }

    private func token() throws(AWSError) -> String? {
        guard let file = environment["AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE"] else {
            return environment["AWS_CONTAINER_AUTHORIZATION_TOKEN"]
        }
        guard let text = environment.read(file) else {
            throw AWSError(.credentials, "AWS_CONTAINER_AUTHORIZATION_TOKEN_FILE: \(file) cannot be read")
        }
        return text.trimmingCharacters(in: .whitespacesAndNewlines)
    }
}
