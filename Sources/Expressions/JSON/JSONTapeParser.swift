/// Checks a JSON text and writes its tape, without recursion.
struct JSONTapeParser {
    private let bytes: UnsafeBufferPointer<UInt8>
    private var offset = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    /// What a value, comma or bracket may follow.
    private enum Expectation {
        case value, firstElement, firstName, name, afterValue
    }

    /// - Returns: what is wrong with the text, if something is.
    mutating func parse(_ tape: inout [UInt64]) -> JSONDocument.SyntaxError? {
        // While an array or object is open, its word holds where its parent is (plus one), and its count so far.
        var open = -1
        var depth = 0
        var expected = Expectation.value
        while true {
            skipSpace()
            guard offset < bytes.count else {
                if open < 0, expected == .afterValue { return nil }
                return error("the text ends; expected \(Self.description(expected, open < 0))")
            }
            let byte = bytes[offset]
            switch expected {
            case .afterValue:
                guard open >= 0 else { return error("there is more after the value; expected the end") }
                let word = TapeWord(tape[open])
                let isObject = word.kind == .object
                switch byte {
                case UInt8(ascii: ","):
                    offset += 1
                    expected = isObject ? .name : .value
                    continue
                case UInt8(ascii: "]") where !isObject, UInt8(ascii: "}") where isObject:
                    close(&open, &depth, &tape)
                    continue
                default:
                    return error("got \(shown(byte)); expected ',' or '\(isObject ? "}" : "]")'")
                }
            case .firstElement where byte == UInt8(ascii: "]"), .firstName where byte == UInt8(ascii: "}"):
                close(&open, &depth, &tape)
                expected = .afterValue
                continue
            case .firstName, .name:
                guard byte == UInt8(ascii: "\"") else { return error("got \(shown(byte)); expected a name in quotes") }
                if let failure = string(&tape) { return failure }
                skipSpace()
                guard offset < bytes.count, bytes[offset] == UInt8(ascii: ":") else {
                    return error("expected ':' after the name")
                }
                offset += 1
                expected = .value
                continue
            case .value, .firstElement: break
            }
            if open >= 0 {
                let word = TapeWord(tape[open])
                tape[open] = TapeWord(word.kind, word.first, word.second + 1).bits
            }
            switch byte {
            case UInt8(ascii: "\""):
                if let failure = string(&tape) { return failure }
                expected = .afterValue
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                guard depth <= JSONDocument.maximumDepth else {
                    return error("it is nested deeper than \(JSONDocument.maximumDepth) levels")
                }
                let isObject = byte == UInt8(ascii: "{")
                tape.append(TapeWord(isObject ? .object : .array, open + 1, 0).bits)
                open = tape.count - 1
                offset += 1
                expected = isObject ? .firstName : .firstElement
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"):
                if let failure = number(&tape) { return failure }
                expected = .afterValue
            default:
                guard let kind = keyword() else { return error("got \(shown(byte)); expected a value") }
                tape.append(TapeWord(kind).bits)
                expected = .afterValue
            }
        }
    }

    private mutating func close(_ open: inout Int, _ depth: inout Int, _ tape: inout [UInt64]) {
        let word = TapeWord(tape[open])
        tape[open] = TapeWord(word.kind, word.second, tape.count).bits
        open = word.first - 1
        depth -= 1
        offset += 1
    }

    private mutating func skipSpace() {
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            offset += 1
        }
    }

    private mutating func keyword() -> JSONDocument.Kind? {
        func stands(_ word: StaticString) -> Bool {
            guard offset + word.utf8CodeUnitCount <= bytes.count else { return false }
            for index in 0..<word.utf8CodeUnitCount where bytes[offset + index] != word.utf8Start[index] { return false }
            return true
        }
        let kind: JSONDocument.Kind
        if stands("true") {
            kind = .boolTrue
        } else if stands("false") {
            kind = .boolFalse
        } else if stands("null") {
            kind = .null
        } else {
            return nil
        }
        offset += kind == .boolFalse ? 5 : 4
        return kind
    }

    private mutating func number(_ tape: inout [UInt64]) -> JSONDocument.SyntaxError? {
        let start = offset
        var isFloat = false
        if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        guard let first = peek(), Self.isDigit(first) else { return error("expected a digit") }
        offset += 1
        if first == UInt8(ascii: "0") {
            if let next = peek(), Self.isDigit(next) { return error("a number may not begin with 0") }
        } else {
            skipDigits()
        }
        if peek() == UInt8(ascii: ".") {
            isFloat = true
            offset += 1
            guard let digit = peek(), Self.isDigit(digit) else { return error("expected a digit after the point") }
            skipDigits()
        }
        if let mark = peek(), mark | 0x20 == UInt8(ascii: "e") {
            isFloat = true
            offset += 1
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
            guard let digit = peek(), Self.isDigit(digit) else { return error("expected a digit in the exponent") }
            skipDigits()
        }
        tape.append(TapeWord(.number, flag: isFloat, start, offset - start).bits)
        return nil
    }

    private mutating func skipDigits() {
        while offset < bytes.count, Self.isDigit(bytes[offset]) { offset += 1 }
    }

    private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    private mutating func string(_ tape: inout [UInt64]) -> JSONDocument.SyntaxError? {
        offset += 1
        let start = offset
        var hasEscapes = false
        while true {
            skipPlain()
            guard offset < bytes.count else { return error("the text ends within a string; expected '\"'") }
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "\""):
                tape.append(TapeWord(.string, flag: hasEscapes, start, offset - start).bits)
                offset += 1
                return nil
            case UInt8(ascii: "\\"):
                hasEscapes = true
                guard let count = JSONEscapes.length(bytes, at: offset) else {
                    return error("it is no escape of JSON; expected one such as \\n or \\u0041, surrogates in pairs")
                }
                offset += count
            case 0..<0x20: return error("a control character in a string; expected an escape such as \\n")
            default:
                guard let count = UTF8Check.length(bytes, at: offset) else { return error("these bytes are not UTF-8") }
                offset += count
            }
        }
    }

    /// Goes on to the next quote, backslash, control character or byte beyond ASCII, eight bytes at a time.
    private mutating func skipPlain() {
        let ones: UInt64 = 0x0101_0101_0101_0101
        let highs: UInt64 = 0x8080_8080_8080_8080
        while offset + 8 <= bytes.count {
            let word = UnsafeRawBufferPointer(bytes).loadUnaligned(fromByteOffset: offset, as: UInt64.self).littleEndian
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let found =
                (((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | (word &- (ones &* 0x20)) | word) & highs
            if found == 0 {
                offset += 8
                continue
            }
            // Borrows make false finds above the first one only.
            offset += found.trailingZeroBitCount >> 3
            return
        }
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte >= 0x20, byte < 0x80, byte != UInt8(ascii: "\""), byte != UInt8(ascii: "\\") else { return }
            offset += 1
        }
    }

    private func error(_ message: String) -> JSONDocument.SyntaxError {
        JSONDocument.SyntaxError(message: message, offset: offset)
    }

    private func shown(_ byte: UInt8) -> String {
        (0x20..<0x7F).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x\(String(byte, radix: 16))"
    }

    private static func description(_ expected: Expectation, _ isTop: Bool) -> String {
        switch expected {
        case .value: "a value"
        case .firstElement: "a value or ']'"
        case .firstName: "a name in quotes or '}'"
        case .name: "a name in quotes"
        case .afterValue: "the array or object to be closed"
        }
    }
}

/// The lengths of characters in UTF-8.
enum UTF8Check {
    /// How many bytes the character beyond ASCII at `offset` has; `nil` if it is not well-formed (Unicode, table 3-7).
    static func length(_ bytes: UnsafeBufferPointer<UInt8>, at offset: Int) -> Int? {
        func continues(_ index: Int, _ range: ClosedRange<UInt8> = 0x80...0xBF) -> Bool {
            offset + index < bytes.count && range.contains(bytes[offset + index])
        }
        switch bytes[offset] {
        case 0xC2...0xDF: return continues(1) ? 2 : nil
        case 0xE0: return continues(1, 0xA0...0xBF) && continues(2) ? 3 : nil
        case 0xED: return continues(1, 0x80...0x9F) && continues(2) ? 3 : nil
        case 0xE1...0xEF: return continues(1) && continues(2) ? 3 : nil
        case 0xF0: return continues(1, 0x90...0xBF) && continues(2) && continues(3) ? 4 : nil
        case 0xF1...0xF3: return continues(1) && continues(2) && continues(3) ? 4 : nil
        case 0xF4: return continues(1, 0x80...0x8F) && continues(2) && continues(3) ? 4 : nil
        default: return nil
        }
    }
}
