public import CloudEvents
public import Foundation

/// A cron expression: on which dates, at which times of day.
///
/// Five fields, or six with the second first: second, minute, hour, day of the month, month, day of the week. In each:
///
/// | | |
/// |---|---|
/// | `*` | every value |
/// | `5`, `MON`, `JAN` | a value |
/// | `1-5`, `MON-FRI` | a range; a range of days of the week may go over the week's end |
/// | `*/15`, `10-50/20`, `5/15` | every so many, from the first one on |
/// | `1,15,20-25` | several of these |
/// | `?` | as `*`, in the fields of days |
/// | `L`, `L-3` | the last day of the month; three days before it |
/// | `15W`, `LW` | the workday nearest to the 15th, in the same month; the last workday |
/// | `FRIL`, `FRI#2` | the last Friday of the month; the second one |
///
/// Where both fields of days name days, either is enough, as in every cron since Vixie's. A field that begins with `*`
/// names none. Also `@yearly`, `@annually`, `@monthly`, `@weekly`, `@daily`, `@midnight`, `@hourly`.
public struct CronExpression: Sendable, Hashable, CustomStringConvertible {
    let seconds: UInt64
    let minutes: UInt64
    let hours: UInt64
    let months: UInt64
    let days: CronDays

    /// The expression, with one space between fields and in capitals.
    public let description: String

    private static let shorthands = [
        "@yearly": "0 0 1 1 *", "@annually": "0 0 1 1 *", "@monthly": "0 0 1 * *", "@weekly": "0 0 * * 0",
        "@daily": "0 0 * * *", "@midnight": "0 0 * * *", "@hourly": "0 * * * *",
    ]

    /// Reads an expression.
    /// - Throws: ``ScheduleError`` with the field that is wrong and what was expected there; also if no day ever fits.
    public init(_ text: String) throws(ScheduleError) {
        var parts = Self.fields(of: text)
        if let first = parts.first, first.text.hasPrefix("@") {
            guard parts.count == 1, let long = Self.shorthands[first.text.lowercased()] else {
                throw Self.unknownShorthand(first)
            }
            parts = Self.fields(of: long)
        }
        if let first = parts.first, first.text.contains("=") {
            throw ScheduleError(
                .fieldCount, "\"\(first.text)\" is no field; expected the time zone as a setting of its own",
                at: first.offset)
        }
        guard parts.count == 5 || parts.count == 6 else {
            throw ScheduleError(
                .fieldCount,
                "\(parts.count == 1 ? "1 field" : "\(parts.count) fields"); expected 5 (minute, hour, day of the month, month, day of the week), or 6 with the second first"
            )
        }
        description = parts.map { $0.text.uppercased() }.joined(separator: " ")
        if parts.count == 6 {
            seconds = try CronParser.set(parts.removeFirst(), .second)
        } else {
            seconds = 1
        }
        minutes = try CronParser.set(parts[0], .minute)
        hours = try CronParser.set(parts[1], .hour)
        // In the order of the text, so that the first mistake is the one that is told.
        let ofMonth = parts[2]
        if ofMonth.text != "?" { _ = try CronParser.days(ofMonth: ofMonth, ofWeek: .init(text: "?", offset: 0)) }
        months = try CronParser.set(parts[3], .month)
        days = try CronParser.days(ofMonth: ofMonth, ofWeek: parts[4])
        // The calendar repeats after 400 years, days of the week included.
        guard nextDay(from: Timestamp.daysSince1970(2000, 1, 1)) != nil else {
            throw ScheduleError(
                .never, "\"\(description)\" never comes; expected a day that some month has", at: ofMonth.offset)
        }
    }

    private static func fields(of text: String) -> [CronParser.Part] {
        CronParser.Part(text: text[...].replacing("\t", with: " ")[...], offset: 0).split(at: " ")
            .filter { !$0.text.isEmpty }
    }

    private static func unknownShorthand(_ part: CronParser.Part) -> ScheduleError {
        let hint =
            switch part.text.lowercased() {
            case "@every": "expected a trigger of the kind every, such as every: 5m"
            case "@reboot": "a start of the node is no time; expected a time"
            default: "expected one of: @yearly, @monthly, @weekly, @daily, @hourly"
            }
        return ScheduleError(.shorthand, "\"\(part.text)\" is no time; \(hint)", at: part.offset)
    }

    /// Every hour of the day fits: then the time of day follows the clock through days on which it is set.
    var isHourly: Bool { hours == (1 << 24) - 1 }

    /// The first time after `instant` at which the expression is due in a time zone; `nil` if there is none before the
    /// year 10000.
    ///
    /// On days on which clocks are set:
    /// - A time of day that does not exist is made up for at the first moment after the gap, once however many there are;
    ///   one that comes twice counts the first time.
    /// - An expression with every hour in it follows the clock instead: nothing is made up for, and what comes twice
    ///   counts twice. So every minute stays every minute, and every hour stays every hour.
    public func next(after instant: Timestamp, in zone: TimeZone) -> Timestamp? {
        let second = Timestamp.floored(instant.microsecondsSince1970, by: 1_000_000).quotient
        let clock = LocalClock(zone)
        let next = isHourly ? nextByClock(after: second, clock) : nextByDate(after: second, clock)
        return next.map { Timestamp(microsecondsSince1970: $0 * 1_000_000) }.flatMap { $0 > .distantFuture ? nil : $0 }
    }
}
