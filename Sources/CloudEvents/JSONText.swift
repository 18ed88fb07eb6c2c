/// Looks at JSON texts without decoding them.
package enum JSONText {
    /// Checks that `bytes` is one JSON text (RFC 8259), nested no deeper than 512 levels.
    /// - Throws: ``EventError`` with the byte at which it is wrong.
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

    /// A JSON text with line breaks and two spaces of indentation for each level; its tokens stay as they are. The
    /// result for bytes that are not a JSON text is of no use.
    package static func indented(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count * 2)
        var depth = 0
        var isInString = false
        var isEscaped = false
        // A bracket waits with its line break for what comes next: empty objects and arrays stay together.
        var isAfterOpening = false
        func breakLine() {
            result.append(0x0A)
            result.append(contentsOf: repeatElement(0x20, count: depth * 2))
        }
        for byte in bytes {
            if isInString {
                result.append(byte)
                if isEscaped {
                    isEscaped = false
                } else if byte == UInt8(ascii: "\\") {
                    isEscaped = true
                } else if byte == UInt8(ascii: "\"") {
                    isInString = false
                }
                continue
            }
            if byte == 0x20 || byte == 0x09 || byte == 0x0A || byte == 0x0D { continue }
            let isClosing = byte == UInt8(ascii: "}") || byte == UInt8(ascii: "]")
            if isClosing { depth = max(0, depth - 1) }
            if isAfterOpening != isClosing { breakLine() }
            isAfterOpening = false
            result.append(byte)
            switch byte {
            case UInt8(ascii: "\""): isInString = true
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                isAfterOpening = true
            case UInt8(ascii: ","): breakLine()
            case UInt8(ascii: ":"): result.append(0x20)
            default: break
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
