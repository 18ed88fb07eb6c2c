/// What options, variables and files say together.
struct AWSConfiguration: Sendable {
    let options: AWSOptions
    let environment: AWSEnvironment

    /// The profile that is used.
    var profileName: String { options.profile ?? environment["AWS_PROFILE"] ?? "default" }

    /// Whether somebody asked for that profile.
    var isProfileNamed: Bool { options.profile != nil || environment["AWS_PROFILE"] != nil }

    /// The shared files as they are now.
    func profiles() -> AWSProfiles {
        func text(_ variable: String, _ usual: String) -> String {
            environment.read(environment.expanded(environment[variable] ?? usual)) ?? ""
        }
        return AWSProfiles(
            config: text("AWS_CONFIG_FILE", "~/.aws/config"),
            credentials: text("AWS_SHARED_CREDENTIALS_FILE", "~/.aws/credentials"))
    }

    /// The region; `nil` if nothing says one.
    /// - Parameter host: the region in the name of the host that is asked, which knows no other.
    func region(host: String? = nil) throws(AWSError) -> String? {
        let region =
            options.region ?? host ?? environment["AWS_REGION"] ?? environment["AWS_DEFAULT_REGION"]
            ?? profiles().profiles[profileName]?["region"]
        guard let region else { return nil }
        guard AWSOptions.isRegion(region) else {
            throw AWSError(
                .configuration,
                "the region \"\(region)\" has characters that no region has: expected one such as eu-west-1")
        }
        return region
    }

    /// The endpoint that somebody set for a service; `nil` if nobody did.
    /// - Parameter isOwn: whether the options' endpoint is this service's.
    func endpoint(of service: String, isOwn: Bool = true) throws(AWSError) -> AWSEndpoint? {
        if isOwn, let endpoint = options.endpoint { return try read(endpoint, "the option") }
        guard environment["AWS_IGNORE_CONFIGURED_ENDPOINT_URLS"]?.lowercased() != "true" else { return nil }
        for name in ["AWS_ENDPOINT_URL_\(service.uppercased())", "AWS_ENDPOINT_URL"] {
            if let endpoint = environment[name] { return try read(endpoint, name) }
        }
        let profiles = profiles()
        let profile = profiles.profiles[profileName] ?? [:]
        let services = profile["services"].flatMap { profiles.services[$0] } ?? [:]
        if let endpoint = services["\(service).endpoint_url"] ?? profile["endpoint_url"] {
            return try read(endpoint, "endpoint_url of the profile \(profileName)")
        }
        return nil
    }

    private func read(_ url: String, _ place: String) throws(AWSError) -> AWSEndpoint {
        guard let endpoint = AWSEndpoint(url: url) else {
            throw AWSError(
                .configuration,
                "\(place) is no HTTP URL without user and query: expected an endpoint such as https://sqs.example.com")
        }
        return endpoint
    }
}
