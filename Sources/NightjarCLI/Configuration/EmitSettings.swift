import CloudEvents
import NightjarActions

/// The action `emit`: an event.
struct EmitSettings: Sendable, Hashable {
    /// Its type.
    var type: String
    /// Its source; `nil` for `/jobs/` and the job's name.
    var source: String?
    /// Its subject; `nil` for that of the run's event.
    var subject: String?
    /// Its data; `nil` for the run's input.
    var data: EventData?
    /// The media type of the data; `nil` for what the data is.
    var contentType: String?
    /// Its extension attributes.
    var extensions: [String: AttributeValue]

    /// The action that this is.
    func action() throws(EventError) -> EmitAction {
        try EmitAction(
            type: type, source: source, subject: subject, data: data?.bytes,
            dataContentType: contentType ?? data?.contentType, extensions: extensions)
    }
}

extension Reading where Value == EmitSettings {
    static var emit: Reading {
        section("a mapping such as { type: order.placed }") { section in
            let type = section.require("type", .string)
            let settings = EmitSettings(
                type: type ?? "", source: section.read("source", .string), subject: section.read("subject", .string),
                data: section.read("data", .eventData), contentType: section.read("contentType", .string),
                extensions: section.read("extensions", Reading<AttributeValue>.attribute.dictionary(), default: [:]))
            return type == nil ? nil : settings
        }
        .checked { try $0.action() }
    }
}

extension Reading where Value == AttributeValue {
    /// The value of an extension attribute: text, a whole number, or true or false.
    fileprivate static var attribute: Reading {
        Reading("a text, a whole number, or true or false") { node, label, context in
            guard let text = context.text(node, label, expected: "a text, a whole number, or true or false") else {
                return nil
            }
            guard case .scalar(_, .plain) = node.content else { return .string(text) }
            if text == "true" || text == "false" { return .boolean(text == "true") }
            return Int32(text).map { .integer($0) } ?? .string(text)
        }
    }
}
