/// The escapes in strings of JSON (RFC 8259, section 7).
enum JSONEscapes {
    /// How many bytes the escape at `offset` has, both of a pair of surrogates; `nil` if it is none.
    static func length(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) -> Int? {
        guard offset + 1 < bytes.count else { return nil }
        switch bytes[offset + 1] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            return 2
        case UInt8(ascii: "u"):
            guard let unit = unit(bytes, at: offset) else { return nil }
            switch unit {
            case 0xD800..<0xDC00:
                guard let low = self.unit(bytes, at: offset + 6), (0xDC00..<0xE000).contains(low) else { return nil }
                return 12
            case 0xDC00..<0xE000: return nil
            default: return 6
            }
        default: return nil
        }
    }

    /// The number of `\uXXXX` at `offset`.
    private static func unit(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) -> UInt32? {
        guard offset + 6 <= bytes.count, bytes[offset] == UInt8(ascii: "\\"), bytes[offset + 1] == UInt8(ascii: "u")
        else { return nil }
        var unit: UInt32 = 0
        for index in offset + 2..<offset + 6 {
            guard let digit = hexDigit(bytes[index]) else { return nil }
            unit = unit << 4 | digit
        }
        return unit
    }

    static func hexDigit(_ byte: UInt8) -> UInt32? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): UInt32(byte - UInt8(ascii: "0"))
        case UInt8(ascii: "a")...UInt8(ascii: "f"): UInt32(byte - UInt8(ascii: "a") + 10)
        case UInt8(ascii: "A")...UInt8(ascii: "F"): UInt32(byte - UInt8(ascii: "A") + 10)
        default: nil
        }
    }

    /// The text that well-formed escapes stand for.
    static func decoded(_ bytes: UnsafeBufferPointer<UInt8>) -> String {
        var text: [UInt8] = []
        text.reserveCapacity(bytes.count)
        var offset = 0
        while offset < bytes.count {
            guard bytes[offset] == UInt8(ascii: "\\"), let count = length(bytes, at: offset) else {
                text.append(bytes[offset])
                offset += 1
                continue
            }
            switch bytes[offset + 1] {
            case UInt8(ascii: "b"): text.append(0x08)
            case UInt8(ascii: "f"): text.append(0x0C)
            case UInt8(ascii: "n"): text.append(0x0A)
            case UInt8(ascii: "r"): text.append(0x0D)
            case UInt8(ascii: "t"): text.append(0x09)
            case UInt8(ascii: "u"):
                var scalar = unit(bytes, at: offset) ?? 0xFFFD
                if count == 12, let low = unit(bytes, at: offset + 6) {
                    scalar = 0x10000 + (scalar - 0xD800) << 10 + (low - 0xDC00)
                }
                text += Array(String(Character(Unicode.Scalar(scalar) ?? "\u{FFFD}")).utf8)
            case let other: text.append(other)
            }
            offset += count
        }
        return String(decoding: text, as: UTF8.self)
    }
}
