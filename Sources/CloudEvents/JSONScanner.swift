/// Reads a JSON text (RFC 8259) byte by byte and says where its values stand, without making values of them.
///
/// Strict: UTF-8 without byte order mark, no lone surrogates, no trailing commas, nothing after the text, and no more
/// than ``maximumDepth`` levels of nesting. Strings are in `JSONScanner+Strings.swift`.
struct JSONScanner {
    static let maximumDepth = NestingStack.capacity

    let bytes: UnsafeBufferPointer<UInt8>
    /// The next byte to read.
    var at = 0

    init(_ bytes: UnsafeBufferPointer<UInt8>) {
        self.bytes = bytes
    }

    /// The next byte after white space; `nil` at the end.
    @inline(__always)
    mutating func peek() -> UInt8? {
        while at < bytes.count {
            let byte = bytes[at]
            if byte > 0x20 { return byte }
            guard byte == 0x20 || byte == 0x0A || byte == 0x0D || byte == 0x09 else { return byte }
            at &+= 1
        }
        return nil
    }

    mutating func expect(_ byte: Unicode.Scalar, _ what: StaticString) throws(EventError) {
        guard peek() == UInt8(ascii: byte) else { throw error("expected \(what), found \(found())") }
        at &+= 1
    }

    mutating func expectEnd() throws(EventError) {
        guard peek() == nil else { throw error("expected the end of the text, found \(found())") }
    }

    /// Steps over `byte` if it comes next.
    mutating func skip(_ byte: Unicode.Scalar) -> Bool {
        guard peek() == UInt8(ascii: byte) else { return false }
        at &+= 1
        return true
    }

    /// Steps over a comma (`true`) or the closing bracket (`false`).
    mutating func more(until end: Unicode.Scalar) throws(EventError) -> Bool {
        let next = peek()
        guard next == UInt8(ascii: ",") || next == UInt8(ascii: end) else {
            throw error("expected ',' or '\(end)', found \(found())")
        }
        at &+= 1
        return next == UInt8(ascii: ",")
    }

    /// Reads a member's name and its colon.
    mutating func memberName() throws(EventError) -> ScannedString {
        guard peek() == UInt8(ascii: "\"") else { throw error("expected a member's name, found \(found())") }
        let name = try string()
        try expect(":", "':'")
        return name
    }

    /// Skips one value and answers where it stands.
    mutating func skipValue() throws(EventError) -> Range<Int> {
        _ = peek()
        let start = at
        var nesting = NestingStack()
        value: while true {
            guard let first = peek() else { throw error("expected a value, found \(found())") }
            switch first {
            case UInt8(ascii: "\""): _ = try string()
            case UInt8(ascii: "{"):
                try enter(object: true, &nesting)
                if skip("}") {
                    nesting.pop()
                } else {
                    _ = try memberName()
                    continue value
                }
            case UInt8(ascii: "["):
                try enter(object: false, &nesting)
                if skip("]") { nesting.pop() } else { continue value }
            case UInt8(ascii: "-"), UInt8(ascii: "0")...UInt8(ascii: "9"): try number()
            case UInt8(ascii: "t"): try literal("true")
            case UInt8(ascii: "f"): try literal("false")
            case UInt8(ascii: "n"): try literal("null")
            default: throw error("expected a value, found \(found())")
            }
            while nesting.depth > 0 {
                if nesting.isObject {
                    if try more(until: "}") {
                        _ = try memberName()
                        continue value
                    }
                } else if try more(until: "]") {
                    continue value
                }
                nesting.pop()
            }
            return start..<at
        }
    }

    private mutating func enter(object isObject: Bool, _ nesting: inout NestingStack) throws(EventError) {
        guard nesting.push(isObject) else {
            throw error("expected at most \(Self.maximumDepth) levels of nesting, found another")
        }
        at &+= 1
    }

    private mutating func literal(_ word: StaticString) throws(EventError) {
        let start = at
        for index in 0..<word.utf8CodeUnitCount {
            guard at < bytes.count, bytes[at] == word.utf8Start[index] else {
                throw error("expected \(word), found something else", at: start)
            }
            at &+= 1
        }
    }

    private mutating func number() throws(EventError) {
        if bytes[at] == UInt8(ascii: "-") { at &+= 1 }
        if at < bytes.count, bytes[at] == UInt8(ascii: "0") {
            at &+= 1
            if at < bytes.count, bytes[at] &- UInt8(ascii: "0") < 10 { throw error("a number with a leading zero") }
        } else {
            try digits()
        }
        if at < bytes.count, bytes[at] == UInt8(ascii: ".") {
            at &+= 1
            try digits()
        }
        if at < bytes.count, bytes[at] | 0x20 == UInt8(ascii: "e") {
            at &+= 1
            if at < bytes.count, bytes[at] == UInt8(ascii: "+") || bytes[at] == UInt8(ascii: "-") { at &+= 1 }
            try digits()
        }
    }

    private mutating func digits() throws(EventError) {
        let start = at
        while at < bytes.count, bytes[at] &- UInt8(ascii: "0") < 10 { at &+= 1 }
        if at == start { throw error("expected a digit, found \(found())") }
    }

    func error(_ message: String, at offset: Int? = nil) -> EventError {
        EventError(.malformedJSON, message, byteOffset: offset ?? at)
    }

    /// What comes next, in words.
    func found() -> String {
        guard at < bytes.count else { return "the end of the text" }
        if bytes[at...].starts(with: [0xEF, 0xBB, 0xBF]) { return "a byte order mark" }
        let byte = bytes[at]
        return (0x21...0x7E).contains(byte) ? "'\(Character(Unicode.Scalar(byte)))'" : "byte \(byte)"
    }
}

/// Which of the levels around a value are objects and which are arrays: one bit each, so that depth costs no memory and
/// no recursion.
struct NestingStack {
    static let capacity = 512

    private(set) var depth = 0
    private var bits = SIMD8<UInt64>()

    @inline(__always)
    mutating func push(_ isObject: Bool) -> Bool {
        guard depth < Self.capacity else { return false }
        let bit: UInt64 = 1 &<< UInt64(depth & 63)
        if isObject { bits[depth &>> 6] |= bit } else { bits[depth &>> 6] &= ~bit }
        depth &+= 1
        return true
    }

    @inline(__always)
    mutating func pop() { depth &-= 1 }

    /// Whether the innermost level is an object. There must be one.
    var isObject: Bool {
        let index = depth &- 1
        return bits[index &>> 6] &>> UInt64(index & 63) & 1 == 1
    }
}
