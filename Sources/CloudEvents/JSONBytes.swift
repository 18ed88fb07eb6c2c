/// The questions about single bytes and runs of bytes that reading and writing JSON share.
enum JSONBytes {
    private static let ones: UInt64 = 0x0101_0101_0101_0101
    private static let highBits: UInt64 = 0x8080_8080_8080_8080

    /// Where the next quote, backslash, control character or byte outside ASCII stands; the end if there is none. All
    /// bytes before it stand for themselves in a JSON string.
    @inline(__always)
    static func endOfPlainRun(_ bytes: UnsafeBufferPointer<UInt8>, from start: Int) -> Int {
        var at = start
        if let base = UnsafeRawPointer(bytes.baseAddress) {
            // Eight bytes at a time: a byte x is below n where the high bit of x - n is set and that of x is not. The
            // lowest bit of the result is exact; a borrow can only disturb the bytes above a hit.
            while at &+ 8 <= bytes.count {
                let word = UInt64(littleEndian: base.loadUnaligned(fromByteOffset: at, as: UInt64.self))
                let quote = word ^ (ones &* 0x22)
                let backslash = word ^ (ones &* 0x5C)
                let isSpecial =
                    ((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash)
                    | ((word &- ones &* 0x20) & ~word) | word
                let hits = isSpecial & highBits
                if hits != 0 { return at &+ hits.trailingZeroBitCount &>> 3 }
                at &+= 8
            }
        }
        while at < bytes.count {
            let byte = bytes[at]
            if byte < 0x20 || byte >= 0x80 || byte == UInt8(ascii: "\"") || byte == UInt8(ascii: "\\") { break }
            at &+= 1
        }
        return at
    }

    /// How many bytes the scalar has that begins with the byte outside ASCII at `at`; `nil` if it is not well-formed
    /// UTF-8 (Unicode, table 3-7).
    static func lengthOfScalar(_ bytes: UnsafeBufferPointer<UInt8>, at: Int) -> Int? {
        func follows(_ offset: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
            at &+ offset < bytes.count && range.contains(bytes[at &+ offset])
        }
        switch bytes[at] {
        case 0xC2...0xDF: return follows(1) ? 2 : nil
        case 0xE0: return follows(1, 0xA0...0xBF) && follows(2) ? 3 : nil
        case 0xED: return follows(1, 0x80...0x9F) && follows(2) ? 3 : nil
        case 0xE1...0xEF: return follows(1) && follows(2) ? 3 : nil
        case 0xF0: return follows(1, 0x90...0xBF) && follows(2) && follows(3) ? 4 : nil
        case 0xF1...0xF3: return follows(1) && follows(2) && follows(3) ? 4 : nil
        case 0xF4: return follows(1, 0x80...0x8F) && follows(2) && follows(3) ? 4 : nil
        default: return nil
        }
    }

    static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }
}
