extension Value: CustomStringConvertible {
    /// The value as it could be written in an expression.
    public var description: String {
        switch self {
        case .null: "null"
        case .bool(let value): value ? "true" : "false"
        case .int(let value): String(value)
        case .uint(let value): "\(value)u"
        case .double(let value): value.isFinite ? value.description : "double(\"\(NumberText.of(value))\")"
        case .string(let value): Self.quoted(value)
        case .bytes(let value): "b\"" + value.map { Self.escaped($0) }.joined() + "\""
        case .list(let list): "[" + list.values.map(\.description).joined(separator: ", ") + "]"
        case .map(let map): "{" + map.entries.map { "\($0): \($1)" }.joined(separator: ", ") + "}"
        case .timestamp(let value): "timestamp(\"\(value)\")"
        case .duration(let value): "duration(\"\(value)\")"
        case .type(let name): name
        case .optional(let optional): optional.value.map { "optional.of(\($0))" } ?? "optional.none()"
        case .object(let object): object.type.name
        }
    }

    /// A string literal of these code points.
    static func quoted(_ text: String) -> String {
        var quoted = "\""
        for scalar in text.unicodeScalars {
            switch scalar {
            case "\"": quoted += "\\\""
            case "\\": quoted += "\\\\"
            case "\u{07}": quoted += "\\a"
            case "\u{08}": quoted += "\\b"
            case "\u{0C}": quoted += "\\f"
            case "\n": quoted += "\\n"
            case "\r": quoted += "\\r"
            case "\t": quoted += "\\t"
            case "\u{0B}": quoted += "\\v"
            default: quoted.unicodeScalars.append(scalar)
            }
        }
        return quoted + "\""
    }

    private static func escaped(_ byte: UInt8) -> String {
        switch byte {
        case UInt8(ascii: "\""): "\\\""
        case UInt8(ascii: "\\"): "\\\\"
        case 0x20..<0x7F: String(Character(Unicode.Scalar(byte)))
        default: "\\x" + (byte < 16 ? "0" : "") + String(byte, radix: 16)
        }
    }
}

/// Numbers as text.
enum NumberText {
    /// The shortest text that is read as the same number, without a fraction that is zero.
    static func of(_ value: Double) -> String {
        if value.isNaN { return "NaN" }
        if value.isInfinite { return value < 0 ? "-Infinity" : "Infinity" }
        let text = value.description
        return text.hasSuffix(".0") ? String(text.dropLast(2)) : text
    }
}
