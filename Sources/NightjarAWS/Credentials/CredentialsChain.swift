import Foundation

/// Looks for credentials as every AWS tool does; the first place that has some decides.
struct CredentialsChain: CredentialsSource {
    let configuration: AWSConfiguration
    let exchange: HTTPExchange

    func find() async throws(AWSError) -> AWSCredentials? {
        if let credentials = configuration.options.credentials { return credentials }
        if let credentials = try fromEnvironment() { return credentials }
        let profile = ProfileCredentials(configuration: configuration, exchange: exchange)
        if let credentials = try await profile.find() { return credentials }
        if let credentials = try await fromWebIdentity() { return credentials }
        let container = ContainerCredentials(environment: configuration.environment, exchange: exchange)
        if let credentials = try await container.find() { return credentials }
        let metadata = InstanceMetadata(environment: configuration.environment, exchange: exchange)
        if let credentials = try await metadata.find() { return credentials }
        throw AWSError(
            .credentials,
            "no AWS credentials were found: not in the options, not in AWS_ACCESS_KEY_ID, not in the profile \"\(configuration.profileName)\" of the shared files, not by AWS_WEB_IDENTITY_TOKEN_FILE, not by AWS_CONTAINER_CREDENTIALS_RELATIVE_URI or _FULL_URI, and there is no instance metadata"
        )
    }

    private func fromEnvironment() throws(AWSError) -> AWSCredentials? {
        // A profile that was asked for outweighs what happens to be set.
        guard configuration.options.profile == nil else { return nil }
        return try configuration.environment.credentials()
    }

    private func fromWebIdentity() async throws(AWSError) -> AWSCredentials? {
        let environment = configuration.environment
        guard let file = environment["AWS_WEB_IDENTITY_TOKEN_FILE"], let role = environment["AWS_ROLE_ARN"] else {
            return nil
        }
        let sts = try STS(configuration: configuration, exchange: exchange)
        return try await sts.assumeRole(
            role, withTokenIn: file, session: environment["AWS_ROLE_SESSION_NAME"])
    }
}

extension AWSEnvironment {
    /// Credentials in variables.
    func credentials() throws(AWSError) -> AWSCredentials? {
        switch (self["AWS_ACCESS_KEY_ID"], self["AWS_SECRET_ACCESS_KEY"]) {
        case (nil, nil): return nil
        case (let id?, let secret?):
            return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: self["AWS_SESSION_TOKEN"])
        case (nil, _): throw AWSError(.credentials, "AWS_SECRET_ACCESS_KEY is set, and AWS_ACCESS_KEY_ID is not")
        case (_, nil): throw AWSError(.credentials, "AWS_ACCESS_KEY_ID is set, and AWS_SECRET_ACCESS_KEY is not")
        }
    }
}

/// The JSON in which container and instance metadata and credential processes give credentials.
struct CredentialsDocument: Decodable {
    var Code: String?
    var Message: String?
    var AccessKeyId: String?
    var SecretAccessKey: String?
    var Token: String?
    var SessionToken: String?
    var Expiration: String?
    var Version: Int?

    /// - Parameter place: what answered, for people.
    static func credentials(in json: [UInt8], from place: String) throws(AWSError) -> AWSCredentials {
        // What the text is must not stand in an error: it may hold secrets.
        guard let document = try? JSONDecoder().decode(CredentialsDocument.self, from: Data(json)) else {
            throw AWSError(.credentials, "\(place) gave no JSON object with credentials")
        }
        if let code = document.Code, code != "Success" {
            throw AWSError(.credentials, "\(place) gave no credentials: \(code)")
        }
        guard let id = document.AccessKeyId, let secret = document.SecretAccessKey else {
            throw AWSError(.credentials, "\(place) gave no AccessKeyId and SecretAccessKey")
        }
        return AWSCredentials(
            accessKeyID: id, secretAccessKey: secret, sessionToken: document.Token ?? document.SessionToken,
            expiration: try AWSCredentials.expiration(document.Expiration, from: place))
    }
}
