import Foundation

/// The HTTP server: endpoints of triggers, and the management API.
struct HTTPServerSettings: Sendable, Hashable {
    /// A certificate and its key, as PEM files.
    struct TLS: Sendable, Hashable {
        /// The path of the certificate chain.
        var certificate: String
        /// The path of the private key.
        var key: String
    }

    /// What is accepted of a client.
    struct Limits: Sendable, Hashable {
        /// The largest body, in bytes.
        var body = 1 << 20
        /// The largest header, in bytes.
        var header = 32 << 10
        /// How many events a batch may have.
        var batch = 1000
        /// How many connections may be open.
        var connections = 1024
        /// How long a request may take to arrive.
        var request = Duration.seconds(30)
        /// How long a connection may be idle.
        var idle = Duration.seconds(60)
        /// How long a client may wait for a run.
        var wait = Duration.seconds(60)
    }

    /// Where it listens.
    var listen = Address(host: "127.0.0.1", port: 8080)
    /// Who knows one of these may use the management API. Without any, everybody who reaches the address may.
    var tokens: [Secret] = []
    /// Whose pages may send requests while there are no tokens, besides this machine's.
    var origins: [String] = []
    /// What is accepted of a client.
    var limits = Limits()
    /// HTTPS instead of HTTP.
    var tls: TLS?
}

extension Reading where Value == HTTPServerSettings? {
    /// The section `http`, or `off`.
    static var serverOrOff: Reading {
        let server = Reading<HTTPServerSettings>.server
        return Reading("\(server.expected), or off") { node, label, context in
            if case .scalar("off", _) = node.content { return .some(nil) }
            return server.read(node, label, context).map { .some($0) }
        }
    }
}

extension Reading where Value == HTTPServerSettings {
    static var server: Reading {
        section("a mapping such as { listen: 127.0.0.1:8080 }") { section in
            var settings = HTTPServerSettings()
            settings.listen = section.read("listen", .address, default: settings.listen)
            settings.tokens = section.read("tokens", Reading<Secret>.secret.oneOrMore(), default: [])
            settings.origins = section.read("origins", Reading<String>.origin.oneOrMore(), default: [])
            settings.limits = section.read("limits", .limits, default: settings.limits)
            settings.tls = section.read("tls", .tls)
            if settings.tokens.isEmpty, !settings.listen.isLoopback,
                !section.has("tokens")
            {
                let position = section.entries.first { $0.key == "listen" }?.value.position ?? section.position
                section.context.report(
                    position,
                    "http listens on \(settings.listen) beyond this machine without tokens; expected \"tokens\", or a loopback address such as 127.0.0.1:\(settings.listen.port)"
                )
            }
            return settings
        }
    }
}

extension Reading where Value == String {
    /// An origin (RFC 6454): scheme, host and port, nothing more.
    fileprivate static var origin: Reading {
        text("an origin such as https://shop.example") { text in
            guard let url = URLComponents(string: text), url.scheme == "https" || url.scheme == "http",
                url.host?.isEmpty == false, url.path.isEmpty, url.query == nil, url.fragment == nil, url.user == nil
            else { return nil }
            return text
        }
    }
}

extension Reading where Value == HTTPServerSettings.Limits {
    static var limits: Reading {
        section("a mapping such as { body: 1MiB }") { section in
            var limits = HTTPServerSettings.Limits()
            limits.body = section.read("body", .size(1...(256 << 20)), default: limits.body)
            limits.header = section.read("header", .size(1024...(1 << 20)), default: limits.header)
            limits.batch = section.read("batch", .integer(1...10_000), default: limits.batch)
            limits.connections = section.read("connections", .integer(1...100_000), default: limits.connections)
            limits.request = section.read("request", .duration(atLeast: .seconds(1)), default: limits.request)
            limits.idle = section.read("idle", .duration(atLeast: .seconds(1)), default: limits.idle)
            limits.wait = section.read("wait", .duration(), default: limits.wait)
            return limits
        }
    }
}

extension Reading where Value == HTTPServerSettings.TLS {
    static var tls: Reading {
        section("a mapping such as { certificate: PATH, key: PATH }") { section in
            let certificate = section.require("certificate", .path)
            let key = section.require("key", .path)
            guard let certificate, let key else { return nil }
            return HTTPServerSettings.TLS(certificate: certificate, key: key)
        }
    }
}
