/// Where a string's contents stand in a JSON text, quotes not counted.
struct ScannedString {
    var contents: Range<Int>
    var hasEscapes: Bool
}

extension JSONScanner {
    /// Skips a string and answers where its contents stand. The scanner stands at its opening quote.
    mutating func string() throws(EventError) -> ScannedString {
        let start = at &+ 1
        var hasEscapes = false
        at = start
        while true {
            at = JSONBytes.endOfPlainRun(bytes, from: at)
            guard at < bytes.count else { throw error("a string without its closing quote", at: start - 1) }
            switch bytes[at] {
            case UInt8(ascii: "\""):
                at &+= 1
                return ScannedString(contents: start..<at &- 1, hasEscapes: hasEscapes)
            case UInt8(ascii: "\\"):
                hasEscapes = true
                try escape()
            case 0x80...:
                guard let length = JSONBytes.lengthOfScalar(bytes, at: at) else {
                    throw error("a string that is not valid UTF-8")
                }
                at &+= length
            default: throw error("a control character in a string; expected it escaped")
            }
        }
    }

    /// Checks the escape at which the scanner stands. In all of JSON this is the one place where surrogates come up.
    private mutating func escape() throws(EventError) {
        let start = at
        at &+= 1
        guard at < bytes.count else { throw error("expected an escape, found the end of the text") }
        switch bytes[at] {
        case UInt8(ascii: "\""), UInt8(ascii: "\\"), UInt8(ascii: "/"), UInt8(ascii: "b"), UInt8(ascii: "f"),
            UInt8(ascii: "n"), UInt8(ascii: "r"), UInt8(ascii: "t"):
            at &+= 1
        case UInt8(ascii: "u"):
            at &+= 1
            let unit = try hexadecimal()
            if !(0xD800...0xDFFF).contains(unit) { return }
            guard unit < 0xDC00, at + 1 < bytes.count, bytes[at] == UInt8(ascii: "\\"),
                bytes[at + 1] == UInt8(ascii: "u")
            else { throw error("a surrogate without its other half", at: start) }
            at &+= 2
            guard (0xDC00...0xDFFF).contains(try hexadecimal()) else {
                throw error("a surrogate without its other half", at: start)
            }
        default: throw error("expected an escape, found \(found())")
        }
    }

    private mutating func hexadecimal() throws(EventError) -> UInt32 {
        var value: UInt32 = 0
        for _ in 0..<4 {
            guard at < bytes.count, let digit = JSONBytes.hexadecimalDigit(bytes[at]) else {
                throw error("expected a hexadecimal digit, found \(found())")
            }
            value = value << 4 | UInt32(digit)
            at &+= 1
        }
        return value
    }

    /// The value of a string that was scanned.
    func text(_ string: ScannedString) -> String {
        string.hasEscapes
            ? String(decoding: unescaped(string.contents), as: UTF8.self)
            : String(decoding: UnsafeBufferPointer(rebasing: bytes[string.contents]), as: UTF8.self)
    }

    /// The value of a string that was scanned, in UTF-8.
    func utf8(_ string: ScannedString) -> [UInt8] {
        string.hasEscapes ? unescaped(string.contents) : Array(bytes[string.contents])
    }

    private func unescaped(_ contents: Range<Int>) -> [UInt8] {
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
                if let scalar = Unicode.Scalar(value) { result.append(contentsOf: UTF8.encode(scalar) ?? .init()) }
            case let literal: result.append(literal)
            }
        }
        return result
    }

    private func unit(_ start: Int) -> UInt32 {
        var value: UInt32 = 0
        for index in start..<start + 4 { value = value << 4 | UInt32(JSONBytes.hexadecimalDigit(bytes[index]) ?? 0) }
        return value
    }
}
