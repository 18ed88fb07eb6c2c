/// The JSON Event Format for CloudEvents 1.0.2.
///
/// A `data` member's value is taken as the bytes that stand in the text: nothing is decoded and encoded again.
public enum JSONEventFormat {
    /// The media type of one event.
    public static let contentType = "application/cloudevents+json"
    /// The media type of a batch of events.
    public static let batchContentType = "application/cloudevents-batch+json"

    /// Reads one event.
    public static func decode(_ bytes: [UInt8]) throws(EventError) -> Event {
        try JSONText.withScanner(bytes) { scanner throws(EventError) in
            let event = try event(&scanner)
            try scanner.expectEnd()
            return event
        }
    }

    /// Reads a batch: an array of events, which may be empty.
    /// - Throws: ``EventError``, with the index of the event that is to blame; `tooMany` above `maximumCount` events.
    public static func decodeBatch(_ bytes: [UInt8], maximumCount: Int = 10_000) throws(EventError) -> [Event] {
        try JSONText.withScanner(bytes) { scanner throws(EventError) in
            try scanner.expect("[", "'[', the beginning of a batch")
            var events: [Event] = []
            if scanner.peek() == UInt8(ascii: "]") {
                try scanner.expect("]", "']'")
            } else {
                while true {
                    guard events.count < maximumCount else {
                        throw EventError(.tooMany, "the batch has more than \(maximumCount) events")
                    }
                    do throws(EventError) {
                        events.append(try event(&scanner))
                    } catch {
                        var error = error
                        error.eventIndex = events.count
                        throw error
                    }
                    if try !scanner.more(until: "]") { break }
                }
            }
            try scanner.expectEnd()
            return events
        }
    }

    private enum Member {
        case string(String)
        case scalar(AttributeValue)
        case null
        case other(Range<Int>)
    }

    private static func event(_ scanner: inout JSONScanner) throws(EventError) -> Event {
        try scanner.expect("{", "'{', the beginning of an event")
        var event = Event(id: "", source: "", type: "")
        var specVersion: String?
        var seen: Set<String> = []
        var data: (range: Range<Int>, string: String?)?
        var base64: String?
        var time: String?
        if scanner.peek() == UInt8(ascii: "}") {
            try scanner.expect("}", "'}'")
        } else {
            while true {
                guard scanner.peek() == UInt8(ascii: "\"") else {
                    throw scanner.error("expected a member's name, found \(scanner.found())")
                }
                let nameStart = scanner.at
                let scannedName = try scanner.string()
                let name = scanner.text(scannedName.contents, hasEscapes: scannedName.hasEscapes)
                guard seen.insert(name).inserted else {
                    throw scanner.error("the member \"\(name)\" stands twice", at: nameStart)
                }
                try scanner.expect(":", "':'")
                if name == "data" {
                    data = try dataMember(&scanner)
                } else {
                    let value = try member(&scanner)
                    switch name {
                    case "specversion": specVersion = try string(value, name)
                    case "id": event.id = try string(value, name) ?? ""
                    case "source": event.source = try string(value, name) ?? ""
                    case "type": event.type = try string(value, name) ?? ""
                    case "subject": event.subject = try string(value, name)
                    case "time": time = try string(value, name)
                    case "datacontenttype": event.dataContentType = try string(value, name)
                    case "dataschema": event.dataSchema = try string(value, name)
                    case "data_base64": base64 = try string(value, name)
                    default:
                        try Event.checkExtensionName(name)
                        event.extensions[name] = try attribute(value, name)
                    }
                }
                if try !scanner.more(until: "}") { break }
            }
        }
        try checkVersion(specVersion)
        for (name, isThere) in [
            ("id", seen.contains("id")), ("source", seen.contains("source")), ("type", seen.contains("type")),
        ] where !isThere {
            throw EventError(.missingAttribute, "the required attribute \(name) is missing", attribute: name)
        }
        if let time {
            guard let instant = Timestamp(rfc3339: time) else { throw invalidTime(time) }
            event.time = instant
        }
        try setData(&event, data, base64, scanner)
        try event.validate()
        return event
    }

    private static func dataMember(
        _ scanner: inout JSONScanner
    ) throws(EventError) -> (range: Range<Int>, string: String?)? {
        if scanner.peek() == UInt8(ascii: "\"") {
            let start = scanner.at
            let scanned = try scanner.string()
            return (start..<scanner.at, scanner.text(scanned.contents, hasEscapes: scanned.hasEscapes))
        }
        return (try scanner.skipValue(), nil)
    }

    private static func setData(
        _ event: inout Event, _ data: (range: Range<Int>, string: String?)?, _ base64: String?, _ scanner: JSONScanner
    ) throws(EventError) {
        if let base64 {
            guard data == nil else {
                throw EventError(.invalidData, "both data and data_base64 are there; expected one of them", attribute: "data")
            }
            guard let bytes = Base64.decode(base64) else {
                throw EventError(.invalidData, "data_base64 is not Base64 (RFC 4648)", attribute: "data_base64")
            }
            event.data = bytes
            return
        }
        guard let data else { return }
        let isJSON = event.dataContentType.map { MediaType($0)?.isJSON ?? false } ?? true
        if !isJSON, let text = data.string {
            event.data = Array(text.utf8)
        } else {
            event.data = Array(scanner.bytes[data.range])
        }
    }

    private static func member(_ scanner: inout JSONScanner) throws(EventError) -> Member {
        switch scanner.peek() {
        case UInt8(ascii: "\""):
            let scanned = try scanner.string()
            return .string(scanner.text(scanned.contents, hasEscapes: scanned.hasEscapes))
        case UInt8(ascii: "n"):
            _ = try scanner.skipValue()
            return .null
        case UInt8(ascii: "t"):
            _ = try scanner.skipValue()
            return .scalar(.boolean(true))
        case UInt8(ascii: "f"):
            _ = try scanner.skipValue()
            return .scalar(.boolean(false))
        default:
            let range = try scanner.skipValue()
            if let number = Int32(String(decoding: scanner.bytes[range], as: UTF8.self)) {
                return .scalar(.integer(number))
            }
            return .other(range)
        }
    }

    private static func string(_ member: Member, _ name: String) throws(EventError) -> String? {
        switch member {
        case .string(let text): return text
        case .null: return nil
        case .scalar, .other:
            throw EventError(.invalidAttribute, "\(name) must be a string", attribute: name)
        }
    }

    private static func attribute(_ member: Member, _ name: String) throws(EventError) -> AttributeValue? {
        switch member {
        case .string(let text): return .string(text)
        case .scalar(let value): return value
        case .null: return nil
        case .other:
            throw EventError(
                .invalidAttribute,
                "the attribute \(name) must be a string, a boolean or a whole number of 32 bits", attribute: name)
        }
    }

    static func checkVersion(_ version: String?) throws(EventError) {
        guard let version else {
            throw EventError(
                .missingAttribute, "the required attribute specversion is missing; expected \"1.0\"",
                attribute: "specversion")
        }
        guard version == Event.specVersion else {
            throw EventError(
                .unsupportedSpecVersion, "specversion is \"\(version.prefix(20))\"; this version takes \"1.0\"",
                attribute: "specversion")
        }
    }

    static func invalidTime(_ text: String) -> EventError {
        EventError(
            .invalidAttribute,
            "time is not a timestamp such as \"2026-01-31T08:00:00Z\" (RFC 3339): \"\(text.prefix(80))\"",
            attribute: "time")
    }
}
