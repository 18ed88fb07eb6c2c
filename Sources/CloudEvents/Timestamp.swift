/// An instant with microsecond precision, between the years 1 and 9999 of the proleptic Gregorian calendar.
public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// Microseconds since 1970-01-01T00:00:00Z, leap seconds not counted.
    public var microsecondsSince1970: Int64

    /// The instant so many microseconds after 1970-01-01T00:00:00Z.
    public init(microsecondsSince1970: Int64) {
        self.microsecondsSince1970 = microsecondsSince1970
    }

    /// 0001-01-01T00:00:00Z.
    public static let distantPast = Timestamp(microsecondsSince1970: -62_135_596_800_000_000)
    /// 9999-12-31T23:59:59.999999Z.
    public static let distantFuture = Timestamp(microsecondsSince1970: 253_402_300_799_999_999)

    /// ``rfc3339``.
    public var description: String { rfc3339 }

    /// Whether `left` is earlier than `right`.
    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microsecondsSince1970 < right.microsecondsSince1970
    }

    /// The instant so much later, whole microseconds of it; stops at ``distantFuture`` and ``distantPast``.
    public static func + (instant: Timestamp, duration: Duration) -> Timestamp {
        instant.moved(byAttoseconds: duration.attoseconds)
    }

    /// The instant so much earlier, whole microseconds of it; stops at ``distantFuture`` and ``distantPast``.
    public static func - (instant: Timestamp, duration: Duration) -> Timestamp {
        let (negated, overflow) = Int128(0).subtractingReportingOverflow(duration.attoseconds)
        return instant.moved(byAttoseconds: overflow ? .max : negated)
    }

    /// The time from `right` to `left`; stops at what 64 bits of microseconds hold.
    public static func - (left: Timestamp, right: Timestamp) -> Duration {
        let (difference, overflow) = left.microsecondsSince1970.subtractingReportingOverflow(
            right.microsecondsSince1970)
        return .microseconds(overflow ? (left > right ? Int64.max : .min) : difference)
    }

    private func moved(byAttoseconds attoseconds: Int128) -> Timestamp {
        // Cannot overflow: a quotient of 128 bits by 10^12 leaves room for 64 bits more.
        let sum = Int128(microsecondsSince1970) + attoseconds / 1_000_000_000_000
        if sum <= Int128(Timestamp.distantPast.microsecondsSince1970) { return .distantPast }
        if sum >= Int128(Timestamp.distantFuture.microsecondsSince1970) { return .distantFuture }
        return Timestamp(microsecondsSince1970: Int64(sum))
    }
}
