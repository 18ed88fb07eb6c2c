import CloudEvents

/// Credentials of a profile in the shared files.
struct ProfileCredentials: CredentialsSource {
    let configuration: AWSConfiguration
    let exchange: HTTPExchange

    func find() async throws(AWSError) -> AWSCredentials? {
        let name = configuration.profileName
        let profiles = configuration.profiles().profiles
        guard profiles[name] != nil else {
            guard configuration.isProfileNamed else { return nil }
            throw AWSError(.credentials, "the profile \"\(name)\" is in none of the shared files of AWS")
        }
        return try await credentials(of: name, in: profiles, visited: [])
    }

    private func credentials(
        of name: String, in profiles: [String: AWSProfiles.Settings], visited: [String]
    ) async throws(AWSError) -> AWSCredentials? {
        guard let profile = profiles[name] else {
            throw AWSError(
                .credentials, "the profile \"\(name)\", which \"\(visited.last ?? "")\" refers to, does not exist")
        }
        // A profile may name itself as its source: then its own keys are meant.
        let isOwnSource = visited.last == name
        if let role = profile["role_arn"], !isOwnSource {
            guard !visited.contains(name) else {
                throw AWSError(
                    .credentials,
                    "profiles refer to one another in a circle: \((visited + [name]).joined(separator: ", "))")
            }
            return try await assume(role, of: name, in: profiles, visited: visited + [name])
        }
        if let credentials = try keys(profile, name) { return credentials }
        if let command = profile["credential_process"] { return try await CredentialProcess(command: command).run() }
        if profile["sso_session"] != nil || profile["sso_start_url"] != nil {
            throw AWSError(
                .credentials,
                "the profile \"\(name)\" signs in by SSO, which is not read here: expected credential_process = aws configure export-credentials --profile \(name) --format process in another profile"
            )
        }
        return nil
    }

    private func keys(_ profile: AWSProfiles.Settings, _ name: String) throws(AWSError) -> AWSCredentials? {
        switch (profile["aws_access_key_id"], profile["aws_secret_access_key"]) {
        case (nil, nil): return nil
        case (let id?, let secret?):
            return AWSCredentials(accessKeyID: id, secretAccessKey: secret, sessionToken: profile["aws_session_token"])
        default:
            throw AWSError(
                .credentials,
                "the profile \"\(name)\" has one of aws_access_key_id and aws_secret_access_key: expected both")
        }
    }

    private func assume(
        _ role: String, of name: String, in profiles: [String: AWSProfiles.Settings], visited: [String]
    ) async throws(AWSError) -> AWSCredentials {
        let profile = profiles[name] ?? [:]
        let sts = try STS(configuration: configuration, exchange: exchange, region: profile["region"])
        if let file = profile["web_identity_token_file"] {
            return try await sts.assumeRole(role, withTokenIn: file, session: profile["role_session_name"])
        }
        guard profile["mfa_serial"] == nil else {
            throw AWSError(
                .credentials, "the profile \"\(name)\" asks for a code (mfa_serial), which nobody is here to type")
        }
        let base = try await base(of: profile, name, in: profiles, visited: visited)
        return try await sts.assumeRole(
            role, with: base, session: profile["role_session_name"], externalID: profile["external_id"],
            seconds: profile["duration_seconds"])
    }

    /// What the role is assumed with.
    private func base(
        of profile: AWSProfiles.Settings, _ name: String, in profiles: [String: AWSProfiles.Settings],
        visited: [String]
    ) async throws(AWSError) -> AWSCredentials {
        let environment = configuration.environment
        let found: AWSCredentials?
        switch (profile["source_profile"], profile["credential_source"]) {
        case (let source?, nil): found = try await credentials(of: source, in: profiles, visited: visited)
        case (nil, "Environment"?): found = try environment.credentials()
        case (nil, "EcsContainer"?):
            found = try await ContainerCredentials(environment: environment, exchange: exchange).find()
        case (nil, "Ec2InstanceMetadata"?):
            found = try await InstanceMetadata(environment: environment, exchange: exchange).find()
        default:
            throw AWSError(
                .credentials,
                "the profile \"\(name)\" has a role_arn: expected one of source_profile, credential_source (Environment, EcsContainer or Ec2InstanceMetadata) and web_identity_token_file"
            )
        }
        guard let found else {
            throw AWSError(
                .credentials, "the profile \"\(name)\" has a role_arn, and what it is assumed with was not found")
        }
        return found
    }
}

extension AWSCredentials {
    /// Reads the time at which credentials end.
    static func expiration(_ text: String?, from place: String) throws(AWSError) -> Timestamp? {
        guard let text else { return nil }
        guard let time = Timestamp(rfc3339: text) else {
            throw AWSError(
                .credentials,
                "\(place) gave \"\(text.prefix(40))\" as the end of credentials: expected a time in RFC 3339"
            )
        }
        return time
    }
}
