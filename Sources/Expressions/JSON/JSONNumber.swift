/// Reads numbers that are known to be well-formed.
enum JSONNumber {
    /// The powers of ten that a double holds exactly.
    private static let powers: [Double] = [
        1e0, 1e1, 1e2, 1e3, 1e4, 1e5, 1e6, 1e7, 1e8, 1e9, 1e10, 1e11, 1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19,
        1e20,
        1e21, 1e22,
    ]

    /// An int if it fits, else a uint if it fits, else a double.
    static func integer(_ text: UnsafeBufferPointer<UInt8>) -> Value {
        var magnitude: UInt64 = 0
        let isNegative = text.first == UInt8(ascii: "-")
        for digit in text.dropFirst(isNegative ? 1 : 0) {
            let (product, overflow) = magnitude.multipliedReportingOverflow(by: 10)
            let (sum, carry) = product.addingReportingOverflow(UInt64(digit & 0x0F))
            guard !overflow, !carry else { return .double(parsed(text)) }
            magnitude = sum
        }
        if !isNegative { return Int64(exactly: magnitude).map { .int($0) } ?? .uint(magnitude) }
        if magnitude <= UInt64(Int64.max) { return .int(-Int64(magnitude)) }
        return magnitude == UInt64(Int64.max) + 1 ? .int(.min) : .double(-Double(magnitude))
    }

    /// A number with a fraction or an exponent; beyond the largest double it is infinite.
    ///
    /// Digits that a double holds exactly, and a power of ten that it does too, give the nearest double with one operation
    /// ("How to Read Floating Point Numbers Accurately", Clinger, 1990).
    static func double(_ text: UnsafeBufferPointer<UInt8>) -> Double {
        var digits: UInt64 = 0
        var decimals = 0
        var hasPoint = false
        var isNegative = false
        for byte in text {
            switch byte {
            case UInt8(ascii: "-"): isNegative = true
            case UInt8(ascii: "."): hasPoint = true
            case UInt8(ascii: "0")...UInt8(ascii: "9"):
                digits = digits &* 10 &+ UInt64(byte & 0x0F)
                if hasPoint { decimals += 1 }
            default: return parsed(text)
            }
        }
        guard text.count <= 16, digits < 1 << 53, decimals < powers.count else { return parsed(text) }
        let value = Double(digits) / powers[decimals]
        return isNegative ? -value : value
    }

    private static func parsed(_ text: UnsafeBufferPointer<UInt8>) -> Double {
        Double(String(decoding: text, as: UTF8.self)) ?? .nan
    }
}
