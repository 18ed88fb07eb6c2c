import CloudEvents
import HTTPTypes
import Hummingbird
import NIOCore
import NightjarCore

/// An error as the client sees it: RFC 9457, "Problem Details for HTTP APIs".
struct Problem: Error, Sendable {
    var status: HTTPResponse.Status
    var detail: String
    var headers: HTTPFields = [:]
    /// Further members: where in the body, which event of the batch, which state.
    var members: [(String, String)] = []
    var numbers: [(String, Int)] = []

    init(_ status: HTTPResponse.Status, _ detail: String) {
        self.status = status
        self.detail = detail
    }

    init(_ error: EventError) {
        let status: HTTPResponse.Status =
            switch error.code {
            case .unsupportedContentType: .unsupportedMediaType
            case .tooMany, .tooLarge: .contentTooLarge
            default: .badRequest
            }
        self.init(status, error.message)
        if let offset = error.byteOffset { numbers.append(("byteOffset", offset)) }
        if let index = error.eventIndex { numbers.append(("eventIndex", index)) }
        if let attribute = error.attribute { members.append(("attribute", attribute)) }
    }

    init(_ error: IntakeError) {
        switch error.code {
        case .full, .stopping, .store:
            self.init(.serviceUnavailable, error.message)
            headers[.retryAfter] = "\(max(1, (error.retryAfter ?? .seconds(1)).components.seconds))"
        case .unknownJob, .unknownTrigger: self.init(.notFound, error.message)
        case .invalidEvent: self.init(.badRequest, error.message)
        case .tooLarge: self.init(.contentTooLarge, error.message)
        }
        if let index = error.index { numbers.append(("eventIndex", index)) }
    }

    init(_ error: StoreError) {
        self.init(.serviceUnavailable, "the store did not answer: \(error.message)")
        headers[.retryAfter] = "1"
    }

    /// The problem that an error thrown anywhere in a request stands for.
    static func of(_ error: any Error) -> Problem? {
        switch error {
        case let error as Problem: error
        case let error as EventError: Problem(error)
        case let error as IntakeError: Problem(error)
        case let error as StoreError: Problem(error)
        default: nil
        }
    }

    static let contentType = "application/problem+json"

    /// The problem in JSON.
    var json: [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.member("type", "about:blank")
        writer.member("title", status.reasonPhrase)
        writer.member("status", status.code)
        writer.member("detail", detail)
        for (name, value) in members { writer.member(name, value) }
        for (name, value) in numbers { writer.member(name, value) }
        writer.endObject()
        return writer.bytes
    }

    var response: Response {
        var headers = headers
        headers[.contentType] = Self.contentType
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: json)))
    }
}

extension Response {
    /// An answer in JSON.
    static func json(
        _ status: HTTPResponse.Status = .ok, headers: HTTPFields = [:], _ write: (inout JSONWriter) -> Void
    ) -> Response {
        var writer = JSONWriter()
        write(&writer)
        var headers = headers
        headers[.contentType] = "application/json"
        return Response(status: status, headers: headers, body: .init(byteBuffer: ByteBuffer(bytes: writer.bytes)))
    }
}
