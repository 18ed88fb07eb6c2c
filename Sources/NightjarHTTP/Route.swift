import HTTPTypes
import Hummingbird

/// A path of the API, what it does, and who may ask for it.
struct Route: Sendable {
    typealias Handler = @Sendable (API, RequestReader, [String: String]) async throws -> Response

    var method: HTTPRequest.Method
    /// Segments; one in braces stands for any value.
    var path: String
    var needsToken: Bool
    /// The query parameters that it knows; others are refused. `nil` if it does not look at any, and minds none.
    var query: [String]?
    var handler: Handler

    init(
        _ method: HTTPRequest.Method, _ path: String, needsToken: Bool = true, query: [String]? = [],
        _ handler: @escaping Handler
    ) {
        self.method = method
        self.path = path
        self.needsToken = needsToken
        self.query = query
        self.handler = handler
    }

    /// The values of the segments in braces, if the path fits.
    func parameters(_ segments: [Substring]) throws -> [String: String]? {
        let own = path.split(separator: "/")
        guard own.count == segments.count else { return nil }
        var parameters: [String: String] = [:]
        for (expected, found) in zip(own, segments) {
            if expected.hasPrefix("{") {
                guard let value = RequestReader.decoded(found.replacing("+", with: "%2B")) else {
                    throw Problem(.badRequest, "the path is not percent-encoded UTF-8")
                }
                parameters[String(expected.dropFirst().dropLast())] = value
            } else if expected != found {
                return nil
            }
        }
        return parameters
    }
}
