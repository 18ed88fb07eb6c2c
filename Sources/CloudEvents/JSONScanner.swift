/// Reads a JSON text (RFC 8259) byte by byte and says where its values stand, without making values of them.
///
/// Strict: UTF-8 without byte order mark, no lone surrogates, no trailing commas, nothing after the text.
struct JSONScanner {
    static let maximumDepth = 512

    let bytes: UnsafeBufferPointer<UInt8>
    private(set) var at = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    /// The next byte after white space; `nil` at the end.
    mutating func peek() -> UInt8? {
        while at < bytes.count {
            switch bytes[at] {
            case 0x20, 0x09, 0x0A, 0x0D: at += 1
            default: return bytes[at]
            }
        }
        return nil
    }

    func error(_ message: String, at offset: Int? = nil) -> EventError {
        EventError(.malformedJSON, message, byteOffset: offset ?? at)
    }

    mutating func expect(_ byte: Unicode.Scalar, _ what: String) throws(EventError) {
        guard peek() == UInt8(ascii: byte) else { throw error("expected \(what), found \(found())") }
        at += 1
    }

    mutating func expectEnd() throws(EventError) {
        guard peek() == nil else { throw error("expected the end of the text, found \(found())") }
    }

    func found() -> String {
        guard at < bytes.count else { return "the end of the text" }
        let byte = bytes[at]
        if byte == 0xEF { return "a byte order mark or another character outside ASCII" }
        return (0x21...0x7E).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
    }

    /// Skips one value and answers where it stands.
    mutating func skipValue(depth: Int = 0) throws(EventError) -> Range<Int> {
        guard let first = peek() else { throw error("expected a value, found the end of the text") }
        let start = at
        switch first {
        case UInt8(ascii: "\""): _ = try string()
        case UInt8(ascii: "{"):
            guard depth < Self.maximumDepth else { throw error("nested deeper than \(Self.maximumDepth) levels") }
            at += 1
            if peek() == UInt8(ascii: "}") {
                at += 1
            } else {
                while true {
                    guard peek() == UInt8(ascii: "\"") else { throw error("expected a member's name, found \(found())") }
                    _ = try string()
                    try expect(":", "':'")
                    _ = try skipValue(depth: depth + 1)
                    if try !more(until: "}") { break }
                }
            }
        case UInt8(ascii: "["):
            guard depth < Self.maximumDepth else { throw error("nested deeper than \(Self.maximumDepth) levels") }
            at += 1
            if peek() == UInt8(ascii: "]") {
                at += 1
            } else {
                while true {
                    _ = try skipValue(depth: depth + 1)
                    if try !more(until: "]") { break }
                }
            }
        case UInt8(ascii: "t"): try literal("true")
        case UInt8(ascii: "f"): try literal("false")
        case UInt8(ascii: "n"): try literal("null")
        case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
        default: throw error("expected a value, found \(found())")
        }
        return start..<at
    }

    /// Steps over a comma (`true`) or the closing bracket (`false`).
    mutating func more(until end: Unicode.Scalar) throws(EventError) -> Bool {
        let next = peek()
        guard next == UInt8(ascii: ",") || next == UInt8(ascii: end) else {
            throw error("expected ',' or '\(end)', found \(found())")
        }
        at += 1
        return next == UInt8(ascii: ",")
    }

    private mutating func literal(_ word: StaticString) throws(EventError) {
        for index in 0..<word.utf8CodeUnitCount {
            guard at < bytes.count, bytes[at] == word.utf8Start[index] else {
                throw error("expected \(word), found \(found())")
            }
            at += 1
        }
    }

