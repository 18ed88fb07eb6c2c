/// A length of time, to the nanosecond (`google.protobuf.Duration`): at most 315,576,000,000 seconds, about 10,000 years, to
/// either side.
public struct DurationValue: Sendable, Hashable, Comparable, CustomStringConvertible {
    private static let maximumSeconds: Int64 = 315_576_000_000

    /// Whole seconds, towards zero.
    public let seconds: Int64
    /// What is left of the seconds, with the same sign: -999,999,999 to 999,999,999.
    public let nanoseconds: Int32

    /// A duration of so many nanoseconds; `nil` beyond the range.
    init?(_ total: Int128) {
        let (seconds, rest) = total.quotientAndRemainder(dividingBy: 1_000_000_000)
        guard abs(seconds) <= Self.maximumSeconds else { return nil }
        self.seconds = Int64(truncatingIfNeeded: seconds)
        nanoseconds = Int32(truncatingIfNeeded: rest)
    }

    /// A duration of so many seconds; `nil` beyond the range.
    public init?(seconds: Int64) {
        self.init(Int128(seconds) * 1_000_000_000)
    }

    /// A duration as the standard library has it, cut to nanoseconds; `nil` beyond the range.
    public init?(_ duration: Duration) {
        let (seconds, attoseconds) = duration.components
        self.init(Int128(seconds) * 1_000_000_000 + Int128(attoseconds / 1_000_000_000))
    }

    /// The duration as the standard library has it.
    public var duration: Duration { .seconds(seconds) + .nanoseconds(Int64(nanoseconds)) }

    var total: Int128 { Int128(seconds) * 1_000_000_000 + Int128(nanoseconds) }

    /// Reads a text such as `1h30m`, `-1.5s` or `100ms`: numbers with units, `h`, `m`, `s`, `ms`, `us`, `µs` and `ns`
    /// ("duration" in the list of standard definitions).
    public init?(_ text: String) {
        var rest = Substring(text).unicodeScalars
        let isNegative = rest.first == "-"
        if isNegative || rest.first == "+" { rest.removeFirst() }
        guard !rest.isEmpty else { return nil }
        var total: Int128 = 0
        if String(rest) == "0" {
            rest.removeAll()
        }
        while !rest.isEmpty {
            guard let part = Self.part(&rest) else { return nil }
            total += part
            guard total < Int128(Int64.max) * 1_000_000_000 else { return nil }
        }
        self.init(isNegative ? -total : total)
    }

    /// A number with its unit, in nanoseconds.
    private static func part(_ rest: inout Substring.UnicodeScalarView) -> Int128? {
        let isDigit = { (scalar: Unicode.Scalar) in ("0"..."9").contains(scalar) }
        let whole = rest.prefix(while: isDigit)
        rest = rest.dropFirst(whole.count)
        var fraction = Substring.UnicodeScalarView()
        if rest.first == "." {
            rest.removeFirst()
            fraction = rest.prefix(while: isDigit)
            rest = rest.dropFirst(fraction.count)
        }
        guard whole.count + fraction.count > 0, whole.count <= 18 else { return nil }
        let name = String(rest.prefix { !isDigit($0) && $0 != "." })
        rest = rest.dropFirst(name.unicodeScalars.count)
        let units: [String: Int128] = [
            "h": 3_600_000_000_000, "m": 60_000_000_000, "s": 1_000_000_000, "ms": 1_000_000, "us": 1000, "µs": 1000,
            "μs": 1000, "ns": 1,
        ]
        guard let unit = units[name] else { return nil }
        var total = (Int128(String(whole)) ?? 0) * unit
        var scale = unit
        for digit in fraction {
            scale /= 10
            total += Int128(digit.value - 48) * scale
        }
        return total
    }

    /// The seconds with a fraction of three, six or nine digits if there is one, such as `5400s` or `-1.500s`.
    public var description: String {
        let sign = seconds < 0 || nanoseconds < 0 ? "-" : ""
        return "\(sign)\(seconds.magnitude)\(FractionText.of(nanoseconds.magnitude))s"
    }

    public static func < (left: DurationValue, right: DurationValue) -> Bool { left.total < right.total }
}

/// The fraction of a second.
enum FractionText {
    /// Nothing, or a point and as few groups of three digits as will do.
    static func of(_ nanoseconds: UInt32) -> String {
        guard nanoseconds > 0 else { return "" }
        var digits = String(nanoseconds)
        digits = String(repeating: "0", count: 9 - digits.utf8.count) + digits
        while digits.hasSuffix("000") { digits.removeLast(3) }
        return "." + digits
    }
}
