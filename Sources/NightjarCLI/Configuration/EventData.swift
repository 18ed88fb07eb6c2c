import CloudEvents
import Expressions
import NightjarActions

/// Data that stands in the file: text as it is, or a list or mapping as JSON.
struct EventData: Sendable, Hashable {
    /// The data.
    var bytes: [UInt8]
    /// What it is.
    var contentType: String
    /// The data with its holes; `nil` if it has none.
    var template: DataTemplate?
}

extension Reading where Value == EventData {
    static var eventData: Reading {
        let expected = "a text, or a list or mapping to be written as JSON"
        return Reading(expected) { node, label, context in
            if case .scalar = node.content {
                guard let template = Reading<Template>.template(expected).read(node, label, context) else { return nil }
                guard !template.hasHoles else {
                    let data = DataTemplate(template)
                    return EventData(bytes: [], contentType: data.contentType, template: data)
                }
                let bytes = Array(template.plainText.utf8)
                return EventData(bytes: bytes, contentType: JSONText.isValid(bytes) ? "application/json" : "text/plain")
            }
            if hasHoles(node) {
                return json(node, label, context).map {
                    EventData(bytes: [], contentType: "application/json", template: DataTemplate($0))
                }
            }
            var writer = JSONWriter()
            guard write(node, label, context, to: &writer) else { return nil }
            return EventData(bytes: writer.bytes, contentType: "application/json")
        }
    }

    private static func hasHoles(_ node: DocumentNode) -> Bool {
        switch node.content {
        case .scalar(let text, _): text.contains("${{")
        case .list(let nodes): nodes.contains { hasHoles($0) }
        case .map(let entries): entries.contains { hasHoles($0.value) }
        }
    }

    /// A part of the file as JSON with holes.
    private static func json(_ node: DocumentNode, _ label: String, _ context: ReadingContext) -> DataTemplate.JSON? {
        switch node.content {
        case .list(let nodes):
            let elements = nodes.compactMap { json($0, label, context) }
            return elements.count == nodes.count ? .list(elements) : nil
        case .map(let entries):
            let members = entries.compactMap { entry in
                json(entry.value, "\(label).\(entry.key)", context).map { DataTemplate.Member(entry.key, $0) }
            }
            return members.count == entries.count ? .object(members) : nil
        case .scalar where hasHoles(node):
            return Reading<Template>.template().read(node, label, context).map { .text($0) }
        case .scalar:
            var writer = JSONWriter()
            return write(node, label, context, to: &writer) ? .raw(writer.bytes) : nil
        }
    }

    /// Writes a part of the file as JSON: numbers, true, false and null are what they are unless they stand in quotes.
    private static func write(
        _ node: DocumentNode, _ label: String, _ context: ReadingContext, to writer: inout JSONWriter
    ) -> Bool {
        var isComplete = true
        switch node.content {
        case .scalar where node.isNull: writer.null()
        case .scalar(_, let style):
            guard let text = context.text(node, label, expected: "a text") else { return false }
            let bytes = Array(text.utf8)
            // Of JSON's values, only numbers, true and false can stand in YAML without quotes or brackets.
            if style == .plain, text.first != "\"", text.first != "[", text.first != "{", JSONText.isValid(bytes) {
                writer.raw(bytes)
            } else {
                writer.string(text)
            }
        case .list(let nodes):
            writer.beginArray()
            for node in nodes { isComplete = write(node, label, context, to: &writer) && isComplete }
            writer.endArray()
        case .map(let entries):
            writer.beginObject()
            for entry in entries {
                writer.key(entry.key)
                isComplete = write(entry.value, "\(label).\(entry.key)", context, to: &writer) && isComplete
            }
            writer.endObject()
        }
        return isComplete
    }
}
