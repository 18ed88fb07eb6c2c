public import HTTPTypes

/// The HTTP Protocol Binding for CloudEvents 1.0.2.
public enum HTTPBinding {
    /// How an HTTP message carries events.
    public enum ContentMode: Sendable, Hashable {
        /// Attributes in `ce-` headers, the data as body.
        case binary
        /// One event in JSON as body.
        case structured
        /// Several events in JSON as body.
        case batched
    }

    /// The media types of all event formats begin so (section 3).
    static let formatPrefix = "application/cloudevents"

    /// Whether the message says that it carries events: a `ce-specversion` header, or a content type that begins with
    /// `application/cloudevents`. Says nothing about whether they can be read.
    public static func isCloudEvent(_ fields: HTTPFields) -> Bool {
        hasEventFormat(fields) || fields.contains { $0.name.canonicalName == "ce-specversion" }
    }

    /// Reads the events of a message.
    /// - Throws: ``EventError``; `unsupportedContentType` if the message carries no event or an unknown format,
    ///   `malformedHeader` for headers that cannot be read, `tooMany` for a batch of more than `maximumBatchCount`.
    public static func decode(
        _ fields: HTTPFields, body: [UInt8], maximumBatchCount: Int = 10_000
    ) throws(EventError) -> (mode: ContentMode, events: [Event]) {
        guard hasEventFormat(fields) else {
            guard isCloudEvent(fields) else {
                throw EventError(
                    .unsupportedContentType,
                    "the message carries no CloudEvent; expected the content type \(supported), or ce- headers")
            }
            return (.binary, [try decodeBinary(fields, body)])
        }
        let contentType = fields[.contentType] ?? ""
        guard let type = MediaType(contentType) else {
            throw EventError(
                .malformedHeader, "the content type is \"\(Event.shown(contentType))\"; expected \(supported)")
        }
        guard type.essence == JSONEventFormat.contentType || type.essence == JSONEventFormat.batchContentType else {
            throw EventError(
                .unsupportedContentType,
                "the event format \(Event.shown(type.essence)) is not supported; expected \(supported)")
        }
        guard type.charset == nil || type.charset == "utf-8" else {
            throw EventError(
                .unsupportedContentType, "the charset is \(Event.shown(type.charset ?? "")); expected utf-8")
        }
        if type.essence == JSONEventFormat.contentType { return (.structured, [try JSONEventFormat.decode(body)]) }
        return (.batched, try JSONEventFormat.decodeBatch(body, maximumCount: maximumBatchCount))
    }

    /// A message in binary mode. The event is not validated; extensions whose names no header can have are left out.
    public static func encodeBinary(_ event: Event) -> (fields: HTTPFields, body: [UInt8]) {
        var fields = HTTPFields()
        func set(_ attribute: String, _ value: String?) {
            guard let value, let name = HTTPField.Name("ce-" + attribute) else { return }
            fields[name] = HeaderValue.encode(value)
        }
        set("specversion", Event.specVersion)
        set("id", event.id)
        set("source", event.source)
        set("type", event.type)
        set("subject", event.subject)
        set("time", event.time?.rfc3339)
        set("dataschema", event.dataSchema)
        for (name, value) in event.extensions.sorted(by: { $0.key < $1.key }) { set(name, value.description) }
        if let contentType = event.dataContentType {
            fields[.contentType] = contentType
        } else if let data = event.data, JSONText.isValid(data) {
            // What the JSON format says by leaving the attribute out, HTTP has to say in words.
            fields[.contentType] = "application/json"
        }
        return (fields, event.data ?? [])
    }

    /// A message in structured mode.
    public static func encodeStructured(_ event: Event) -> (fields: HTTPFields, body: [UInt8]) {
        ([.contentType: JSONEventFormat.contentType + "; charset=utf-8"], JSONEventFormat.encode(event))
    }

    /// A message in batched mode.
    public static func encodeBatch(_ events: [Event]) -> (fields: HTTPFields, body: [UInt8]) {
        ([.contentType: JSONEventFormat.batchContentType + "; charset=utf-8"], JSONEventFormat.encodeBatch(events))
    }

    private static var supported: String { "\(JSONEventFormat.contentType) or \(JSONEventFormat.batchContentType)" }

    private static func hasEventFormat(_ fields: HTTPFields) -> Bool {
        guard let contentType = fields[.contentType] else { return false }
        let start = contentType.utf8.drop { $0 == 0x20 || $0 == 0x09 }
        return start.prefix(formatPrefix.utf8.count).elementsEqual(formatPrefix.utf8) { found, expected in
            found == expected || (found &- UInt8(ascii: "A") < 26 && found | 0x20 == expected)
        }
    }

    /// Section 3.1: every `ce-` header is an attribute, `Content-Type` is `datacontenttype`, the body is the data.
    private static func decodeBinary(_ fields: HTTPFields, _ body: [UInt8]) throws(EventError) -> Event {
        var reader = AttributeReader()
        for field in fields {
            let header = field.name.canonicalName
            guard header.hasPrefix("ce-") else { continue }
            let name = String(header.dropFirst(3))
            if name == "datacontenttype" {
                throw EventError(
                    .malformedHeader, "ce-datacontenttype is no header of the binding; expected Content-Type",
                    attribute: name)
            }
            try reader.set(name, try HeaderValue.decode(field, attribute: name), from: header)
        }
        reader.event.dataContentType = fields[.contentType]
        // Without a content type there is nothing that an empty body could be an empty one of.
        reader.event.data = body.isEmpty && reader.event.dataContentType == nil ? nil : body
        return try reader.finished { "the required header ce-\($0) is missing" }
    }
}
