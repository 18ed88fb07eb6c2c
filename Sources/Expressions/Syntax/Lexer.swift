/// Splits the source into tokens.
struct Lexer {
    let bytes: [UInt8]
    private(set) var offset: Int

    init(_ bytes: [UInt8], at offset: Int = 0) {
        self.bytes = bytes
        self.offset = offset
    }

    private func byte(_ ahead: Int = 0) -> UInt8 {
        offset + ahead < bytes.count ? bytes[offset + ahead] : 0
    }

    mutating func next() throws(SyntaxFailure) -> Token {
        skipSpace()
        let start = offset
        guard start < bytes.count else { return Token(kind: .end, offset: start, end: start) }
        let kind = try kind()
        return Token(kind: kind, offset: start, end: offset)
    }

    private mutating func skipSpace() {
        while offset < bytes.count {
            switch bytes[offset] {
            case 0x20, 0x09, 0x0A, 0x0C, 0x0D: offset += 1
            case UInt8(ascii: "/") where byte(1) == UInt8(ascii: "/"):
                while offset < bytes.count, bytes[offset] != 0x0A { offset += 1 }
            default: return
            }
        }
    }

    private mutating func kind() throws(SyntaxFailure) -> Token.Kind {
        let first = byte()
        if let text = try TextLiteral(bytes, at: offset) {
            offset = text.end
            return .literal(text.value)
        }
        if Self.isLetter(first) {
            let start = offset
            while Self.isLetter(byte()) || Self.isDigit(byte()) { offset += 1 }
            return .identifier(String(decoding: bytes[start..<offset], as: UTF8.self))
        }
        if Self.isDigit(first) || (first == UInt8(ascii: ".") && Self.isDigit(byte(1))) { return try number() }
        if first == UInt8(ascii: "`") { return try quotedIdentifier() }
        for symbol in ["==", "!=", "<=", ">=", "&&", "||"] where stands(symbol) {
            offset += 2
            return .symbol(symbol)
        }
        if "()[]{}.,:?!+-*/%<>".utf8.contains(first) {
            offset += 1
            return .symbol(String(Character(Unicode.Scalar(first))))
        }
        throw SyntaxFailure(offset: offset, message: unexpected())
    }

    private func unexpected() -> String {
        var decoder = UTF8()
        var iterator = bytes[offset...].makeIterator()
        guard case .scalarValue(let scalar) = decoder.decode(&iterator) else { return "these bytes are not UTF-8" }
        return switch scalar {
        case "=": "'=' is no operator; expected '==' to compare"
        case "&", "|": "'\(scalar)' is no operator; expected '\(scalar)\(scalar)'"
        default: "'\(scalar)' has no meaning here; expected a name, a value or an operator"
        }
    }

    private func stands(_ symbol: String) -> Bool {
        bytes[offset...].starts(with: symbol.utf8)
    }

    private mutating func quotedIdentifier() throws(SyntaxFailure) -> Token.Kind {
        let start = offset
        offset += 1
        while Self.isLetter(byte()) || Self.isDigit(byte()) || ".-/ ".utf8.contains(byte()) { offset += 1 }
        guard byte() == UInt8(ascii: "`"), offset > start + 1 else {
            throw SyntaxFailure(
                offset: start,
                message: "expected a name of letters, digits, '_', '.', '-', '/' and spaces between backticks")
        }
        offset += 1
        return .quotedIdentifier(String(decoding: bytes[start + 1..<offset - 1], as: UTF8.self))
    }

    private mutating func number() throws(SyntaxFailure) -> Token.Kind {
        let start = offset
        if byte() == UInt8(ascii: "0"), byte(1) | 0x20 == UInt8(ascii: "x") {
            offset += 2
            let digits = offset
            while Self.isHexDigit(byte()) { offset += 1 }
            let text = String(decoding: bytes[digits..<offset], as: UTF8.self)
            guard !text.isEmpty else {
                throw SyntaxFailure(offset: start, message: "expected hexadecimal digits after 0x")
            }
            return try integer(text, radix: 16, start)
        }
        var isDouble = false
        while Self.isDigit(byte()) { offset += 1 }
        if byte() == UInt8(ascii: "."), Self.isDigit(byte(1)) {
            isDouble = true
            offset += 1
            while Self.isDigit(byte()) { offset += 1 }
        }
        if byte() | 0x20 == UInt8(ascii: "e") {
            let sign = byte(1) == UInt8(ascii: "+") || byte(1) == UInt8(ascii: "-") ? 1 : 0
            if Self.isDigit(byte(1 + sign)) {
                isDouble = true
                offset += 1 + sign
                while Self.isDigit(byte()) { offset += 1 }
            }
        }
        let text = String(decoding: bytes[start..<offset], as: UTF8.self)
        guard isDouble else { return try integer(text, radix: 10, start) }
        guard let value = Double(text) else { throw SyntaxFailure(offset: start, message: "\(text) is no number") }
        try end(of: text, start)
        return .literal(.double(value))
    }

    private mutating func integer(_ text: String, radix: Int, _ start: Int) throws(SyntaxFailure) -> Token.Kind {
        let isUnsigned = byte() | 0x20 == UInt8(ascii: "u")
        if isUnsigned { offset += 1 }
        try end(of: text, start)
        guard let value = UInt64(text, radix: radix) else {
            throw SyntaxFailure(offset: start, message: "\(text) is too large for a number of 64 bits")
        }
        return isUnsigned ? .literal(.uint(value)) : .integer(value)
    }

    private func end(of number: String, _ start: Int) throws(SyntaxFailure) {
        guard Self.isLetter(byte()) else { return }
        throw SyntaxFailure(
            offset: offset,
            message: "'\(Character(Unicode.Scalar(byte())))' follows the number \(number); expected an operator")
    }

    static func isLetter(_ byte: UInt8) -> Bool {
        (byte | 0x20) &- UInt8(ascii: "a") < 26 || byte == UInt8(ascii: "_")
    }

    static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    static func isHexDigit(_ byte: UInt8) -> Bool { JSONEscapes.hexDigit(byte) != nil }
}
