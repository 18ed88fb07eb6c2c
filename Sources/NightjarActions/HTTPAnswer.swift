import CloudEvents
import Foundation
import NIOHTTP1

/// What a server answered, as far as it was read.
struct HTTPAnswer: Sendable {
    /// How reading the body ended.
    enum Ending: Sendable {
        case complete
        /// The limit was reached; the rest was not read.
        case cutOff
        /// The time was over.
        case timedOut
        /// The connection broke.
        case failed(String)
    }

    let head: HTTPResponseStatus
    let headers: HTTPHeaders
    let body: [UInt8]
    let ending: Ending

    var status: Int { Int(head.code) }

    /// Such as `503 Service Unavailable`.
    var title: String { head.reasonPhrase.isEmpty ? "\(head.code)" : "\(head.code) \(head.reasonPhrase)" }

    /// Why the body is not all there, where it should be.
    var problem: String? {
        switch ending {
        case .complete, .cutOff: nil
        case .timedOut: "the answer did not end in time"
        case .failed(let reason): "the answer broke off: \(reason)"
        }
    }

    /// The body, to be kept with the attempt.
    var output: [UInt8]? {
        guard case .cutOff = ending else { return body.isEmpty ? nil : body }
        return body + Array("\n… the rest was not read …\n".utf8)
    }

    /// The body, if it is complete and JSON.
    var result: [UInt8]? {
        guard case .complete = ending, JSONText.isJSONContentType(headers.first(name: "content-type")) else {
            return nil
        }
        return JSONResult.trimmed(body)
    }

    /// How long the server asks to be left alone.
    var retryAfter: Duration? {
        headers.first(name: "retry-after").flatMap {
            RetryAfter.wait($0, date: headers.first(name: "date"), now: Int64(Date().timeIntervalSince1970))
        }
    }
}
