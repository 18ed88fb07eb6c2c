import CloudEvents
public import Expressions
import NightjarCore

/// Data with holes that are filled for each run, each written as what stands around it asks for.
public struct DataTemplate: Sendable, Hashable {
    /// A part of a JSON value.
    public indirect enum JSON: Sendable, Hashable {
        /// JSON as it stands.
        case raw([UInt8])
        /// A text; if it is one hole and nothing else, the hole's value, whatever its type.
        case text(Template)
        case list([JSON])
        case object([Member])
    }

    /// A member of an object.
    public struct Member: Sendable, Hashable {
        var name: String
        var value: JSON

        /// A member with these values.
        public init(_ name: String, _ value: JSON) {
            self.name = name
            self.value = value
        }
    }

    private enum Form: Sendable, Hashable {
        case json(JSON)
        case text(Template)
    }

    private let form: Form

    /// Data that is a JSON value.
    public init(_ json: JSON) { form = .json(json) }

    /// Data that is a text. If it begins like a JSON object, array or string, values are written as JSON, and within quotes
    /// as what may stand there.
    public init(_ text: Template) { form = .text(text) }

    /// What the data is.
    public var contentType: String {
        switch form {
        case .json: "application/json"
        case .text(let template): Self.looksLikeJSON(template) ? "application/json" : "text/plain; charset=utf-8"
        }
    }

    /// The data for one run.
    func render(_ variables: [Value]) throws(EvaluationError) -> [UInt8] {
        switch form {
        case .json(let json):
            var writer = JSONWriter()
            try Self.write(json, variables, to: &writer)
            return writer.bytes
        case .text(let template):
            guard Self.looksLikeJSON(template) else { return Array(try template.render(variables).utf8) }
            return try Self.rendered(json: template, variables)
        }
    }

    private static func write(
        _ json: JSON, _ variables: [Value], to writer: inout JSONWriter
    ) throws(EvaluationError) {
        switch json {
        case .raw(let bytes): writer.raw(bytes)
        case .text(let template):
            if template.parts.count == 1, case .hole(let expression) = template.parts[0] {
                writer.raw(try expression.evaluate(variables).json())
            } else {
                writer.string(try template.render(variables))
            }
        case .list(let elements):
            writer.beginArray()
            for element in elements { try write(element, variables, to: &writer) }
            writer.endArray()
        case .object(let members):
            writer.beginObject()
            for member in members {
                writer.key(member.name)
                try write(member.value, variables, to: &writer)
            }
            writer.endObject()
        }
    }

    private static func looksLikeJSON(_ template: Template) -> Bool {
        guard case .text(let text)? = template.parts.first,
            let first = text.unicodeScalars.first(where: { !$0.properties.isWhitespace })
        else { return false }
        return "{[\"".unicodeScalars.contains(first)
    }

    /// A JSON text: a value within quotes is a part of that string, any other is JSON.
    private static func rendered(json template: Template, _ variables: [Value]) throws(EvaluationError) -> [UInt8] {
        var bytes: [UInt8] = []
        var isQuoted = false
        for part in template.parts {
            switch part {
            case .text(let text):
                var isEscaped = false
                for byte in text.utf8 {
                    if isEscaped {
                        isEscaped = false
                    } else if byte == UInt8(ascii: "\\") {
                        isEscaped = isQuoted
                    } else if byte == UInt8(ascii: "\"") {
                        isQuoted.toggle()
                    }
                    bytes.append(byte)
                }
            case .hole(let expression):
                let value = try expression.evaluate(variables)
                guard isQuoted else {
                    bytes += try value.json()
                    continue
                }
                bytes += try Value.string(Template.text(value)).json().dropFirst().dropLast()
            }
        }
        return bytes
    }
}
