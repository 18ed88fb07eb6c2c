import NightjarActions

/// The action `http`: a request.
struct RequestSettings: Sendable, Hashable {
    /// Where to.
    var url: String
    /// How it is made and its answer read.
    var options: HTTPAction.Options
}

extension Reading where Value == RequestSettings {
    static var request: Reading {
        section("a mapping such as { url: \"https://example.com/path\" }") { section in
            let url = section.require("url", .httpURL)
            var options = HTTPAction.Options()
            options.method = section.read("method", .httpMethod, default: options.method)
            options.headers = section.read("headers", Reading<String>.anyString.dictionary(), default: [:])
            options.body = section.read("body", Reading<EventData>.eventData)?.bytes
            options.envelope = section.read("envelope", .choice, default: options.envelope)
            options.timeout = section.read("timeout", .duration(atLeast: .milliseconds(1)), default: options.timeout)
            options.success = section.read(
                "success", Reading<ClosedRange<Int>>.statuses.oneOrMore(), default: options.success)
            options.retry = section.read(
                "retry", Reading<ClosedRange<Int>>.statuses.oneOrMore(), default: options.retry)
            options.outputLimitBytes = section.read("output", .size(0...(16 << 20)), default: options.outputLimitBytes)
            return url.map { RequestSettings(url: $0, options: options) }
        }
        .checked { try HTTPAction($0.url, options: $0.options) }
    }
}

extension Reading where Value == ClosedRange<Int> {
    /// An HTTP status, or a range of them.
    static var statuses: Reading {
        text("a status such as 204 or a range such as 200-299") { text in
            let ends = text.split(separator: "-", omittingEmptySubsequences: false).map { Int($0) }
            guard let first = ends.first ?? nil, let last = ends.last ?? nil, ends.count <= 2, first <= last,
                (100...599).contains(first), (100...599).contains(last)
            else { return nil }
            return first...last
        }
    }
}
