import Foundation

/// Where a server is, and who uses it: what an AMQP URI says ("RabbitMQ URI Specification").
struct RabbitMQAddress: Sendable, Hashable {
    var isTLS: Bool
    var host: String
    var port: Int
    var user: String
    var password: String
    var virtualHost: String

    /// Reads `amqp://user:password@host:port/vhost`; `amqps` for TLS. What is left out is `guest`, `guest`, 5672 (5671 with
    /// TLS) and `/`. Parts are percent-decoded; the virtual host `/` is written `%2F`, or left out.
    /// - Throws: ``RabbitMQError`` that never shows the password.
    init(_ url: String) throws(RabbitMQError) {
        guard let parts = URLComponents(string: url), let scheme = parts.scheme?.lowercased(),
            ["amqp", "amqps"].contains(scheme), let host = parts.host, !host.isEmpty
        else {
            throw RabbitMQError(
                .invalidOptions,
                "the url is no AMQP URL: expected one such as amqp://user:password@host:5672/vhost, or amqps:// for TLS"
            )
        }
        guard (parts.query ?? "").isEmpty, parts.fragment == nil else {
            throw RabbitMQError(
                .invalidOptions, "the url of \(host) has a query or a fragment: expected none; use options instead")
        }
        isTLS = scheme == "amqps"
        // An IPv6 address stands in brackets in a URL alone.
        self.host = host.hasPrefix("[") && host.hasSuffix("]") ? String(host.dropFirst().dropLast()) : host
        port = parts.port ?? (isTLS ? 5671 : 5672)
        user = parts.user ?? "guest"
        password = parts.password ?? (parts.user == nil ? "guest" : "")
        let path = parts.percentEncodedPath
        guard !path.dropFirst().contains("/"), let vhost = String(path.dropFirst()).removingPercentEncoding else {
            throw RabbitMQError(
                .invalidOptions,
                "the url of \(host) has the path \(path): expected one name of a virtual host, in which / is written %2F"
            )
        }
        virtualHost = vhost.isEmpty ? "/" : vhost
        guard (1...65_535).contains(port) else {
            throw RabbitMQError(.invalidOptions, "the url of \(host) has the port \(port): expected 1 to 65535")
        }
        for text in [self.host, user, password, virtualHost] where text.utf8.contains(0) {
            throw RabbitMQError(.invalidOptions, "the url of \(host) contains a zero byte")
        }
    }

    /// The server without credentials.
    var shown: String { "\(isTLS ? "amqps" : "amqp")://\(authority)/\(Self.encoded(virtualHost))" }

    private var authority: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }

    /// A URI that names a queue or an exchange there, without credentials.
    func source(of name: String) -> String { "\(shown)/\(Self.encoded(name))" }

    private static func encoded(_ text: String) -> String {
        var result = ""
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "."), UInt8(ascii: "_"),
                UInt8(ascii: "~"):
                result.unicodeScalars.append(Unicode.Scalar(byte))
            default:
                let digits = String(byte, radix: 16, uppercase: true)
                result += "%" + (digits.count < 2 ? "0" : "") + digits
            }
        }
        return result
    }
}
