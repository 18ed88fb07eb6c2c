/// A set of ASCII characters that answers for a byte without a branch. Bytes above 0x7F are never in it.
struct ByteSet: Sendable {
    private var low: UInt64 = 0
    private var high: UInt64 = 0

    /// The characters of `text` that are ASCII.
    init(_ text: StaticString) {
        text.withUTF8Buffer { bytes in
            for byte in bytes where byte < 0x80 {
                if byte < 64 { low |= 1 << UInt64(byte) } else { high |= 1 << UInt64(byte & 63) }
            }
        }
    }

    /// All printable ASCII characters without space (U+0021 to U+007E), except those of `excluded`.
    init(printableExcept excluded: StaticString) {
        let without = ByteSet(excluded)
        low = 0xFFFF_FFFE_0000_0000 & ~without.low
        high = 0x7FFF_FFFF_FFFF_FFFF & ~without.high
    }

    @inline(__always)
    func contains(_ byte: UInt8) -> Bool {
        let word = byte & 0x40 == 0 ? low : high
        return (word &>> UInt64(byte & 63)) & 1 & UInt64(~byte >> 7) == 1
    }

    /// What RFC 9110, section 5.6.2, calls a token is made of these. RFC 2045 has the same set but for braces, which
    /// its successor leaves out.
    static let token = ByteSet(printableExcept: "()<>@,;:\\\"/[]?={}")
    static let hexadecimalDigits = ByteSet("0123456789abcdefABCDEF")
}
