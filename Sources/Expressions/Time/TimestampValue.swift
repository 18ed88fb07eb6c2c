/// A point in time, to the nanosecond (`google.protobuf.Timestamp`): from year 1 to year 9999, in UTC.
public struct TimestampValue: Sendable, Hashable, Comparable, CustomStringConvertible {
    private static let range: ClosedRange<Int64> = -62_135_596_800...253_402_300_799

    /// Whole seconds since 1970-01-01T00:00:00Z, rounded down.
    public let seconds: Int64
    /// The nanoseconds since that second: 0 to 999,999,999.
    public let nanoseconds: Int32

    /// A point in time; `nil` beyond the range.
    public init?(seconds: Int64, nanoseconds: Int32 = 0) {
        guard Self.range.contains(seconds), (0..<1_000_000_000).contains(nanoseconds) else { return nil }
        self.seconds = seconds
        self.nanoseconds = nanoseconds
    }

    /// So many nanoseconds since 1970; `nil` beyond the range.
    init?(_ total: Int128) {
        var (seconds, rest) = total.quotientAndRemainder(dividingBy: 1_000_000_000)
        if rest < 0 {
            seconds -= 1
            rest += 1_000_000_000
        }
        guard let exact = Int64(exactly: seconds) else { return nil }
        self.init(seconds: exact, nanoseconds: Int32(truncatingIfNeeded: rest))
    }

    var total: Int128 { Int128(seconds) * 1_000_000_000 + Int128(nanoseconds) }

    /// Reads a timestamp of RFC 3339, such as `2026-01-31T08:00:00Z` or `2026-01-31T08:00:00.5+07:00`.
    public init?(_ text: String) {
        var rest = Substring(text).utf8
        func number(_ digits: Int) -> Int64? {
            guard rest.count >= digits, rest.prefix(digits).allSatisfy({ $0 &- 48 < 10 }) else { return nil }
            defer { rest = rest.dropFirst(digits) }
            return Int64(String(Substring(rest.prefix(digits))))
        }
        func mark(_ marks: String) -> UInt8? {
            guard let byte = rest.first, marks.utf8.contains(byte) else { return nil }
            rest = rest.dropFirst()
            return byte
        }
        guard let year = number(4), mark("-") != nil, let month = number(2), mark("-") != nil, let day = number(2),
            mark("Tt") != nil, let hour = number(2), mark(":") != nil, let minute = number(2), mark(":") != nil,
            let second = number(2)
        else { return nil }
        var nanoseconds: Int32 = 0
        if mark(".") != nil {
            let digits = rest.prefix { $0 &- 48 < 10 }
            guard (1...9).contains(digits.count) else { return nil }
            rest = rest.dropFirst(digits.count)
            for place in 0..<9 {
                let digit = place < digits.count ? digits[digits.index(digits.startIndex, offsetBy: place)] - 48 : 0
                nanoseconds = nanoseconds * 10 + Int32(digit)
            }
        }
        var offset: Int64 = 0
        if mark("Zz") == nil {
            guard let sign = mark("+-"), let hours = number(2), mark(":") != nil, let minutes = number(2), hours < 24,
                minutes < 60
            else { return nil }
            offset = (sign == UInt8(ascii: "-") ? -1 : 1) * (hours * 3600 + minutes * 60)
        }
        guard rest.isEmpty, (1...12).contains(month), day >= 1, day <= CivilDate.days(in: month, of: year), hour < 24,
            minute < 60, second < 60
        else { return nil }
        let days = CivilDate(year: year, month: month, day: day).daysSince1970
        self.init(
            seconds: days * 86_400 + hour * 3600 + minute * 60 + second - offset, nanoseconds: nanoseconds)
    }

    /// RFC 3339 in UTC, with a fraction of three, six or nine digits if there is one.
    public var description: String {
        let (date, time) = CivilDate.split(seconds)
        func padded(_ number: Int64, _ width: Int) -> String {
            let digits = String(number)
            return String(repeating: "0", count: max(0, width - digits.utf8.count)) + digits
        }
        return
            "\(padded(date.year, 4))-\(padded(date.month, 2))-\(padded(date.day, 2))T\(padded(time / 3600, 2)):\(padded(time / 60 % 60, 2)):\(padded(time % 60, 2))\(FractionText.of(UInt32(nanoseconds)))Z"
    }

    public static func < (left: TimestampValue, right: TimestampValue) -> Bool {
        (left.seconds, left.nanoseconds) < (right.seconds, right.nanoseconds)
    }

    /// The timestamp after a duration; `nil` beyond the range.
    func adding(_ duration: DurationValue) -> TimestampValue? { TimestampValue(total + duration.total) }
}

/// A day of the proleptic Gregorian calendar.
struct CivilDate: Sendable, Hashable {
    var year: Int64
    /// 1 to 12.
    var month: Int64
    /// 1 to 31.
    var day: Int64

    init(year: Int64, month: Int64, day: Int64) {
        self.year = year
        self.month = month
        self.day = day
    }

    /// The day so many days after 1970-01-01. Years are counted from March, so that the leap day ends them.
    init(daysSince1970 days: Int64) {
        let shifted = days + 719_468
        let era = (shifted >= 0 ? shifted : shifted - 146_096) / 146_097
        let dayOfEra = shifted - era * 146_097
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        day = dayOfYear - (153 * shiftedMonth + 2) / 5 + 1
        month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
    }

    var daysSince1970: Int64 {
        let shiftedYear = month <= 2 ? year - 1 : year
        let era = (shiftedYear >= 0 ? shiftedYear : shiftedYear - 399) / 400
        let yearOfEra = shiftedYear - era * 400
        let dayOfYear = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    static func days(in month: Int64, of year: Int64) -> Int64 {
        switch month {
        case 4, 6, 9, 11: 30
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        default: 31
        }
    }

    /// The day, and the seconds since its beginning.
    static func split(_ seconds: Int64) -> (date: CivilDate, seconds: Int64) {
        var (days, rest) = seconds.quotientAndRemainder(dividingBy: 86_400)
        if rest < 0 {
            days -= 1
            rest += 86_400
        }
        return (CivilDate(daysSince1970: days), rest)
    }
}
