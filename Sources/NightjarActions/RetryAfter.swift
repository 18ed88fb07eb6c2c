import Foundation

/// The header `Retry-After` (RFC 9110, section 10.2.3): seconds, or a date.
enum RetryAfter {
    /// The longest wait that is honoured.
    static let longest = Duration.seconds(86_400)

    private static let months = ["jan", "feb", "mar", "apr", "may", "jun", "jul", "aug", "sep", "oct", "nov", "dec"]
    private static let secondsPerDay: Int64 = 86_400

    /// How long to wait; `nil` if the value says nothing.
    /// - Parameters:
    ///   - value: the header's value.
    ///   - date: the answer's own `Date` header, which spares the result a difference between two clocks.
    ///   - now: seconds since 1970 here, where the answer has no date.
    static func wait(_ value: String, date: String?, now: Int64) -> Duration? {
        let value = value.trimmed
        if !value.isEmpty, value.utf8.allSatisfy({ (UInt8(ascii: "0")...UInt8(ascii: "9")).contains($0) }) {
            return Int64(value).map { min(.seconds($0), longest) } ?? longest
        }
        guard let until = seconds(ofDate: value) else { return nil }
        let from = date.flatMap { seconds(ofDate: $0.trimmed) } ?? now
        return min(max(.zero, .seconds(until - from)), longest)
    }

    /// Reads the three forms of an HTTP date (RFC 9110, section 5.6.7): `Sun, 06 Nov 1994 08:49:37 GMT`,
    /// `Sunday, 06-Nov-94 08:49:37 GMT` and `Sun Nov  6 08:49:37 1994`.
    /// - Returns: seconds since 1970.
    static func seconds(ofDate text: String) -> Int64? {
        let parts = text.split { $0 == " " || $0 == "-" || $0 == "," }.map(String.init)
        let day: Int64?
        let month: String
        let year: Int64?
        let time: String
        if parts.count == 6, parts[5] == "GMT" {
            (day, month, year, time) = (number(parts[1], 2...2), parts[2], fullYear(parts[3]), parts[4])
        } else if parts.count == 5 {
            (day, month, year, time) = (number(parts[2], 1...2), parts[1], number(parts[4], 4...4), parts[3])
        } else {
            return nil
        }
        let clock = time.split(separator: ":", omittingEmptySubsequences: false).map { number(String($0), 2...2) }
        guard let day, let year, let monthIndex = months.firstIndex(of: month.lowercased()), clock.count == 3,
            let hour = clock[0], let minute = clock[1], let second = clock[2], (1...31).contains(day), hour < 24,
            minute < 60, second <= 60
        else { return nil }
        return days(year, Int64(monthIndex) + 1, day) * secondsPerDay + hour * 3600 + minute * 60 + second
    }

    private static func number(_ text: String, _ digits: ClosedRange<Int>) -> Int64? {
        guard digits.contains(text.utf8.count) else { return nil }
        return UInt16(text).map(Int64.init)
    }

    /// Two digits stand for the nearest such year that is not more than 50 years ahead; taken as 1970 to 2069.
    private static func fullYear(_ text: String) -> Int64? {
        if let year = number(text, 4...4) { return year }
        return number(text, 2...2).map { $0 < 70 ? 2000 + $0 : 1900 + $0 }
    }

    /// Days from 1970-01-01 to a day of the Gregorian calendar.
    private static func days(_ year: Int64, _ month: Int64, _ day: Int64) -> Int64 {
        // The year is counted from March, so that its last day is the one that leap years add.
        let shifted = month > 2 ? year : year - 1
        let monthFromMarch = (month + 9) % 12
        let dayOfYear = (153 * monthFromMarch + 2) / 5 + day - 1
        let leapDays = shifted / 4 - shifted / 100 + shifted / 400
        return shifted * 365 + leapDays + dayOfYear - 719_468
    }
}

extension String {
    fileprivate var trimmed: String { trimmingCharacters(in: .whitespaces) }
}
