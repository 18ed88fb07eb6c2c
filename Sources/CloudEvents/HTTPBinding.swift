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

    /// Whether the message says that it carries a CloudEvent.
    public static func isCloudEvent(_ fields: HTTPFields) -> Bool {
        if let type = mediaType(fields), type.essence.hasPrefix("application/cloudevents") { return true }
        return fields.contains { $0.name.canonicalName == "ce-specversion" }
    }

    /// Reads the events of a message.
    /// - Throws: ``EventError``; `unsupportedContentType` if the message carries no event or an unknown format.
    public static func decode(
        _ fields: HTTPFields, body: [UInt8], maximumBatchCount: Int = 10_000
    ) throws(EventError) -> (mode: ContentMode, events: [Event]) {
        if let type = mediaType(fields), type.essence.hasPrefix("application/cloudevents") {
            guard type.charset == nil || type.charset == "utf-8" || type.charset == "us-ascii" else {
                throw EventError(.unsupportedContentType, "the charset is \(type.charset ?? ""); expected utf-8")
            }
            switch type.essence {
            case JSONEventFormat.contentType: return (.structured, [try JSONEventFormat.decode(body)])
            case JSONEventFormat.batchContentType:
                return (.batched, try JSONEventFormat.decodeBatch(body, maximumCount: maximumBatchCount))
            default:
                throw EventError(
                    .unsupportedContentType,
                    "the event format \(type.essence) is not supported; expected \(JSONEventFormat.contentType) or \(JSONEventFormat.batchContentType)"
                )
            }
        }
        guard isCloudEvent(fields) else {
            throw EventError(
                .unsupportedContentType,
                "the message carries no CloudEvent; expected the content type \(JSONEventFormat.contentType) or \(JSONEventFormat.batchContentType), or ce- headers"
            )
        }
        return (.binary, [try binary(fields, body)])
    }

    private static func binary(_ fields: HTTPFields, _ body: [UInt8]) throws(EventError) -> Event {
        var values: [String: String] = [:]
        for field in fields {
            let name = field.name.canonicalName
            guard name.hasPrefix("ce-") else { continue }
            let attribute = String(name.dropFirst(3))
            guard values.updateValue(try decoded(field.value, attribute), forKey: attribute) == nil else {
                throw EventError(.malformedHeader, "the header \(name) stands twice", attribute: attribute)
            }
        }
        func take(_ name: String) -> String? { values.removeValue(forKey: name) }
        try JSONEventFormat.checkVersion(take("specversion"))
        func required(_ name: String) throws(EventError) -> String {
            guard let value = take(name) else {
                throw EventError(.missingAttribute, "the required header ce-\(name) is missing", attribute: name)
            }
            return value
        }
        var event = Event(id: try required("id"), source: try required("source"), type: try required("type"))
        event.subject = take("subject")
        if let time = take("time") {
            guard let instant = Timestamp(rfc3339: time) else { throw JSONEventFormat.invalidTime(time) }
            event.time = instant
        }
        event.dataSchema = take("dataschema")
        event.dataContentType = fields[.contentType]
        event.extensions = values.mapValues { .string($0) }
        // Without a content type there is nothing that an empty body could be an empty one of.
        event.data = body.isEmpty && event.dataContentType == nil ? nil : body
        try event.validate()
        return event
    }

    /// A message in binary mode.
    public static func encodeBinary(_ event: Event) -> (fields: HTTPFields, body: [UInt8]) {
        var fields = HTTPFields()
        func set(_ attribute: String, _ value: String?) {
            guard let value, let name = HTTPField.Name("ce-" + attribute) else { return }
            fields[name] = encoded(value)
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
        } else if event.data != nil {
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

    private static func mediaType(_ fields: HTTPFields) -> MediaType? {
        fields[.contentType].flatMap(MediaType.init)
    }

    /// Section 3.1.3.2: space, double quote, percent and everything outside of printable ASCII is percent-encoded.
    static func encoded(_ value: String) -> String {
        if value.utf8.allSatisfy({ (0x21...0x7E).contains($0) && $0 != UInt8(ascii: "\"") && $0 != UInt8(ascii: "%") }) {
            return value
        }
        let digits = Array("0123456789ABCDEF".utf8)
        var result: [UInt8] = []
        for byte in value.utf8 {
            if (0x21...0x7E).contains(byte), byte != UInt8(ascii: "\""), byte != UInt8(ascii: "%") {
                result.append(byte)
            } else {
                result += [UInt8(ascii: "%"), digits[Int(byte >> 4)], digits[Int(byte & 15)]]
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// Section 3.1.3.2, the way back: a quoted string is unquoted first, then percent-encoding is undone once.
    static func decoded(_ value: String, _ attribute: String) throws(EventError) -> String {
        var bytes = Array(value.utf8)
        if bytes.count >= 2, bytes.first == UInt8(ascii: "\""), bytes.last == UInt8(ascii: "\"") {
            bytes = unquoted(bytes.dropFirst().dropLast())
        }
        guard bytes.contains(where: { $0 == UInt8(ascii: "%") || $0 >= 0x80 }) else {
            return String(decoding: bytes, as: UTF8.self)
        }
        var result: [UInt8] = []
        var at = 0
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "%"), at + 2 < bytes.count,
                let high = JSONScanner.hexadecimalDigit(bytes[at + 1]), let low = JSONScanner.hexadecimalDigit(bytes[at + 2])
            {
                result.append(high << 4 | low)
                at += 3
            } else {
                result.append(bytes[at])
                at += 1
            }
        }
        guard let text = String(validating: result, as: UTF8.self) else {
            throw EventError(
                .malformedHeader, "the header ce-\(attribute) is not UTF-8 once its percent-encoding is undone",
                attribute: attribute)
        }
        return text
    }

    private static func unquoted(_ bytes: ArraySlice<UInt8>) -> [UInt8] {
        var result: [UInt8] = []
        var isEscaped = false
        for byte in bytes {
            if !isEscaped, byte == UInt8(ascii: "\\") {
                isEscaped = true
                continue
            }
            result.append(byte)
            isEscaped = false
        }
        return result
    }
}
