import CloudEvents
import HTTPTypes
import Hummingbird
import NIOCore
import NightjarCore

/// Reads what a handler needs of a request, and says clearly what is wrong with it.
struct RequestReader: Sendable {
    let request: Request
    let limits: HTTPServerConfiguration

    /// The whole body, unless it is larger than `limit`.
    func body(limit: Int? = nil) async throws -> [UInt8] {
        let limit = limit ?? limits.maximumBodyBytes
        let tooLarge = Problem(.contentTooLarge, "the body is larger than \(limit) bytes, the limit")
        if let length = request.headers[.contentLength].flatMap({ Int($0) }), length > limit { throw closing(tooLarge) }
        var bytes: [UInt8] = []
        for try await chunk in request.body {
            guard bytes.count + chunk.readableBytes <= limit else { throw closing(tooLarge) }
            bytes += chunk.readableBytesView
        }
        return bytes
    }

    /// The rest of the body is not read, so the connection cannot be used again.
    private func closing(_ problem: Problem) -> Problem {
        var problem = problem
        problem.headers[.connection] = "close"
        return problem
    }

    /// The values of a query parameter, percent-decoded, in order.
    func query(_ name: String) throws -> [String] {
        guard let query = request.uri.query else { return [] }
        return try query.split(separator: "&").compactMap { pair -> String? in
            let parts = pair.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
            guard parts[0] == name else { return nil }
            guard let value = Self.decoded(parts.count > 1 ? parts[1] : "") else {
                throw Problem(.badRequest, "the query parameter \(name) is not percent-encoded UTF-8")
            }
            return value
        }
    }

    /// Refuses parameters that nobody looks at: a filter that is misspelt must not stand for no filter.
    func checkQuery(_ known: [String]) throws {
        for pair in request.uri.query?.split(separator: "&") ?? [] {
            let name = pair.prefix { $0 != "=" }
            guard !known.contains(where: { $0 == name }) else { continue }
            let expected = known.isEmpty ? "none" : known.joined(separator: ", ")
            throw Problem(
                .badRequest,
                "there is no query parameter \"\(Self.decoded(name) ?? String(name))\" here; expected \(expected)")
        }
    }

    /// A number between bounds, or what it is by default.
    func number(_ name: String, in range: ClosedRange<Int>, default standard: Int) throws -> Int {
        guard let text = try query(name).last else { return standard }
        guard let number = Int(text), range.contains(number) else {
            throw Problem(
                .badRequest,
                "the query parameter \(name) is \"\(text)\"; expected a number from \(range.lowerBound) to \(range.upperBound)"
            )
        }
        return number
    }

    /// The `Idempotency-Key` of draft-ietf-httpapi-idempotency-key-header, as a string or bare.
    func idempotencyKey() throws -> String? {
        guard let name = HTTPField.Name("Idempotency-Key"), var key = request.headers[name] else { return nil }
        if key.count >= 2, key.hasPrefix("\""), key.hasSuffix("\"") { key = String(key.dropFirst().dropLast()) }
        guard (1...255).contains(key.utf8.count), key.utf8.allSatisfy({ (0x20..<0x7F).contains($0) }) else {
            throw Problem(.badRequest, "the Idempotency-Key must have 1 to 255 printable ASCII characters")
        }
        return key
    }

    /// The seconds of `Prefer: wait=N` (RFC 7240, section 4.3).
    func preferredWait() throws -> Duration? {
        guard let name = HTTPField.Name("Prefer") else { return nil }
        for preference in request.headers[values: name].flatMap({ $0.split(separator: ",") }) {
            guard let token = preference.split(separator: ";").first else { continue }
            let parts = token.split(separator: "=")
            guard parts.count == 2, parts[0].trimmed().lowercased() == "wait" else { continue }
            guard let seconds = Int64(parts[1].trimmed()), seconds >= 0 else {
                throw Problem(.badRequest, "Prefer: wait needs a whole number of seconds")
            }
            return min(.seconds(seconds), limits.maximumWait)
        }
        return nil
    }

    /// Undoes percent-encoding; `nil` if what comes out is not UTF-8.
    static func decoded(_ text: some StringProtocol) -> String? {
        var bytes: [UInt8] = []
        let utf8 = Array(text.utf8)
        var index = 0
        while index < utf8.count {
            if utf8[index] == UInt8(ascii: "%") {
                guard index + 2 < utf8.count,
                    let byte = UInt8(String(decoding: utf8[index + 1...index + 2], as: UTF8.self), radix: 16)
                else { return nil }
                bytes.append(byte)
                index += 3
            } else {
                bytes.append(utf8[index] == UInt8(ascii: "+") ? 0x20 : utf8[index])
                index += 1
            }
        }
        return String(validating: bytes, as: UTF8.self)
    }
}

extension Substring {
    func trimmed() -> Substring {
        var text = self
        while text.first == " " { text.removeFirst() }
        while text.last == " " { text.removeLast() }
        return text
    }
}
