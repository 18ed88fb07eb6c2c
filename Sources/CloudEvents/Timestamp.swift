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

    /// Reads the date-time of RFC 3339, section 5.6. Digits after the sixth of a fraction are cut off; a leap second is
    /// taken as the last microsecond before it. Answers `nil` for anything else.
    public init?(rfc3339 text: some StringProtocol) {
        var reader = Reader(bytes: Array(text.utf8))
        guard let year = reader.digits(4), reader.skip("-"), let month = reader.digits(2), reader.skip("-"),
            let day = reader.digits(2), reader.skip("T") || reader.skip("t"), let hour = reader.digits(2),
            reader.skip(":"), let minute = reader.digits(2), reader.skip(":"), var second = reader.digits(2),
            year >= 1, (1...12).contains(month), (1...Self.days(in: month, of: year)).contains(day), hour <= 23,
            minute <= 59, second <= 60
        else { return nil }
        var fraction: Int64 = 0
        if reader.skip(".") {
            guard let value = reader.fraction() else { return nil }
            fraction = value
        }
        if second == 60 {
            second = 59
            fraction = 999_999
        }
        guard let offsetMinutes = reader.offset(), reader.isAtEnd else { return nil }
        let days = Self.daysSince1970(year, month, day)
        let seconds = days * 86_400 + Int64(hour * 3600 + minute * 60 + second) - Int64(offsetMinutes) * 60
        self.init(microsecondsSince1970: seconds * 1_000_000 + fraction)
        guard self >= .distantPast, self <= .distantFuture else { return nil }
    }

    /// The instant in UTC as RFC 3339 writes it, with three or six digits of a fraction where there is one.
    public var rfc3339: String {
        let clamped = min(max(self, .distantPast), .distantFuture).microsecondsSince1970
        var seconds = clamped / 1_000_000
        var fraction = clamped % 1_000_000
        if fraction < 0 {
            fraction += 1_000_000
            seconds -= 1
        }
        var days = seconds / 86_400
        var secondOfDay = seconds % 86_400
        if secondOfDay < 0 {
            secondOfDay += 86_400
            days -= 1
        }
        let (year, month, day) = Self.civil(days)
        return String(unsafeUninitializedCapacity: 27) { buffer in
            var at = 0
            func put(_ value: Int64, _ width: Int, _ end: Character?) {
                var divisor: Int64 = 1
                for _ in 1..<width { divisor *= 10 }
                while divisor > 0 {
                    buffer[at] = UInt8(ascii: "0") + UInt8(value / divisor % 10)
                    at += 1
                    divisor /= 10
                }
                if let byte = end?.asciiValue {
                    buffer[at] = byte
                    at += 1
                }
            }
            put(year, 4, "-")
            put(month, 2, "-")
            put(day, 2, "T")
            put(secondOfDay / 3600, 2, ":")
            put(secondOfDay / 60 % 60, 2, ":")
            if fraction == 0 {
                put(secondOfDay % 60, 2, "Z")
            } else if fraction % 1000 == 0 {
                put(secondOfDay % 60, 2, ".")
                put(fraction / 1000, 3, "Z")
            } else {
                put(secondOfDay % 60, 2, ".")
                put(fraction, 6, "Z")
            }
            return at
        }
    }

    /// ``rfc3339``.
    public var description: String { rfc3339 }

    public static func < (left: Timestamp, right: Timestamp) -> Bool {
        left.microsecondsSince1970 < right.microsecondsSince1970
    }

    /// The instant so much later; stops at ``distantFuture`` and ``distantPast``.
    public static func + (instant: Timestamp, duration: Duration) -> Timestamp {
        let (sum, overflow) = instant.microsecondsSince1970.addingReportingOverflow(microseconds(duration))
        if overflow { return duration < .zero ? .distantPast : .distantFuture }
        return min(max(Timestamp(microsecondsSince1970: sum), .distantPast), .distantFuture)
    }

    /// The instant so much earlier; stops at ``distantFuture`` and ``distantPast``.
    public static func - (instant: Timestamp, duration: Duration) -> Timestamp {
        instant + (.zero - duration)
    }

    /// The time from `right` to `left`.
    public static func - (left: Timestamp, right: Timestamp) -> Duration {
        let (difference, overflow) = left.microsecondsSince1970.subtractingReportingOverflow(
            right.microsecondsSince1970)
        return .microseconds(overflow ? (left > right ? Int64.max : .min) : difference)
    }

    private static func microseconds(_ duration: Duration) -> Int64 {
        let parts = duration.components
        let (product, overflow) = parts.seconds.multipliedReportingOverflow(by: 1_000_000)
        if overflow { return parts.seconds < 0 ? .min : .max }
        return product.addingReportingOverflow(parts.attoseconds / 1_000_000_000_000).partialValue
    }

    private static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// Counts in years that begin on the first of March, so that the leap day comes last.
    private static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let shifted = Int64(month <= 2 ? year - 1 : year)
        let era = (shifted >= 0 ? shifted : shifted - 399) / 400
        let yearOfEra = shifted - era * 400
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    private static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }

    private struct Reader {
        var bytes: [UInt8]
        var at = 0

        var isAtEnd: Bool { at == bytes.count }

        mutating func skip(_ character: Unicode.Scalar) -> Bool {
            guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
            at += 1
            return true
        }

        mutating func digit() -> Int? {
            guard at < bytes.count, (UInt8(ascii: "0")...UInt8(ascii: "9")).contains(bytes[at]) else { return nil }
            defer { at += 1 }
            return Int(bytes[at] - UInt8(ascii: "0"))
        }

        mutating func digits(_ count: Int) -> Int? {
            var value = 0
            for _ in 0..<count {
                guard let next = digit() else { return nil }
                value = value * 10 + next
            }
            return value
        }

        mutating func fraction() -> Int64? {
            guard let first = digit() else { return nil }
            var value = Int64(first) * 100_000
            var weight: Int64 = 10_000
            while let next = digit() {
                value += Int64(next) * weight
                weight /= 10
            }
            return value
        }

        mutating func offset() -> Int? {
            if skip("Z") || skip("z") { return 0 }
            let sign = skip("+") ? 1 : skip("-") ? -1 : 0
            guard sign != 0, let hours = digits(2), skip(":"), let minutes = digits(2), hours <= 23, minutes <= 59 else {
                return nil
            }
            return sign * (hours * 60 + minutes)
        }
    }
}