    private mutating func number() throws(EventError) {
        if bytes[at] == UInt8(ascii: "-") { at += 1 }
        if at < bytes.count, bytes[at] == UInt8(ascii: "0") {
            at += 1
        } else {
            try digits()
        }
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            at += 1
            try digits()
        }
        if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
            at += 1
            if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at += 1 }
            try digits()
        }
    }

    private mutating func digits() throws(EventError) {
        let start = at
        while at < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) { at += 1 }
        if at == start { throw error("expected a digit, found \(found())") }
    }

    /// Skips a string and answers its contents' place and whether they hold escapes. The scanner stands at its quote.
    mutating func string() throws(EventError) -> (contents: Range<Int>, hasEscapes: Bool) {
        at += 1
        let start = at
        var hasEscapes = false
        var isASCII = true
        while at < bytes.count {
            let byte = bytes[at]
            if byte == UInt8(ascii: "\"") {
                let contents = start..<at
                if !isASCII { try checkUTF8(contents) }
                at += 1
                return (contents, hasEscapes)
            }
            if byte < 0x20 { throw error("a control character in a string; it must be escaped") }
            if byte >= 0x80 { isASCII = false }
            at += 1
            if byte == UInt8(ascii: "\\") {
                hasEscapes = true
                try escape()
            }
        }
        throw error("a string without its closing quote", at: start - 1)
    }

    private mutating func escape() throws(EventError) {
        guard at < bytes.count else { throw error("expected an escape, found the end of the text") }
        switch bytes[at] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            at += 1
        case UInt8(ascii: "u"):
            let start = at - 1
            at += 1
            let unit = try hexadecimal()
            if (0xDC00...0xDFFF).contains(unit) { throw error("a lone surrogate", at: start) }
            guard (0xD800...0xDBFF).contains(unit) else { return }
            guard at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"), bytes[at + 1] == UInt8(ascii: "u") else {
                throw error("a lone surrogate", at: start)
            }
            at += 2
            guard (0xDC00...0xDFFF).contains(try hexadecimal()) else { throw error("a lone surrogate", at: start) }
        default: throw error("no escape begins with \(found())")
        }
    }

    private mutating func hexadecimal() throws(EventError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard at < bytes.count, let digit = Self.hexadecimalDigit(bytes[at]) else {
                throw error("expected a hexadecimal digit, found \(found())")
            }
            value = value << 4 | UInt32(digit)
            at += 1
        }
        return value
    }

    static func hexadecimalDigit(_ byte: UInt8) -> UInt8? {
        switch byte {
        case UInt8(ascii: "0")...UInt8(ascii: "9"): byte - UInt8(ascii: "0")
        case UInt8(ascii: "a")...UInt8(ascii: "f"): byte - UInt8(ascii: "a") + 10
        case UInt8(ascii: "A")...UInt8(ascii: "F"): byte - UInt8(ascii: "A") + 10
        default: nil
        }
    }

    private func checkUTF8(_ range: Range<Int>) throws(EventError) {
        guard String(validating: bytes[range], as: UTF8.self) != nil else {
            throw error("a string that is not valid UTF-8", at: range.lowerBound)
        }
    }

    /// The value of a string that was scanned.
    func text(_ contents: Range<Int>, hasEscapes: Bool) -> String {
        if !hasEscapes { return String(decoding: bytes[contents], as: UTF8.self) }
        var result: [UInt8] = []
        result.reserveCapacity(contents.count)
        var at = contents.lowerBound
        while at < contents.upperBound {
            guard bytes[at] == UInt8(ascii: "\\") else {
                result.append(bytes[at])
                at += 1
                continue
            }
            at += 2
            switch bytes[at - 1] {
            case UInt8(ascii: "b"): result.append(0x08)
            case UInt8(ascii: "f"): result.append(0x0C)
            case UInt8(ascii: "n"): result.append(0x0A)
            case UInt8(ascii: "r"): result.append(0x0D)
            case UInt8(ascii: "t"): result.append(0x09)
            case UInt8(ascii: "u"):
                var value = unit(at)
                at += 4
                if (0xD800...0xDBFF).contains(value) {
                    value = 0x10000 + (value - 0xD800) << 10 + (unit(at + 2) - 0xDC00)
                    at += 6
                }
                // The scan refused lone surrogates, so every value here is a scalar.
                if let scalar = Unicode.Scalar(value) { result += Array(String(Character(scalar)).utf8) }
            case let literal: result.append(literal)
            }
        }
        return String(decoding: result, as: UTF8.self)
    }

    private func unit(_ start: Int) -> UInt32 {
        var value: UInt32 = 0
        for index in start..<start + 4 { value = value << 4 | UInt32(Self.hexadecimalDigit(bytes[index]) ?? 0) }
        return value
    }
}
