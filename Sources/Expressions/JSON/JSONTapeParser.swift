/// Checks a JSON text and writes its tape, without recursion.
struct JSONTapeParser {
    private let bytes: UnsafeBufferPointer<UInt8>
    private let tape: UnsafeMutableBufferPointer<UInt64>
    private var offset = 0
    /// How many words the tape has.
    private(set) var count = 0
    /// What is wrong with the text, if something is.
    private(set) var failure: JSONDocument.SyntaxError?

    /// How long the tape of a text can be: a value is followed by a comma, colon or bracket, but for the last one, and for
    /// the arrays and objects that are open where the text ends.
    static func capacity(_ bytes: Int) -> Int { bytes / 2 + 2 + JSONDocument.maximumDepth }

    init(_ bytes: UnsafeBufferPointer<UInt8>, tape: UnsafeMutableBufferPointer<UInt64>) {
        self.bytes = bytes
        self.tape = tape
    }

    /// - Returns: whether the text is well-formed; ``failure`` says what is wrong with it.
    mutating func parse() -> Bool {
        // While an array or object is open, its word holds where its parent is (plus one), and its count so far.
        var open = -1
        var depth = 0
        value: while true {
            skipSpace()
            guard offset < bytes.count else { return fail("the text ends; expected a value") }
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "\""): guard string() else { return false }
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): guard number() else { return false }
            case UInt8(ascii: "{"), UInt8(ascii: "["):
                depth += 1
                guard depth <= JSONDocument.maximumDepth else {
                    return fail("it is nested deeper than \(JSONDocument.maximumDepth) levels")
                }
                let isObject = byte == UInt8(ascii: "{")
                append(TapeWord(isObject ? .object : .array, open + 1, 1))
                open = count - 1
                offset += 1
                skipSpace()
                guard offset < bytes.count else {
                    return fail("the text ends; expected \(isObject ? "a name in quotes or '}'" : "a value or ']'")")
                }
                if bytes[offset] == byte + 2 {
                    // Brackets and braces close two code points after they open.
                    let parent = TapeWord(tape[open]).first - 1
                    tape[open] = TapeWord(isObject ? .object : .array, 0, count).bits
                    open = parent
                    depth -= 1
                    offset += 1
                } else {
                    if isObject { guard name() else { return false } }
                    continue value
                }
            default: guard keyword() else { return fail("got \(shown(byte)); expected a value") }
            }
            while true {
                skipSpace()
                guard open >= 0 else {
                    return offset == bytes.count || fail("there is more after the value; expected the end")
                }
                let word = TapeWord(tape[open])
                let isObject = word.isObject
                let end = isObject ? UInt8(ascii: "}") : UInt8(ascii: "]")
                guard offset < bytes.count else {
                    return fail("the text ends; expected ',' or '\(isObject ? "}" : "]")'")
                }
                if bytes[offset] == UInt8(ascii: ",") {
                    offset += 1
                    tape[open] = word.bits + TapeWord.oneMore
                    if isObject { guard name() else { return false } }
                    continue value
                }
                guard bytes[offset] == end else {
                    return fail("got \(shown(bytes[offset])); expected ',' or '\(isObject ? "}" : "]")'")
                }
                tape[open] = TapeWord(isObject ? .object : .array, word.second, count).bits
                open = word.first - 1
                depth -= 1
                offset += 1
            }
        }
    }

    /// The name of a member, with its colon.
    @inline(__always)
    private mutating func name() -> Bool {
        skipSpace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: "\"") else {
            return fail("expected a name in quotes")
        }
        guard string() else { return false }
        skipSpace()
        guard offset < bytes.count, bytes[offset] == UInt8(ascii: ":") else {
            return fail("expected ':' after the name")
        }
        offset += 1
        return true
    }

    @inline(__always)
    private mutating func append(_ word: TapeWord) {
        tape[count] = word.bits
        count += 1
    }

    @inline(__always)
    private mutating func skipSpace() {
        while offset < bytes.count {
            let byte = bytes[offset]
            guard byte <= 0x20, byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return }
            offset += 1
        }
    }

    private mutating func keyword() -> Bool {
        func stands(_ word: StaticString) -> Bool {
            guard offset + word.utf8CodeUnitCount <= bytes.count else { return false }
            for index in 0..<word.utf8CodeUnitCount where bytes[offset + index] != word.utf8Start[index] {
                return false
            }
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
            return false
        }
        offset += kind == .boolFalse ? 5 : 4
        append(TapeWord(kind))
        return true
    }

    private mutating func number() -> Bool {
        let start = offset
        var isFloat = false
        if bytes[offset] == UInt8(ascii: "-") { offset += 1 }
        guard let first = peek(), Self.isDigit(first) else { return fail("expected a digit") }
        offset += 1
        if first == UInt8(ascii: "0") {
            if let next = peek(), Self.isDigit(next) { return fail("a number may not begin with 0") }
        } else {
            skipDigits()
        }
        if peek() == UInt8(ascii: ".") {
            isFloat = true
            offset += 1
            guard let digit = peek(), Self.isDigit(digit) else { return fail("expected a digit after the point") }
            skipDigits()
        }
        if let mark = peek(), mark | 0x20 == UInt8(ascii: "e") {
            isFloat = true
            offset += 1
            if let sign = peek(), sign == UInt8(ascii: "+") || sign == UInt8(ascii: "-") { offset += 1 }
            guard let digit = peek(), Self.isDigit(digit) else { return fail("expected a digit in the exponent") }
            skipDigits()
        }
        append(TapeWord(.number, flag: isFloat, start, offset - start))
        return true
    }

    private mutating func skipDigits() {
        while offset < bytes.count, Self.isDigit(bytes[offset]) { offset += 1 }
    }

    private func peek() -> UInt8? { offset < bytes.count ? bytes[offset] : nil }

    private static func isDigit(_ byte: UInt8) -> Bool { byte &- UInt8(ascii: "0") < 10 }

    @inline(__always)
    private mutating func string() -> Bool {
        guard let base = UnsafeRawPointer(bytes.baseAddress) else { return false }
        let ones: UInt64 = 0x0101_0101_0101_0101
        let start = offset + 1
        var place = start
        // Eight bytes at a time: on to the next quote, backslash, control character or byte beyond ASCII.
        while place + 8 <= bytes.count {
            let word = base.loadUnaligned(fromByteOffset: place, as: UInt64.self).littleEndian
            let quote = word ^ (ones &* 0x22)
            let backslash = word ^ (ones &* 0x5C)
            let found =
                (((quote &- ones) & ~quote) | ((backslash &- ones) & ~backslash) | (word &- (ones &* 0x20)) | word)
                & 0x8080_8080_8080_8080
            if found == 0 {
                place += 8
                continue
            }
            // Borrows make false finds above the first one only.
            place += found.trailingZeroBitCount >> 3
            guard base.load(fromByteOffset: place, as: UInt8.self) == UInt8(ascii: "\"") else { break }
            append(TapeWord(.string, start, place - start))
            offset = place + 1
            return true
        }
        return string(from: start, goingOnAt: place)
    }

    /// The rest of a string that is not plain up to its end.
    @inline(never)
    private mutating func string(from start: Int, goingOnAt place: Int) -> Bool {
        offset = place
        var hasEscapes = false
        while offset < bytes.count {
            let byte = bytes[offset]
            switch byte {
            case UInt8(ascii: "\""):
                append(TapeWord(.string, flag: hasEscapes, start, offset - start))
                offset += 1
                return true
            case UInt8(ascii: "\\"):
                hasEscapes = true
                guard let count = JSONEscapes.length(bytes, at: offset) else {
                    return fail("it is no escape of JSON; expected one such as \\n or \\u0041, surrogates in pairs")
                }
                offset += count
            case 0..<0x20: return fail("a control character in a string; expected an escape such as \\n")
            case 0x20..<0x80: offset += 1
            default:
                guard let count = UTF8Check.length(bytes, at: offset) else { return fail("these bytes are not UTF-8") }
                offset += count
            }
        }
        return fail("the text ends within a string; expected '\"'")
    }

    @inline(never)
    private mutating func fail(_ message: String) -> Bool {
        failure = JSONDocument.SyntaxError(message: message, offset: offset)
        return false
    }

    private func shown(_ byte: UInt8) -> String {
        (0x20..<0x7F).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte 0x\(String(byte, radix: 16))"
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
