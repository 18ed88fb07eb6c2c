/// The trigger `http`: an endpoint that takes requests.
struct EndpointSettings: Sendable, Hashable {
    /// Who may make requests.
    enum Auth: Sendable, Hashable {
        /// Who sends this token as `Authorization: Bearer`.
        case bearer(Secret)
        /// Who sends this secret in this header.
        case header(name: String, secret: Secret)
    }

    /// The path, beginning with `/`.
    var path: String
    /// The method.
    var method: String
    /// Who may make requests; `nil` for everybody who reaches the server.
    var auth: Auth?
    /// The largest body, in bytes; `nil` for the server's limit.
    var maximumBodyBytes: Int?
    /// The type of the events that requests become; `nil` for the usual one.
    var type: String?
}

extension Reading where Value == EndpointSettings {
    static var endpoint: Reading {
        section("a mapping such as { path: /orders }") { section in
            let path = section.require("path", .endpointPath)
            let settings = EndpointSettings(
                path: path ?? "/", method: section.read("method", .httpMethod, default: "POST"),
                auth: section.read("auth", .auth), maximumBodyBytes: section.read("body", .size(1...(256 << 20))),
                type: section.read("type", .string))
            return path == nil ? nil : settings
        }
    }
}

extension Reading where Value == String {
    /// The path of an endpoint, which must not be one of the server's own.
    fileprivate static var endpointPath: Reading {
        let expected = "a path that begins with '/', such as /orders"
        let own = ["/", "/healthz", "/readyz", "/metrics", "/openapi.json"]
        return Reading(expected) { node, label, context in
            guard let text = context.text(node, label, expected: expected) else { return nil }
            guard text.hasPrefix("/"), isPath(text) else {
                context.report(node.position, "\(label): \(node.shown) is wrong; expected \(expected)")
                return nil
            }
            guard !own.contains(text), text != "/v1", !text.hasPrefix("/v1/") else {
                context.report(
                    node.position, "\(label): \(node.shown) belongs to the management API; expected another path")
                return nil
            }
            return text
        }
    }
}

/// Whether these are segments of a URI's path (RFC 3986, section 3.3), so that a request can have it.
private func isPath(_ text: String) -> Bool {
    var rest = Substring(text).utf8
    while let byte = rest.popFirst() {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
            UInt8(ascii: "a")...UInt8(ascii: "z"):
            break
        case UInt8(ascii: "%"):
            guard rest.prefix(2).count == 2, rest.prefix(2).allSatisfy({ Character(Unicode.Scalar($0)).isHexDigit })
            else {
                return false
            }
            rest = rest.dropFirst(2)
        default:
            guard "/-._~!$&'()*+,;=:@".utf8.contains(byte) else { return false }
        }
    }
    return true
}

extension Reading where Value == EndpointSettings.Auth {
    fileprivate static var auth: Reading {
        let expected = "one of: { bearer: SECRET }, { header: { name: NAME, secret: SECRET } }"
        return section("a mapping, \(expected)") { section in
            let bearer = section.read("bearer", .secret).map { EndpointSettings.Auth.bearer($0) }
            let header = section.read("header", .header)
            if section.has("bearer") == section.has("header"), section.entries.allSatisfy({ section.isKnown($0.key) }) {
                section.context.report(section.position, "\(section.label) has none or both; expected \(expected)")
            }
            return bearer ?? header
        }
    }

    private static var header: Reading {
        section("a mapping such as { name: X-Token, secret: \"${TOKEN}\" }") { section in
            let name = section.require("name", .headerName)
            let secret = section.require("secret", .secret)
            guard let name, let secret else { return nil }
            return .header(name: name, secret: secret)
        }
    }
}

extension Reading where Value == String {
    /// The name of a header: a token of RFC 9110, section 5.6.2.
    fileprivate static var headerName: Reading {
        text("the name of a header such as X-Token") { text in
            let isToken = text.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "a")...UInt8(ascii: "z"):
                    true
                default: "!#$%&'*+-.^_`|~".utf8.contains(byte)
                }
            }
            return isToken && !text.isEmpty ? text : nil
        }
    }
}
