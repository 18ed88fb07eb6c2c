/// A media type with its parameters (RFC 2046; syntax of RFC 9110, section 8.3.1).
package struct MediaType: Sendable, Hashable {
    /// Type and subtype in lower case: `application/json`.
    package var essence: String
    /// The `charset` parameter in lower case.
    package var charset: String?

    /// Reads a media type; `nil` if the text is none.
    package init?(_ text: String) {
        if text == "application/json" {
            self.essence = text
            return
        }
        var text = text
        guard let parsed = text.withUTF8({ bytes in Parser(bytes: bytes).parse() }) else { return nil }
        (essence, charset) = parsed
    }

    /// Whether data of this type is JSON: `…/json` or `…+json`.
    package var isJSON: Bool { essence.hasSuffix("/json") || essence.hasSuffix("+json") }

    /// Whether data of this type is text in an encoding that JSON can hold as it is.
    package var isText: Bool {
        essence.hasPrefix("text/") && (charset == nil || charset == "utf-8" || charset == "us-ascii")
    }
}

extension MediaType {
    private struct Parser {
        let bytes: UnsafeBufferPointer<UInt8>
        var at = 0

        init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

        consuming func parse() -> (essence: String, charset: String?)? {
            skipSpace()
            let start = at
            guard token() != nil, skip("/"), token() != nil else { return nil }
            let essence = String(decoding: bytes[start..<at], as: UTF8.self).lowercased()
            var charset: String?
            skipSpace()
            while at < bytes.count {
                guard skip(";") else { return nil }
                skipSpace()
                // RFC 9110 lets a list of parameters have empty places: "text/plain; ; charset=utf-8".
                if at == bytes.count || bytes[at] == UInt8(ascii: ";") { continue }
                guard let name = token(), skip("="), let value = token() ?? quotedString() else { return nil }
                if name.lowercased() == "charset" { charset = value.lowercased() }
                skipSpace()
            }
            return (essence, charset)
        }

        private mutating func skipSpace() {
            while at < bytes.count, bytes[at] == 0x20 || bytes[at] == 0x09 { at += 1 }
        }

        private mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
            at += 1
            return true
        }

        private mutating func token() -> String? {
            let start = at
            while at < bytes.count, ByteSet.token.contains(bytes[at]) { at += 1 }
            return at == start ? nil : String(decoding: bytes[start..<at], as: UTF8.self)
        }

        private mutating func quotedString() -> String? {
            guard skip("\"") else { return nil }
            var value: [UInt8] = []
            while at < bytes.count {
                var byte = bytes[at]
                at += 1
                if byte == UInt8(ascii: "\"") { return String(decoding: value, as: UTF8.self) }
                if byte == UInt8(ascii: "\\") {
                    guard at < bytes.count else { return nil }
                    byte = bytes[at]
                    at += 1
                }
                value.append(byte)
            }
            return nil
        }
    }
}
