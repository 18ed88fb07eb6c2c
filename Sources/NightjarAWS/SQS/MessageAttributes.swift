import CloudEvents

/// What a message says besides its body: names and texts.
struct MessageAttributes: Sendable, Hashable {
    /// In the order of their names, so that the same message makes the same event.
    let values: [(name: String, value: String)]

    /// What marks an attribute of a CloudEvent. There is no binding of CloudEvents for Amazon SQS: these are the marks of its
    /// bindings for HTTP, Kafka and AMQP, as far as names in SQS may have such characters.
    private static let prefixes = ["ce-", "ce_", "cloudevents-", "cloudevents_"]

    init(_ attributes: [String: String]) {
        values = attributes.sorted { $0.key < $1.key }.map { (name: $0.key, value: $0.value) }
    }

    static func == (left: MessageAttributes, right: MessageAttributes) -> Bool {
        left.values.elementsEqual(right.values) { $0 == $1 }
    }

    func hash(into hasher: inout Hasher) { hasher.combine(values.count) }

    /// The media type of the body: what `content-type`, `contentType` or `Content_Type` says.
    var contentType: String? {
        values.first { MessageBinding.extensionName(of: $0.name) == "contenttype" }?.value
    }

    /// The event that a message carries with these attributes; `nil` if it carries none.
    /// - Throws: ``EventError`` if it says that it carries one, and does not.
    func event(carrying body: [UInt8]) throws(EventError) -> Event? {
        var attributes: [(name: String, value: String)] = []
        for prefix in Self.prefixes {
            let own = values.compactMap { name, value -> (name: String, value: String)? in
                let name = name.lowercased()
                return name.hasPrefix(prefix) ? (String(name.dropFirst(prefix.utf8.count)), value) : nil
            }
            guard own.contains(where: { $0.name == "specversion" }) else { continue }
            attributes = own
            break
        }
        return try MessageBinding.event(contentType: contentType, attributes: attributes, data: body)
    }

    /// Sets what these attributes say as extensions of an event: bounded, and without what no event may carry. Names of what
    /// was left out stand in `attributesleftout`.
    func set(on event: inout Event) {
        var room = Self.mostBytes
        var leftOut: [String] = []
        for (name, value) in values {
            guard let key = MessageBinding.extensionName(of: name), key.utf8.count <= Event.Limits.attributeNameBytes,
                value.utf8.count <= min(room, Event.Limits.attributeBytes), PlainText.isOne(value),
                event.extensions.count < Self.mostExtensions, event.extensions[key] == nil
            else {
                leftOut.append(name)
                continue
            }
            room -= value.utf8.count
            event.extensions[key] = .string(value)
        }
        leftOut.removeAll { !PlainText.isOne($0) }
        guard !leftOut.isEmpty else { return }
        if case .string(let before)? = event.extensions["attributesleftout"] { leftOut.insert(before, at: 0) }
        event.extensions["attributesleftout"] = .string(String(leftOut.joined(separator: ",").prefix(1000)))
    }

    /// The bytes of all values together that become extensions.
    private static let mostBytes = 131_072
    private static let mostExtensions = 100
}

/// Texts that an attribute of an event may be (CloudEvents 1.0.2, "Type System", String).
enum PlainText {
    static func isOne(_ text: String) -> Bool {
        text.unicodeScalars.allSatisfy { scalar in
            switch scalar.value {
            case 0...0x1F, 0x7F...0x9F, 0xFDD0...0xFDEF: false
            default: scalar.value & 0xFFFE != 0xFFFE
            }
        }
    }
}
