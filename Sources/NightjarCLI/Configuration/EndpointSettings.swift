/// The trigger `http`: an endpoint that takes requests.
struct EndpointSettings: Sendable, Hashable {
    /// Who may make requests.
    enum Auth: Sendable, Hashable {
        /// Who sends this token as `Authorization: Bearer`.
        case bearer(Secret)
        /// Who sends this name and password as `Authorization: Basic`.
        case basic(user: String, password: Secret)
        /// Who sends this value in this header.
        case header(name: String, value: Secret)
    }

    /// The path, beginning with `/`.
    var path: String
    /// The method.
    var method: String
    /// Who may make requests; `nil` for everybody.
    var auth: Auth?
}

extension Reading where Value == EndpointSettings {
    static var endpoint: Reading {
        section("a mapping such as { path: /orders }") { section in
            let path = section.require("path", .endpointPath)
            let method = section.read("method", .httpMethod, default: "POST")
            let auth = section.read("auth", .auth)
            guard let path else { return nil }
            return EndpointSettings(path: path, method: method, auth: auth)
        }
    }
}

extension Reading where Value == EndpointSettings.Auth {
    static var auth: Reading {
        section("a mapping such as { bearer: \"${TOKEN}\" }") { section in
            let bearer = section.read("bearer", .secret)
            return bearer.map { .bearer($0) }
        }
    }
}
