import HTTPTypes

/// How the value of an attribute stands in an HTTP header (HTTP Protocol Binding 1.0.2, section 3.1.3.2).
enum HeaderValue {
    /// Printable ASCII without space, double quote and percent sign stands for itself.
    private static let plain = ByteSet(printableExcept: "\"%")

    /// Percent-encodes what may not stand in a header, as UTF-8.
    static func encode(_ value: String) -> String {
        let plain = plain
        if value.utf8.allSatisfy(plain.contains) { return value }
        var result: [UInt8] = []
        result.reserveCapacity(value.utf8.count * 2)
        for byte in value.utf8 {
            if plain.contains(byte) {
                result.append(byte)
            } else {
                result.append(UInt8(ascii: "%"))
                result.append(digit(byte >> 4))
                result.append(digit(byte & 15))
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    /// The way back: a quoted string is unquoted first, then percent-encoding is undone, once. A percent sign that no
    /// two hexadecimal digits follow stands for itself.
    /// - Throws: ``EventError`` `malformedHeader` for a quoted string without end and for what is not UTF-8.
    static func decode(_ field: HTTPField, attribute: String) throws(EventError) -> String {
        try field.withUnsafeBytesOfValue { bytes throws(EventError) in
            try decode(bytes, attribute: attribute)
        }
    }

    private static func decode(_ bytes: UnsafeBufferPointer<UInt8>, attribute: String) throws(EventError) -> String {
        let plain = plain
        if bytes.allSatisfy(plain.contains) { return String(decoding: bytes, as: UTF8.self) }
        let unquoted = bytes.first == UInt8(ascii: "\"") ? unquoted(bytes) : Array(bytes)
        guard let unquoted else {
            throw EventError(
                .malformedHeader,
                "the header ce-\(attribute) begins a quoted string; expected it to end with the header",
                attribute: attribute)
        }
        // A server that makes text of headers has put the replacement character in the place of what is no UTF-8. Whoever
        // means the character itself encodes it.
        let isRepaired = unquoted.firstRange(of: [0xEF, 0xBF, 0xBD]) != nil
        guard !isRepaired, let text = String(validating: percentDecoded(unquoted), as: UTF8.self) else {
            throw EventError(
                .malformedHeader, "the header ce-\(attribute) is not UTF-8; expected it percent-encoded",
                attribute: attribute)
        }
        return text
    }

    /// The contents of a quoted string (RFC 9110, section 5.6.4); `nil` if it does not end where the bytes end.
    private static func unquoted(_ bytes: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        var result: [UInt8] = []
        var at = 1
        while at < bytes.count {
            switch bytes[at] {
            case UInt8(ascii: "\""): return at == bytes.count - 1 ? result : nil
            case UInt8(ascii: "\\"):
                guard at + 1 < bytes.count else { return nil }
                result.append(bytes[at + 1])
                at += 2
            case let byte:
                result.append(byte)
                at += 1
            }
        }
        return nil
    }

    private static func percentDecoded(_ bytes: [UInt8]) -> [UInt8] {
        var result: [UInt8] = []
        result.reserveCapacity(bytes.count)
        var at = 0
        while at < bytes.count {
            if bytes[at] == UInt8(ascii: "%"), at + 2 < bytes.count,
                let high = JSONBytes.hexadecimalDigit(bytes[at + 1]),
                let low = JSONBytes.hexadecimalDigit(bytes[at + 2])
            {
                result.append(high << 4 | low)
                at += 3
            } else {
                result.append(bytes[at])
                at += 1
            }
        }
        return result
    }

    private static func digit(_ value: UInt8) -> UInt8 {
        value < 10 ? UInt8(ascii: "0") + value : UInt8(ascii: "A") + value - 10
    }
}
