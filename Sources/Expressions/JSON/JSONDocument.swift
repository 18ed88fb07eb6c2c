/// A JSON text (RFC 8259) that was checked as a whole and is decoded piece by piece, as it is read.
///
/// One pass makes a tape: a word for each value, with its kind, its place in the text and, for arrays and objects, where
/// they end. Numbers and strings are decoded when they are asked for. Of members with one name the last is found.
public final class JSONDocument: Sendable {
    /// What a value is.
    enum Kind: UInt64 {
        case null, boolTrue, boolFalse, string, number, array, object
    }

    /// Why a text is not JSON.
    public struct SyntaxError: Error, Sendable, Hashable, CustomStringConvertible {
        /// What is wrong and what was expected.
        public var message: String
        /// Where, in bytes from the beginning.
        public var offset: Int

        /// The message with its place.
        public var description: String { "byte \(offset): \(message)" }
    }

    /// How deep arrays and objects may be nested.
    public static let maximumDepth = 128
    /// How long a text may be, in bytes.
    public static let maximumBytes = 1 << 30

    let bytes: [UInt8]
    let tape: [UInt64]

    /// Checks a text.
    /// - Throws: ``SyntaxError`` if it is not one JSON value in UTF-8, or is nested too deep.
    public init(_ bytes: [UInt8]) throws(SyntaxError) {
        guard bytes.count < Self.maximumBytes else {
            throw SyntaxError(message: "the text is longer than \(Self.maximumBytes) bytes", offset: Self.maximumBytes)
        }
        var tape: [UInt64] = []
        tape.reserveCapacity(bytes.count / 8 + 16)
        var failure: SyntaxError?
        bytes.withUnsafeBufferPointer { buffer in
            var parser = JSONTapeParser(buffer)
            failure = parser.parse(&tape)
        }
        if let failure { throw failure }
        self.bytes = bytes
        self.tape = tape
    }

    /// The value that the text is.
    var root: Node { Node(document: self, index: 0, limit: Int32(truncatingIfNeeded: tape.count)) }

    /// A value of the text.
    struct Node: Sendable {
        let document: JSONDocument
        let index: Int32
        /// Where the array or object that it stands in ends.
        let limit: Int32

        private var word: TapeWord { TapeWord(document.tape[Int(index)]) }

        var kind: Kind { word.kind }

        /// How many elements an array or members an object has.
        var count: Int { word.first }

        /// The first element of an array, or the name of an object's first member.
        var first: Node? {
            let end = word.second
            return Int(index) + 1 < end
                ? Node(document: document, index: index + 1, limit: Int32(truncatingIfNeeded: end)) : nil
        }

        /// The next element, or the value of a name, or the name after a value.
        var next: Node? {
            let word = word
            let following = word.isContainer ? Int32(truncatingIfNeeded: word.second) : index + 1
            return following < limit ? Node(document: document, index: following, limit: limit) : nil
        }

        func element(_ index: Int) -> Node? {
            guard index >= 0, index < count else { return nil }
            var element = first
            for _ in 0..<index { element = element?.next }
            return element
        }

        /// The value of the last member with that name.
        func member(_ name: String) -> Node? {
            var name = name
            return name.withUTF8 { name in
                var found: Node?
                var key = first
                while let candidate = key, let value = candidate.next {
                    if candidate.isString(name) { found = value }
                    key = value.next
                }
                return found
            }
        }

        private func isString(_ text: UnsafeBufferPointer<UInt8>) -> Bool {
            let word = word
            guard !word.flag else {
                var own = string
                return own.withUTF8 { $0.elementsEqual(text) }
            }
            guard word.second == text.count else { return false }
            return document.bytes.withUnsafeBufferPointer { bytes in
                for offset in 0..<text.count where bytes[word.first + offset] != text[offset] { return false }
                return true
            }
        }

        /// The string, with its escapes replaced.
        var string: String {
            let word = word
            let range = word.first..<word.first + word.second
            guard word.flag else { return String(decoding: document.bytes[range], as: UTF8.self) }
            return JSONEscapes.decoded(document.bytes[range])
        }

        /// The number: an int if it is written as one and fits, else a uint if it fits, else a double.
        var number: Value {
            let word = word
            let text = document.bytes[word.first..<word.first + word.second]
            guard !word.flag else { return .double(Double(String(decoding: text, as: UTF8.self)) ?? .nan) }
            var magnitude: UInt64 = 0
            let isNegative = text.first == UInt8(ascii: "-")
            for digit in isNegative ? text.dropFirst() : text {
                let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
                let (sum, carry) = product.addingReportingOverflow(UInt64(digit & 0x0F))
                guard !overflow, !carry else { return .double(Double(String(decoding: text, as: UTF8.self)) ?? .nan) }
                magnitude = sum
            }
            if !isNegative { return Int64(exactly: magnitude).map { .int($0) } ?? .uint(magnitude) }
            if magnitude <= UInt64(Int64.max) { return .int(-Int64(magnitude)) }
            return magnitude == UInt64(Int64.max) + 1 ? .int(.min) : .double(-Double(magnitude))
        }
    }
}

/// A word of the tape: the kind, a flag, and two numbers.
struct TapeWord {
    let bits: UInt64

    init(_ bits: UInt64) { self.bits = bits }

    init(_ kind: JSONDocument.Kind, flag: Bool = false, _ first: Int = 0, _ second: Int = 0) {
        bits =
            kind.rawValue | (flag ? 8 : 0) | UInt64(truncatingIfNeeded: first) << 4
            | UInt64(truncatingIfNeeded: second) << 34
    }

    var kind: JSONDocument.Kind { JSONDocument.Kind(rawValue: bits & 7) ?? .null }
    /// A string with escapes, or a number with a fraction or an exponent.
    var flag: Bool { bits & 8 != 0 }
    /// Where a string or number begins; how many elements or members an array or object has.
    var first: Int { Int(truncatingIfNeeded: bits >> 4 & 0x3FFF_FFFF) }
    /// How many bytes a string or number has; where on the tape an array or object ends.
    var second: Int { Int(truncatingIfNeeded: bits >> 34) }
    var isContainer: Bool { bits & 7 >= JSONDocument.Kind.array.rawValue }
}
