/// Looks at JSON texts without decoding them.
package enum JSONText {
    /// Checks that `bytes` is one JSON text (RFC 8259).
    package static func validate(_ bytes: [UInt8]) throws(EventError) {
        try withScanner(bytes) { scanner throws(EventError) in
            _ = try scanner.skipValue()
            try scanner.expectEnd()
        }
    }

    /// Whether `bytes` is one JSON text.
    package static func isValid(_ bytes: [UInt8]) -> Bool {
        do {
            try validate(bytes)
            return true
        } catch {
            return false
        }
    }

    /// Whether that media type says JSON; no media type says nothing, and the answer is no.
    package static func isJSONContentType(_ contentType: String?) -> Bool {
        contentType.flatMap(MediaType.init)?.isJSON ?? false
    }

    /// A JSON text with line breaks and two spaces of indentation for each level; its tokens stay as they are.
    package static func indented(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count * 2)
        var depth = 0
        var isInString = false
        var isEscaped = false
        func breakLine() {
            result.append(0x0A)
            result += Array(repeating: 0x20, count: depth * 2)
        }
        for (index, byte) in bytes.enumerated() {
            if isInString {
                result.append(byte)
                if isEscaped { isEscaped = false } else if byte == UInt8(ascii: "\\") { isEscaped = true } else if byte
                    == UInt8(ascii: "\"")
                {
                    isInString = false
                }
                continue
            }
            switch byte {
            case 0x20, 0x09, 0x0A, 0x0D: continue
            case UInt8(ascii: "\""):
                isInString = true
                result.append(byte)
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                result.append(byte)
                let next = bytes[(index + 1)...].first { ![0x20, 0x09, 0x0A, 0x0D].contains($0) }
                depth += 1
                if next != UInt8(ascii: "}") && next != UInt8(ascii: "]") { breakLine() }
            case UInt8(ascii: "}"), UInt8(ascii: "]"):
                depth -= 1
                if result.last != UInt8(ascii: "{") && result.last != UInt8(ascii: "[") { breakLine() }
                result.append(byte)
            case UInt8(ascii: ","):
                result.append(byte)
                breakLine()
            case UInt8(ascii: ":"):
                result.append(byte)
                result.append(0x20)
            default: result.append(byte)
            }
        }
        return result
    }

    static func withScanner<Value>(
        _ bytes: [UInt8], _ body: (inout JSONScanner) throws(EventError) -> Value
    ) throws(EventError) -> Value {
        try bytes.withUnsafeBufferPointer { buffer throws(EventError) in
            var scanner = JSONScanner(buffer)
            return try body(&scanner)
        }
    }
}
