import CloudEvents
import Expressions
import NightjarActions
import NightjarCore

/// The action `emit`: an event.
struct EmitSettings: Sendable, Hashable {
    /// Its type.
    var type: Template
    /// Its source; `nil` for `/jobs/` and the job's name.
    var source: Template?
    /// Its subject; `nil` for that of the run's event.
    var subject: Template?
    /// Its data; `nil` for the run's input.
    var data: EventData?
    /// The media type of the data; `nil` for what the data is.
    var contentType: String?
    /// Its extension attributes.
    var extensions: [String: AttributeValue]

    /// The action that this is.
    func action() throws(EventError) -> any RunHandler {
        // A probe with harmless values: what is wrong then, always is.
        func text(_ template: Template) -> String { template.hasHoles ? "x" : template.plainText }
        let hasHoles = [type, source, subject].contains { $0?.hasHoles ?? false } || data?.template != nil
        let plain = try EmitAction(
            type: text(type), source: source.map(text), subject: subject.map(text), data: data?.bytes,
            dataContentType: contentType ?? data?.contentType, extensions: extensions)
        guard hasHoles else { return plain }
        return EmitTemplateAction(
            type: type, source: source, subject: subject,
            data: data.map { $0.template ?? DataTemplate(.raw($0.bytes)) },
            dataContentType: contentType ?? data?.contentType,
            extensions: extensions)
    }
}

extension Reading where Value == EmitSettings {
    static var emit: Reading {
        section("a mapping such as { type: order.placed }") { section in
            let type = section.require("type", .attributeText)
            let (source, subject) = (section.read("source", .attributeText), section.read("subject", .attributeText))
            let data = section.read("data", .eventData)
            let contentType = section.read("contentType", .string)
            let extensions = section.read(
                "extensions", Reading<AttributeValue>.attribute.dictionary(), default: [:])
            return type.map {
                EmitSettings(
                    type: $0, source: source, subject: subject, data: data, contentType: contentType,
                    extensions: extensions)
            }
        }
        .checked { try $0.action() }
    }
}

extension Reading where Value == Template {
    /// The text of an attribute, which is not empty.
    fileprivate static var attributeText: Reading {
        let template = Reading<Template>.template()
        return Reading(template.expected) { node, label, context in
            guard let value = template.read(node, label, context) else { return nil }
            guard value.parts.isEmpty else { return value }
            context.report(node.position, "\(label): \(node.shown) is wrong; expected a text")
            return nil
        }
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
