/// Numbers as text, without a string for each of them.
enum DecimalText {
    /// The three numbers in decimal digits, with `-` between them.
    static func joined(_ first: Int64, _ second: Int64, _ third: Int64) -> String {
        // 20 digits and a sign at most for each.
        String(unsafeUninitializedCapacity: 66) { buffer in
            var at = 0
            append(first, to: buffer, &at)
            buffer[at] = UInt8(ascii: "-")
            at += 1
            append(second, to: buffer, &at)
            buffer[at] = UInt8(ascii: "-")
            at += 1
            append(third, to: buffer, &at)
            return at
        }
    }

    private static func append(_ number: Int64, to buffer: UnsafeMutableBufferPointer<UInt8>, _ at: inout Int) {
        if number < 0 {
            buffer[at] = UInt8(ascii: "-")
            at += 1
        }
        var rest = number.magnitude
        let start = at
        repeat {
            buffer[at] = UInt8(ascii: "0") + UInt8(truncatingIfNeeded: rest % 10)
            at += 1
            rest /= 10
        } while rest > 0
        var (left, right) = (start, at - 1)
        while left < right {
            buffer.swapAt(left, right)
            left += 1
            right -= 1
        }
    }
}
