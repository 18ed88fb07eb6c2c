/// A string or bytes literal ("String and Bytes Values" in the language definition): in single or double quotes, one or three;
/// raw with `r`, bytes with `b`.
struct TextLiteral {
    var value: Value
    var end: Int

    private let source: [UInt8]
    private let start: Int
    private let isRaw: Bool
    private let isBytes: Bool

    /// The literal at `start`; `nil` if none begins there.
    init?(_ bytes: [UInt8], at start: Int) throws(SyntaxFailure) {
        var offset = start
        var isRaw = false
        var isBytes = false
        while offset < bytes.count {
            let mark = bytes[offset] | 0x20
            if mark == UInt8(ascii: "r"), !isRaw {
                isRaw = true
            } else if mark == UInt8(ascii: "b"), !isBytes {
                isBytes = true
            } else {
                break
            }
            offset += 1
        }
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") || bytes[offset] == UInt8(ascii: "'") else {
            return nil
        }
        source = bytes
        self.start = start
        self.isRaw = isRaw
        self.isBytes = isBytes
        value = .null
        end = offset
        try read(from: offset)
    }

    private mutating func read(from open: Int) throws(SyntaxFailure) {
        let quote = source[open]
        let isTriple = source[open...].starts(with: [quote, quote, quote])
        let width = isTriple ? 3 : 1
        var offset = open + width
        var content: [UInt8] = []
        while true {
            guard offset < source.count else {
                throw SyntaxFailure(
                    offset: start,
                    message:
                        "the text does not end; expected \(String(decoding: Array(repeating: quote, count: width), as: UTF8.self))"
                )
            }
            let byte = source[offset]
            if byte == quote, !isTriple || source[offset...].starts(with: [quote, quote, quote]) { break }
            if byte == 0x0A || byte == 0x0D, !isTriple {
                throw SyntaxFailure(
                    offset: offset,
                    message: "the text does not end on its line; expected a quote, or three of them around it")
            }
            if byte == UInt8(ascii: "\\"), !isRaw {
                try escape(&offset, into: &content)
            } else {
                content.append(byte)
                offset += 1
            }
        }
        end = offset + width
        if isBytes {
            value = .bytes(content)
        } else if let text = String(validating: content, as: UTF8.self) {
            value = .string(text)
        } else {
            throw SyntaxFailure(offset: start, message: "the text is not UTF-8; expected b\"…\" for bytes")
        }
    }

    private func escape(_ offset: inout Int, into content: inout [UInt8]) throws(SyntaxFailure) {
        let place = offset
        let mark = offset + 1 < source.count ? source[offset + 1] : 0
        offset += 2
        switch mark {
        case UInt8(ascii: "a"): content.append(0x07)
        case UInt8(ascii: "b"): content.append(0x08)
        case UInt8(ascii: "f"): content.append(0x0C)
        case UInt8(ascii: "n"): content.append(0x0A)
        case UInt8(ascii: "r"): content.append(0x0D)
        case UInt8(ascii: "t"): content.append(0x09)
        case UInt8(ascii: "v"): content.append(0x0B)
        case UInt8(ascii: "\\"), UInt8(ascii: "?"), UInt8(ascii: "\""), UInt8(ascii: "'"), UInt8(ascii: "`"):
            content.append(mark)
        case UInt8(ascii: "x"), UInt8(ascii: "X"): try code(&offset, 2, radix: 16, place, into: &content)
        case UInt8(ascii: "u") where !isBytes: try code(&offset, 4, radix: 16, place, into: &content)
        case UInt8(ascii: "U") where !isBytes: try code(&offset, 8, radix: 16, place, into: &content)
        case UInt8(ascii: "0")...UInt8(ascii: "3"):
            offset -= 1
            try code(&offset, 3, radix: 8, place, into: &content)
        default:
            throw SyntaxFailure(
                offset: place,
                message: "it is no escape; expected one such as \\n, \\\\, \\x41\(isBytes ? "" : " or \\u0041")")
        }
    }

    /// A code point (in bytes: a byte) by its number.
    private func code(
        _ offset: inout Int, _ digits: Int, radix: Int, _ place: Int, into content: inout [UInt8]
    ) throws(SyntaxFailure) {
        let text = String(
            decoding: source[min(offset, source.count)..<min(offset + digits, source.count)], as: UTF8.self)
        guard text.utf8.count == digits, text.utf8.allSatisfy({ Lexer.isHexDigit($0) }),
            let number = UInt32(text, radix: radix)
        else {
            throw SyntaxFailure(
                offset: place,
                message: "expected \(digits) \(radix == 8 ? "octal" : "hexadecimal") digits in the escape")
        }
        offset += digits
        if isBytes {
            guard let byte = UInt8(exactly: number) else {
                throw SyntaxFailure(offset: place, message: "the escape is larger than a byte")
            }
            content.append(byte)
        } else {
            guard let scalar = Unicode.Scalar(number) else {
                throw SyntaxFailure(offset: place, message: "the escape is no Unicode code point")
            }
            content += Array(String(Character(scalar)).utf8)
        }
    }
}
