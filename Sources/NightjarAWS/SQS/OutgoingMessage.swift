import CloudEvents
import NightjarCore

/// An event as a message of Amazon SQS.
struct OutgoingMessage: Sendable, Hashable {
    /// An attribute, whose value is a text.
    struct Attribute: Sendable, Hashable {
        var name: String
        var value: String
    }

    /// Amazon SQS takes so many ("Amazon SQS message attributes", Developer Guide).
    static let mostAttributes = 10

    let body: String
    let attributes: [Attribute]

    /// What it counts for: its body, and names, types and values of its attributes.
    var bytes: Int {
        attributes.reduce(body.utf8.count) { sum, attribute in
            sum + attribute.name.utf8.count + attribute.value.utf8.count + "String".utf8.count
        }
    }

    /// An event in a format. What binary mode cannot carry goes in structured mode: data that is no text or empty, more than
    /// ten attributes, an empty value.
    /// - Throws: ``AWSError`` with `invalid` if it cannot be sent so.
    init(_ event: Event, as format: MessageFormat) throws(AWSError) {
        switch format {
        case .raw:
            guard let body = Self.text(event.data) else {
                throw AWSError(
                    .invalid,
                    "the event's data is empty or no text that Amazon SQS takes: expected UTF-8 for the format raw")
            }
            self.body = body
            attributes = []
        case .binary:
            if let body = Self.text(event.data), let attributes = Self.attributes(of: event) {
                self.body = body
                self.attributes = attributes
            } else {
                self = try OutgoingMessage(event, as: .structured)
            }
        case .structured:
            guard let body = Self.text(JSONEventFormat.encode(event)) else {
                throw AWSError(
                    .invalid, "the event contains characters that Amazon SQS does not take (U+FFFE or U+FFFF)")
            }
            self.body = body
            attributes = [
                Attribute(name: "content-type", value: "\(JSONEventFormat.contentType); charset=utf-8")
            ]
        }
    }

    /// The attributes of binary mode; `nil` if they cannot be sent.
    private static func attributes(of event: Event) -> [Attribute]? {
        var attributes = MessageBinding.attributes(of: event).map { name, value in
            Attribute(name: "ce-\(name)", value: value)
        }
        if let type = event.dataContentType { attributes.append(Attribute(name: "content-type", value: type)) }
        guard attributes.count <= mostAttributes, attributes.allSatisfy({ !$0.value.isEmpty }) else { return nil }
        return attributes
    }

    /// The text that bytes are, if a message may hold it (API Reference, SendMessage, `MessageBody`).
    private static func text(_ bytes: [UInt8]?) -> String? {
        guard let bytes, !bytes.isEmpty, let text = String(validating: bytes, as: UTF8.self) else { return nil }
        let isAllowed = text.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            case 0x9, 0xA, 0xD, 0x20...0xFFFD, 0x1_0000...: true
            default: false
            }
        }
        return isAllowed ? text : nil
    }
}
