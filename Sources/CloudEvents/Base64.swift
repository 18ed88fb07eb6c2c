/// Base64 with padding and the standard alphabet (RFC 4648, section 4).
package enum Base64 {
    private static let alphabet = Array("ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/".utf8)
    private static let values: [UInt8] = {
        var values = [UInt8](repeating: 255, count: 256)
        for (value, byte) in alphabet.enumerated() { values[Int(byte)] = UInt8(value) }
        return values
    }()
    private static let padding = UInt8(ascii: "=")

    /// Encodes bytes.
    package static func encode(_ bytes: [UInt8]) -> String {
        alphabet.withUnsafeBufferPointer { alphabet in
            String(unsafeUninitializedCapacity: (bytes.count + 2) / 3 * 4) { output in
                bytes.withUnsafeBufferPointer { input in
                    var written = 0
                    var read = 0
                    while read < input.count {
                        let count = min(3, input.count &- read)
                        var group = UInt32(input[read]) << 16
                        if count > 1 { group |= UInt32(input[read &+ 1]) << 8 }
                        if count > 2 { group |= UInt32(input[read &+ 2]) }
                        output[written] = alphabet[Int(group &>> 18)]
                        output[written &+ 1] = alphabet[Int(group &>> 12 & 63)]
                        output[written &+ 2] = count > 1 ? alphabet[Int(group &>> 6 & 63)] : padding
                        output[written &+ 3] = count > 2 ? alphabet[Int(group & 63)] : padding
                        written &+= 4
                        read &+= 3
                    }
                    return written
                }
            }
        }
    }

    /// Decodes a text; `nil` if it is not Base64 of whole groups.
    package static func decode(_ text: String) -> [UInt8]? {
        var text = text
        return text.withUTF8(decode)
    }

    static func decode(_ input: UnsafeBufferPointer<UInt8>) -> [UInt8]? {
        guard input.count % 4 == 0 else { return nil }
        guard !input.isEmpty else { return [] }
        var digits = input.count
        while digits > input.count - 2, input[digits - 1] == padding { digits -= 1 }
        let size = input.count / 4 * 3 - (input.count - digits)
        var isValid = true
        let result = [UInt8](unsafeUninitializedCapacity: size) { output, initializedCount in
            isValid = values.withUnsafeBufferPointer { values in
                fill(output, from: input, digits: digits, values)
            }
            initializedCount = isValid ? size : 0
        }
        return isValid ? result : nil
    }

    private static func fill(
        _ output: UnsafeMutableBufferPointer<UInt8>, from input: UnsafeBufferPointer<UInt8>, digits: Int,
        _ values: UnsafeBufferPointer<UInt8>
    ) -> Bool {
        var written = 0
        var read = 0
        // Values are below 64; the mark of a byte outside the alphabet survives in the two upper bits.
        var marks: UInt8 = 0
        while read < digits {
            var group: UInt32 = 0
            for place in 0..<4 {
                let value = read &+ place < digits ? values[Int(input[read &+ place])] : 0
                marks |= value
                group = group &<< 6 | UInt32(value & 63)
            }
            let count = min(3, digits &- read &- 1)
            output[written] = UInt8(truncatingIfNeeded: group &>> 16)
            if count > 1 { output[written &+ 1] = UInt8(truncatingIfNeeded: group &>> 8) }
            if count > 2 { output[written &+ 2] = UInt8(truncatingIfNeeded: group) }
            written &+= count
            read &+= 4
        }
        return marks & 0xC0 == 0
    }
}
