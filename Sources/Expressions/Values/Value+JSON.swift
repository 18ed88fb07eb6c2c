extension Value {
    /// The value of a JSON text, which is decoded as it is read.
    /// - Throws: ``JSONDocument/SyntaxError`` if it is not JSON.
    public init(json: [UInt8]) throws(JSONDocument.SyntaxError) {
        self.init(try JSONDocument(json).root)
    }

    init(_ node: JSONDocument.Node) {
        self = node.value
    }

    /// The value as JSON (RFC 8259).
    ///
    /// As in the JSON mapping of protocol buffers, timestamps are RFC 3339 texts, durations texts such as `1.5s`, bytes are in
    /// base64, and numbers that are not finite are the texts `NaN`, `Infinity` and `-Infinity`. Unlike there, 64-bit integers
    /// are numbers. An optional is its value, or `null`; a type is its name; keys that are no strings become strings.
    /// - Throws: ``EvaluationError`` if an object cannot give a value, or the value is nested deeper than 128 levels.
    public func json() throws(EvaluationError) -> [UInt8] {
        var bytes: [UInt8] = []
        try writeJSON(to: &bytes, depth: 0)
        return bytes
    }

    private func writeJSON(to bytes: inout [UInt8], depth: Int) throws(EvaluationError) {
        guard depth <= JSONDocument.maximumDepth else {
            throw .argument("the value is nested deeper than \(JSONDocument.maximumDepth) levels")
        }
        switch self {
        case .null: bytes += "null".utf8
        case .bool(let value): bytes += (value ? "true" : "false").utf8
        case .int(let value): bytes += String(value).utf8
        case .uint(let value): bytes += String(value).utf8
        case .double(let value):
            if value.isFinite {
                bytes += JSONText.number(value).utf8
            } else {
                JSONText.write(value.isNaN ? "NaN" : value < 0 ? "-Infinity" : "Infinity", to: &bytes)
            }
        case .string(let value): JSONText.write(value, to: &bytes)
        case .bytes(let value): JSONText.write(Base64.encode(value), to: &bytes)
        case .timestamp(let value): JSONText.write(value.description, to: &bytes)
        case .duration(let value): JSONText.write(value.description, to: &bytes)
        case .type(let name): JSONText.write(name, to: &bytes)
        case .optional(let optional):
            if let value = optional.value {
                try value.writeJSON(to: &bytes, depth: depth + 1)
            } else {
                bytes += "null".utf8
            }
        case .list(let list):
            bytes.append(UInt8(ascii: "["))
            var isFirst = true
            for value in list.values {
                if !isFirst { bytes.append(UInt8(ascii: ",")) }
                isFirst = false
                try value.writeJSON(to: &bytes, depth: depth + 1)
            }
            bytes.append(UInt8(ascii: "]"))
        case .map(let map):
            try Self.writeJSON(map.entries.map { ($0.key.keyText, $0.value) }, to: &bytes, depth: depth)
        case .object(let object): try Self.writeJSON(try object.members(), to: &bytes, depth: depth)
        }
    }

    private static func writeJSON(
        _ members: [(String, Value)], to bytes: inout [UInt8], depth: Int
    ) throws(EvaluationError) {
        bytes.append(UInt8(ascii: "{"))
        var isFirst = true
        for (name, value) in members {
            if !isFirst { bytes.append(UInt8(ascii: ",")) }
            isFirst = false
            JSONText.write(name, to: &bytes)
            bytes.append(UInt8(ascii: ":"))
            try value.writeJSON(to: &bytes, depth: depth + 1)
        }
        bytes.append(UInt8(ascii: "}"))
    }

    /// A map's key as the name of a JSON member.
    private var keyText: String {
        if case .string(let text) = self { return text }
        return description
    }
}

/// Pieces of JSON texts.
enum JSONText {
    static func write(_ text: String, to bytes: inout [UInt8]) {
        bytes.append(UInt8(ascii: "\""))
        for byte in text.utf8 {
            switch byte {
            case UInt8(ascii: "\""), UInt8(ascii: "\\"):
                bytes.append(UInt8(ascii: "\\"))
                bytes.append(byte)
            case 0x0A: bytes += "\\n".utf8
            case 0x0D: bytes += "\\r".utf8
            case 0x09: bytes += "\\t".utf8
            case 0..<0x20:
                let digits = Array("0123456789abcdef".utf8)
                bytes += "\\u00".utf8
                bytes.append(digits[Int(byte >> 4)])
                bytes.append(digits[Int(byte & 15)])
            default: bytes.append(byte)
            }
        }
        bytes.append(UInt8(ascii: "\""))
    }

    /// The shortest text that is read as the same number, and as a double.
    static func number(_ value: Double) -> String { value.description }
}
