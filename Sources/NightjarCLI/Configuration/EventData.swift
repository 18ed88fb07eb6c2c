import CloudEvents

/// Data that stands in the file: text as it is, or a list or mapping as JSON.
struct EventData: Sendable, Hashable {
    /// The data.
    var bytes: [UInt8]
    /// What it is.
    var contentType: String
}

extension Reading where Value == EventData {
    static var eventData: Reading {
        let expected = "a text, or a list or mapping to be written as JSON"
        return Reading(expected) { node, label, context in
            if case .scalar = node.content {
                guard let text = context.text(node, label, expected: expected) else { return nil }
                let bytes = Array(text.utf8)
                return EventData(bytes: bytes, contentType: JSONText.isValid(bytes) ? "application/json" : "text/plain")
            }
            var writer = JSONWriter()
            guard write(node, label, context, to: &writer) else { return nil }
            return EventData(bytes: writer.bytes, contentType: "application/json")
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
