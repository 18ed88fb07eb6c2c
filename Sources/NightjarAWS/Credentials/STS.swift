import CloudEvents
import Foundation

/// Asks AWS Security Token Service for the credentials of roles (its API Reference, version 2011-06-15).
struct STS: Sendable {
    private static let timeout = Duration.seconds(10)

    private let configuration: AWSConfiguration
    private let exchange: HTTPExchange
    private let endpoint: AWSEndpoint
    private let region: String

    /// - Parameter region: where it is asked; `nil` for the configuration's.
    init(configuration: AWSConfiguration, exchange: HTTPExchange, region: String? = nil) throws(AWSError) {
        self.configuration = configuration
        self.exchange = exchange
        let known = if let region { region } else { try configuration.region() }
        self.region = known ?? "us-east-1"
        if let endpoint = try configuration.endpoint(of: "sts", isOwn: false) {
            self.endpoint = endpoint
        } else {
            endpoint = .aws("sts", region: self.region)
        }
    }

    /// The credentials of a role, which others may assume.
    func assumeRole(
        _ role: String, with base: AWSCredentials, session: String?, externalID: String?, seconds: String?
    ) async throws(AWSError) -> AWSCredentials {
        var form = [("Action", "AssumeRole"), ("RoleArn", role), ("RoleSessionName", session ?? Self.session)]
        if let externalID { form.append(("ExternalId", externalID)) }
        if let seconds { form.append(("DurationSeconds", seconds)) }
        return try await ask(form, signedWith: base)
    }

    /// The credentials of a role, which whoever has the token may assume.
    func assumeRole(
        _ role: String, withTokenIn file: String, session: String?
    ) async throws(AWSError) -> AWSCredentials {
        guard let token = configuration.environment.read(configuration.environment.expanded(file)) else {
            throw AWSError(.credentials, "the web identity token in \(file) cannot be read")
        }
        let form = [
            ("Action", "AssumeRoleWithWebIdentity"), ("RoleArn", role), ("RoleSessionName", session ?? Self.session),
            ("WebIdentityToken", token.trimmingCharacters(in: .whitespacesAndNewlines)),
        ]
        return try await ask(form, signedWith: nil)
    }

    private static let session = "nightjar"

    private func ask(
        _ form: [(String, String)], signedWith base: AWSCredentials?
    ) async throws(AWSError) -> AWSCredentials {
        let body = (form + [("Version", "2011-06-15")]).map { name, value in
            "\(name)=\(PercentCoding.encode(value.utf8))"
        }
        let request = AWSRequest(
            headers: [("content-type", "application/x-www-form-urlencoded; charset=utf-8")],
            body: Array(body.joined(separator: "&").utf8))
        let service = AWSService(
            name: "AWS STS", signer: SigV4(region: region, service: "sts"), endpoint: endpoint, exchange: exchange)
        let answer = try await service.send(request, signedWith: base, timeout: Self.timeout, tries: 3)
        let place = "AWS STS"
        guard let id = XMLText.first("AccessKeyId", in: answer.text),
            let secret = XMLText.first("SecretAccessKey", in: answer.text)
        else { throw AWSError(.credentials, "\(place) gave no credentials") }
        return AWSCredentials(
            accessKeyID: id, secretAccessKey: secret, sessionToken: XMLText.first("SessionToken", in: answer.text),
            expiration: try AWSCredentials.expiration(XMLText.first("Expiration", in: answer.text), from: place))
    }
}
