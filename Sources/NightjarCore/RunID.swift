/// The identity of a run: a UUID of version 7 (RFC 9562, section 5.7), so that ids sort by the time they were made.
///
/// It doubles as the run's idempotency key: it is the same for every attempt, and no two runs share one.
public struct RunID: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The first eight bytes: 48 bits of Unix milliseconds, version, twelve bits that order ids of one millisecond.
    public let high: UInt64
    /// The last eight bytes: variant and random bits.
    public let low: UInt64

    /// An id from its two halves, as a store kept them.
    public init(high: UInt64, low: UInt64) {
        self.high = high
        self.low = low
    }

    /// Reads the 36-character text form. Answers `nil` for anything else; upper case is accepted.
    public init?(_ text: some StringProtocol) {
        var digits = 0
        var high: UInt64 = 0
        var low: UInt64 = 0
        var position = 0
        for byte in text.utf8 {
            defer { position += 1 }
            if position == 8 || position == 13 || position == 18 || position == 23 {
                guard byte == UInt8(ascii: "-") else { return nil }
                continue
            }
            let value: UInt8
            switch byte {
            case UInt8(ascii: "0")...UInt8(ascii: "9"): value = byte - UInt8(ascii: "0")
            case UInt8(ascii: "a")...UInt8(ascii: "f"): value = byte - UInt8(ascii: "a") + 10
            case UInt8(ascii: "A")...UInt8(ascii: "F"): value = byte - UInt8(ascii: "A") + 10
            default: return nil
            }
            if digits < 16 { high = high << 4 | UInt64(value) } else { low = low << 4 | UInt64(value) }
            digits += 1
            if digits > 32 { return nil }
        }
        guard digits == 32, position == 36 else { return nil }
        self.init(high: high, low: low)
    }

    /// The 36-character lower-case text form of RFC 9562, section 4.
    public var description: String {
        String(unsafeUninitializedCapacity: 36) { buffer in
            let digits = StaticString("0123456789abcdef")
            var at = 0
            for index in 0..<32 {
                if index == 8 || index == 12 || index == 16 || index == 20 {
                    buffer[at] = UInt8(ascii: "-")
                    at += 1
                }
                let half = index < 16 ? high : low
                let nibble = Int(half >> (60 - UInt64(index % 16) * 4) & 0xF)
                buffer[at] = digits.utf8Start[nibble]
                at += 1
            }
            return 36
        }
    }

    public static func < (left: RunID, right: RunID) -> Bool {
        left.high == right.high ? left.low < right.low : left.high < right.high
    }
}

/// Makes run ids that grow strictly, even within one millisecond and when the clock steps back.
public struct RunIDGenerator: Sendable {
    private var lastHigh: UInt64 = 0

    /// A generator that has made no id yet.
    public init() {}

    /// The next id.
    /// - Parameters:
    ///   - microseconds: the present time, in microseconds since 1970.
    ///   - random: where the random bits come from.
    public mutating func next(microseconds: Int64, using random: inout some RandomNumberGenerator) -> RunID {
        // RFC 9562, section 6.2, method 3: the sub-millisecond fraction orders ids; a counter takes over when it is spent.
        let milliseconds = UInt64(max(0, microseconds) / 1000) & 0xFFFF_FFFF_FFFF
        let fraction = UInt64(max(0, microseconds) % 1000) * 4
        var ordered = milliseconds << 12 | fraction
        let last = (lastHigh >> 16) << 12 | (lastHigh & 0xFFF)
        if ordered <= last { ordered = last + 1 }
        let high = (ordered >> 12) << 16 | 0x7000 | (ordered & 0xFFF)
        lastHigh = high
        let low = (random.next() & 0x3FFF_FFFF_FFFF_FFFF) | 0x8000_0000_0000_0000
        return RunID(high: high, low: low)
    }
}
