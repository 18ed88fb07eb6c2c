import AsyncHTTPClient
import CloudEvents
import HTTPTypes
import NIOCore
import NIOHTTP1
import NightjarCore

extension HTTPAction {
    /// The request of one attempt.
    func request(_ context: RunContext) -> HTTPClientRequest {
        var request = HTTPClientRequest(url: url)
        request.method = HTTPMethod(rawValue: options.method)
        let (fields, body) = content(context)
        for field in fields { request.headers.add(name: field.name.canonicalName, value: field.value) }
        request.headers.replaceOrAdd(name: "user-agent", value: "nightjar")
        request.headers.replaceOrAdd(name: "idempotency-key", value: context.idempotencyKey)
        request.headers.replaceOrAdd(name: "nightjar-run-id", value: context.id.description)
        request.headers.replaceOrAdd(name: "nightjar-attempt", value: "\(context.attempt)")
        request.headers.replaceOrAdd(name: "nightjar-fencing-token", value: "\(context.fencingToken)")
        for (name, value) in options.headers { request.headers.replaceOrAdd(name: name, value: value) }
        if let body { request.body = .bytes(ByteBuffer(bytes: body)) }
        return request
    }

    private func content(_ context: RunContext) -> (fields: HTTPFields, body: [UInt8]?) {
        if let body = options.body {
            guard !body.isEmpty else { return ([:], hasBody ? [] : nil) }
            return ([.contentType: JSONText.isValid(body) ? "application/json" : "text/plain; charset=utf-8"], body)
        }
        let event = context.event
        var (fields, body) =
            switch options.envelope {
            // A batch has a content mode of its own (CloudEvents, HTTP binding, section 3.3).
            case .binary where !context.items.isEmpty, .structured where !context.items.isEmpty:
                (Self.contentType(event), context.input)
            case .binary: HTTPBinding.encodeBinary(event)
            case .structured: HTTPBinding.encodeStructured(event)
            case .off: (Self.contentType(event), context.input)
            }
        guard hasBody else {
            fields[.contentType] = nil
            return (fields, nil)
        }
        return (fields, body)
    }

    /// Whether a request of this method has a body that means something (RFC 9110, section 9.3).
    private var hasBody: Bool { options.method != "GET" && options.method != "HEAD" }

    private static func contentType(_ event: Event) -> HTTPFields {
        if let type = event.dataContentType { return [.contentType: type] }
        return event.data == nil ? [:] : [.contentType: "application/json"]
    }
}
