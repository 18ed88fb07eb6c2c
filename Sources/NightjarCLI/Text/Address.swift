import NightjarHTTP

/// A host and a port to listen on or to call.
struct Address: Sendable, Hashable, CustomStringConvertible {
    /// A name or an IP address, without brackets.
    var host: String
    /// The port; 0 lets the system choose.
    var port: Int

    /// What is expected, for messages.
    static let expected = "a host and a port such as 127.0.0.1:8080, localhost:8080 or [::1]:8080"

    /// An address with these parts.
    init(host: String, port: Int) {
        self.host = host
        self.port = port
    }

    /// Reads `host:port`, an IPv6 address in brackets.
    init?(_ text: String) {
        guard let colon = text.lastIndex(of: ":"), case let digits = text[text.index(after: colon)...],
            digits.allSatisfy(\.isNumber), let port = UInt16(digits)
        else { return nil }
        var host = text[..<colon]
        if host.hasPrefix("["), host.hasSuffix("]") {
            host = host.dropFirst().dropLast()
            guard host.contains(":"), host.allSatisfy({ $0.isHexDigit || $0 == ":" || $0 == "." || $0 == "%" }) else {
                return nil
            }
        } else {
            guard host.allSatisfy({ $0.isASCII && ($0.isLetter || $0.isNumber || $0 == "." || $0 == "-" || $0 == "_") })
            else { return nil }
        }
        guard !host.isEmpty else { return nil }
        self.init(host: String(host), port: Int(port))
    }

    /// Only programs on this machine can reach it.
    var isLoopback: Bool { HTTPServerConfiguration.isLoopback(host) }

    /// `host:port`.
    var description: String { host.contains(":") ? "[\(host)]:\(port)" : "\(host):\(port)" }
}
