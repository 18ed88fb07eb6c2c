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
        var failure: SyntaxError?
        tape = [UInt64](unsafeUninitializedCapacity: JSONTapeParser.capacity(bytes.count)) { tape, count in
            bytes.withUnsafeBufferPointer { bytes in
                var parser = JSONTapeParser(bytes, tape: tape)
                if !parser.parse() { failure = parser.failure }
                count = parser.count
            }
        }
        self.bytes = bytes
        if let failure { throw failure }
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
            let place = name.withUTF8 { name in
                document.tape.withUnsafeBufferPointer { tape in
                    document.bytes.withUnsafeBufferPointer { bytes in
                        Self.member(name, Int(index), tape, bytes)
                    }
                }
            }
            return place.map {
                Node(
                    document: document, index: Int32(truncatingIfNeeded: $0),
                    limit: Int32(truncatingIfNeeded: word.second))
            }
        }

        /// The value of the last member with the first name, in that the one with the next, and so on.
        func value(of names: [String]) -> Value? {
            document.tape.withUnsafeBufferPointer { tape in
                document.bytes.withUnsafeBufferPointer { bytes in
                    var place = Int(index)
                    for name in names {
                        guard TapeWord(tape[place]).isObject else { return nil }
                        var name = name
                        guard let found = name.withUTF8({ Self.member($0, place, tape, bytes) }) else { return nil }
                        place = found
                    }
                    // What follows it is not asked for: it stands alone.
                    return document.value(TapeWord(tape[place]), Int32(truncatingIfNeeded: place), limit: 0, bytes)
                }
            }
        }

        /// The value itself.
        var value: Value {
            document.bytes.withUnsafeBufferPointer { document.value(word, index, limit: limit, $0) }
        }

        private static func member(
            _ name: UnsafeBufferPointer<UInt8>, _ object: Int, _ tape: UnsafeBufferPointer<UInt64>,
            _ bytes: UnsafeBufferPointer<UInt8>
        ) -> Int? {
            let end = TapeWord(tape[object]).second
            var found: Int?
            var place = object + 1
            while place < end {
                let key = TapeWord(tape[place])
                if key.flag {
                    var text = JSONEscapes.decoded(
                        UnsafeBufferPointer(rebasing: bytes[key.first..<key.first + key.second]))
                    if text.withUTF8({ $0.elementsEqual(name) }) { found = place + 1 }
                } else if key.second == name.count {
                    var offset = 0
                    while offset < name.count, bytes[key.first + offset] == name[offset] { offset += 1 }
                    if offset == name.count { found = place + 1 }
                }
                let value = TapeWord(tape[place + 1])
                place = value.isContainer ? value.second : place + 2
            }
            return found
        }

        /// The string, with its escapes replaced.
        private var string: String {
            document.bytes.withUnsafeBufferPointer { JSONDocument.string(word, $0) }
        }
    }

    private static func string(_ word: TapeWord, _ bytes: UnsafeBufferPointer<UInt8>) -> String {
        let text = UnsafeBufferPointer(rebasing: bytes[word.first..<word.first + word.second])
        return word.flag ? JSONEscapes.decoded(text) : String(decoding: text, as: UTF8.self)
    }

    private func value(
        _ word: TapeWord, _ index: Int32, limit: Int32, _ bytes: UnsafeBufferPointer<UInt8>
    ) -> Value {
        switch word.kind {
        case .null: return .null
        case .boolTrue: return .bool(true)
        case .boolFalse: return .bool(false)
        case .string: return .string(Self.string(word, bytes))
        case .number:
            let text = UnsafeBufferPointer(rebasing: bytes[word.first..<word.first + word.second])
            return word.flag ? .double(JSONNumber.double(text)) : JSONNumber.integer(text)
        case .array: return .list(ListValue(Node(document: self, index: index, limit: limit)))
        case .object: return .map(MapValue(Node(document: self, index: index, limit: limit)))
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
    var isObject: Bool { bits & 7 == JSONDocument.Kind.object.rawValue }
    /// Adds one to ``second``.
    static let oneMore: UInt64 = 1 << 34
    var isContainer: Bool { bits & 7 >= JSONDocument.Kind.array.rawValue }
}
