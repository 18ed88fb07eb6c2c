/// How messages of protocols whose headers are texts carry events: what the bindings of CloudEvents 1.0.2 for AMQP and Kafka
/// have in common.
///
/// In binary mode attributes are headers and the message's content type is that of the data; in structured mode the content
/// type begins with `application/cloudevents`. Headers' values are UTF-8 as they stand, without percent-encoding.
public enum MessageBinding {
    /// The event that a message carries; `nil` if it carries none.
    /// - Parameters:
    ///   - attributes: the headers that are attributes, without the protocol's prefix, in any order.
    ///   - data: what the message carries; `nil` if the protocol tells that from nothing at all.
    /// - Throws: ``EventError`` if it says that it carries an event, and does not carry a valid one.
    public static func event(
        contentType: String?, attributes: [(name: String, value: String)], data: [UInt8]?
    ) throws(EventError) -> Event? {
        if let contentType, let type = MediaType(contentType), type.essence.hasPrefix(HTTPBinding.formatPrefix) {
            guard type.essence == JSONEventFormat.contentType else {
                throw EventError(
                    .unsupportedContentType,
                    "the message's content type is \(Event.shown(type.essence)); expected \(JSONEventFormat.contentType)"
                )
            }
            return try JSONEventFormat.decode(data ?? [])
        }
        guard attributes.contains(where: { $0.name == "specversion" }) else { return nil }
        var reader = AttributeReader()
        for (name, value) in attributes {
            // Where a protocol carries the content type itself, the header of that name says the same.
            if name == "datacontenttype" {
                reader.event.dataContentType = value
            } else {
                try reader.set(name, value, from: name)
            }
        }
        if let contentType { reader.event.dataContentType = contentType }
        reader.event.data = data
        return try reader.finished { "the required attribute \($0) is missing" }
    }

    /// The attributes of an event for binary mode, without the protocol's prefix and without its content type.
    public static func attributes(of event: Event) -> [(name: String, value: String)] {
        var attributes = [
            ("specversion", Event.specVersion), ("id", event.id), ("source", event.source), ("type", event.type),
        ]
        if let subject = event.subject { attributes.append(("subject", subject)) }
        if let time = event.time { attributes.append(("time", time.rfc3339)) }
        if let schema = event.dataSchema { attributes.append(("dataschema", schema)) }
        for (name, value) in event.extensions.sorted(by: { $0.key < $1.key }) {
            attributes.append((name, value.description))
        }
        return attributes
    }

    /// The name of the extension attribute that a header of some protocol becomes: its ASCII letters and digits in lower case,
    /// with an `x` before a name that CloudEvents defines; `nil` if none is left.
    public static func extensionName(of header: some StringProtocol) -> String? {
        var name = ""
        for byte in header.utf8 {
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                name.unicodeScalars.append(Unicode.Scalar(byte))
            case UInt8(ascii: "A")...UInt8(ascii: "Z"): name.unicodeScalars.append(Unicode.Scalar(byte | 0x20))
            default: continue
            }
        }
        guard !name.isEmpty else { return nil }
        return Event.definedNames.contains(name) ? "x" + name : name
    }
}

/// Builds an event of attributes that come as names and values.
struct AttributeReader {
    var event = Event(id: "", source: "", type: "")
    private var seen: Set<String> = []

    /// - Parameter header: what the attribute is called where it stands.
    mutating func set(_ name: String, _ value: String, from header: String) throws(EventError) {
        guard seen.insert(name).inserted else {
            throw EventError(.malformedHeader, "the header \(header) stands twice; expected it once", attribute: name)
        }
        switch name {
        case "specversion": try Event.checkVersion(value)
        case "id": event.id = value
        case "source": event.source = value
        case "type": event.type = value
        case "subject": event.subject = value
        case "time":
            guard let time = Timestamp(rfc3339: value) else { throw Event.invalidTime(value) }
            event.time = time
        case "dataschema": event.dataSchema = value
        default:
            try Event.checkExtensionName(name)
            event.extensions[name] = .string(value)
        }
    }

    /// The event, if it is whole and valid.
    func finished(missing: (String) -> String) throws(EventError) -> Event {
        for name in ["specversion", "id", "source", "type"] where !seen.contains(name) {
            throw EventError(.missingAttribute, missing(name), attribute: name)
        }
        try event.validate()
        return event
    }
}
