/// What names a queue.
enum QueueAddress: Sendable, Hashable {
    case url(String, endpoint: AWSEndpoint)
    case arn(region: String, account: String, name: String)
    case name(String)

    /// Reads a queue's URL, ARN or name; `nil` if the text is none of them.
    init?(_ text: String) {
        if text.hasPrefix("http://") || text.hasPrefix("https://") {
            guard let endpoint = AWSEndpoint(url: text), !endpoint.path.isEmpty,
                let origin = AWSEndpoint(url: String(endpoint.url.dropLast(endpoint.path.utf8.count)))
            else { return nil }
            self = .url(text, endpoint: origin)
        } else if text.hasPrefix("arn:") {
            let parts = text.split(separator: ":", omittingEmptySubsequences: false).map(String.init)
            guard parts.count == 6, parts[2] == "sqs", AWSOptions.isRegion(parts[3]), Self.isName(parts[5]) else {
                return nil
            }
            self = .arn(region: parts[3], account: parts[4], name: parts[5])
        } else {
            guard Self.isName(text) else { return nil }
            self = .name(text)
        }
    }

    static func problem(_ text: String) -> String? {
        guard QueueAddress(text) == nil else { return nil }
        // A URL may have a password in it, and is not shown.
        let shown = text.contains("@") ? "the queue's address" : "\"\(text.prefix(200))\""
        return
            "\(shown) names no queue: expected a URL such as https://sqs.eu-west-1.amazonaws.com/123456789012/orders without user and query, an ARN such as arn:aws:sqs:eu-west-1:123456789012:orders, or a name of letters, digits, '-' and '_'"
    }

    /// 1 to 80 letters, digits, hyphens and underscores; the name of a FIFO queue ends in `.fifo`.
    private static func isName(_ text: String) -> Bool {
        let stem = text.hasSuffix(".fifo") ? text.dropLast(5) : text[...]
        return !stem.isEmpty && text.utf8.count <= 80
            && stem.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "-"), UInt8(ascii: "_"):
                    true
                default: false
                }
            }
    }

    /// Whether messages keep their order.
    var isFIFO: Bool {
        switch self {
        case .url(let url, _): url.hasSuffix(".fifo")
        case .arn(_, _, let name), .name(let name): name.hasSuffix(".fifo")
        }
    }
}
