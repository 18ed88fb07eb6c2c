import Crypto

/// What is signed of a request ("Create a canonical request", AWS IAM User Guide, Signature Version 4).
struct CanonicalRequest {
    /// What stands for the body.
    enum Payload: Sendable {
        /// These bytes.
        case bytes([UInt8])
        /// The body is not signed: `UNSIGNED-PAYLOAD`, which Amazon S3 takes over TLS.
        case unsigned

        var hash: String {
            switch self {
            case .bytes(let bytes): Hexadecimal.text(SHA256.hash(data: bytes))
            case .unsigned: "UNSIGNED-PAYLOAD"
            }
        }
    }

    /// Headers that proxies change, or that are made after signing.
    private static let unsignedHeaders: Set<String> = [
        "authorization", "connection", "expect", "transfer-encoding", "user-agent", "x-amzn-trace-id",
    ]

    /// The text that is hashed.
    let text: String
    /// The names of the headers that are signed, in order, with semicolons between them.
    let signedHeaders: String

    /// - Parameters:
    ///   - target: the path with the query, as they stand in the request's first line.
    ///   - isPathVerbatim: whether the path is signed as it stands, as Amazon S3 asks for; every other service signs it
    ///     without dots and repeated slashes, and encoded once more.
    init(
        method: String, target: String, headers: [(name: String, value: String)], payloadHash: String,
        isPathVerbatim: Bool
    ) {
        let parts = target.split(separator: "?", maxSplits: 1, omittingEmptySubsequences: false)
        let path = parts[0].isEmpty ? "/" : String(parts[0])
        let canonicalPath =
            isPathVerbatim ? path : PercentCoding.encode(Self.normalized(path).utf8, keepsSlash: true)
        let (lines, names) = Self.canonical(headers)
        signedHeaders = names
        text = [
            method, canonicalPath, parts.count > 1 ? Self.canonical(query: parts[1]) : "", lines, names, payloadHash,
        ].joined(separator: "\n")
    }

    /// Without empty and dot segments; a slash at the end stays.
    private static func normalized(_ path: String) -> String {
        var segments: [Substring] = []
        for segment in path.split(separator: "/") {
            switch segment {
            case ".": continue
            case "..": _ = segments.popLast()
            default: segments.append(segment)
            }
        }
        let endsWithSlash = path.hasSuffix("/") && !segments.isEmpty
        return "/" + segments.joined(separator: "/") + (endsWithSlash ? "/" : "")
    }

    private static func canonical(query: Substring) -> String {
        let pairs = query.split(separator: "&").map { pair -> (name: String, value: String) in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            return (
                PercentCoding.encode(PercentCoding.decode(parts[0])),
                parts.count > 1 ? PercentCoding.encode(PercentCoding.decode(parts[1])) : ""
            )
        }
        // By their bytes: Swift orders texts otherwise.
        let sorted = pairs.sorted { left, right in
            left.name == right.name
                ? left.value.utf8.lexicographicallyPrecedes(right.value.utf8)
                : left.name.utf8.lexicographicallyPrecedes(right.name.utf8)
        }
        return sorted.map { "\($0.name)=\($0.value)" }.joined(separator: "&")
    }

    private static func canonical(_ headers: [(name: String, value: String)]) -> (lines: String, names: String) {
        var values: [String: [String]] = [:]
        for (name, value) in headers where !unsignedHeaders.contains(name.lowercased()) {
            values[name.lowercased(), default: []].append(trimmed(value))
        }
        let sorted = values.sorted { $0.key.utf8.lexicographicallyPrecedes($1.key.utf8) }
        let lines = sorted.map { "\($0.key):\($0.value.joined(separator: ","))\n" }.joined()
        return (lines, sorted.map(\.key).joined(separator: ";"))
    }

    /// Without spaces at its ends, and with one space in place of several.
    private static func trimmed(_ value: String) -> String {
        value.split(whereSeparator: { $0 == " " || $0 == "\t" }).joined(separator: " ")
    }
}

/// Bytes as hexadecimal digits in lower case.
enum Hexadecimal {
    private static let digits = Array("0123456789abcdef".utf8)

    static func text(_ bytes: some Sequence<UInt8>) -> String {
        var result: [UInt8] = []
        for byte in bytes { result += [digits[Int(byte >> 4)], digits[Int(byte & 15)]] }
        return String(decoding: result, as: UTF8.self)
    }
}
