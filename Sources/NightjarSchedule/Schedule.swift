public import CloudEvents
import Expressions
public import Foundation

/// When something is due, again and again: its times are called ticks.
///
/// All that ask get the same ticks, whenever and wherever they ask.
public struct Schedule: Sendable, Hashable, CustomStringConvertible {
    enum Rule: Sendable, Hashable {
        case every(microseconds: Int64, anchor: Timestamp)
        case cron(CronExpression, TimeZone)
    }

    let rule: Rule

    /// Ticks at equal distances, also through days on which clocks are set.
    /// - Parameters:
    ///   - interval: the distance; at least a second, at most a hundred years.
    ///   - anchor: one of the ticks; by default 1970-01-01T00:00:00Z, so that `.seconds(300)` means each full five minutes.
    public static func every(_ interval: Duration, anchor: Timestamp? = nil) -> Schedule {
        let bounded = min(max(interval, .seconds(1)), .seconds(36_525 * 86_400))
        let (seconds, attoseconds) = bounded.components
        let microseconds = seconds * 1_000_000 + attoseconds / 1_000_000_000_000
        return Schedule(
            rule: .every(microseconds: microseconds, anchor: anchor ?? Timestamp(microsecondsSince1970: 0)))
    }

    /// Ticks by a cron expression, in a time zone.
    public static func cron(_ expression: CronExpression, in zone: TimeZone) -> Schedule {
        Schedule(rule: .cron(expression, zone))
    }

    /// Ticks by a cron expression, in a time zone.
    /// - Parameters:
    ///   - expression: such as `0 3 * * *`; see ``CronExpression``.
    ///   - timeZone: a name of the IANA time zone database, such as `Asia/Ho_Chi_Minh`.
    /// - Throws: ``ScheduleError`` with what is wrong and what was expected.
    public static func cron(_ expression: String, timeZone: String = "UTC") throws(ScheduleError) -> Schedule {
        .cron(try CronExpression(expression), in: try zone(named: timeZone))
    }

    /// The time zone of a name of the IANA time zone database, such as `Asia/Ho_Chi_Minh`.
    /// - Throws: ``ScheduleError`` with the nearest name.
    public static func zone(named name: String) throws(ScheduleError) -> TimeZone {
        if let zone = TimeZone(identifier: name) { return zone }
        let names = ["UTC"] + TimeZone.knownTimeZoneIdentifiers
        // Most people know the city, and not the continent.
        let city = name.lowercased().replacing(" ", with: "_")
        let nearest =
            NearestName.of(name, among: names, within: max(1, name.count / 3))
            ?? names.first { $0.lowercased().hasSuffix("/" + city) }
        throw ScheduleError(
            .timeZone,
            "there is no time zone \"\(name)\"; "
                + (nearest.map { "did you mean \"\($0)\"?" } ?? "expected a name such as Europe/Berlin or UTC"))
    }

    /// The rule in one line; equal for equal schedules.
    public var description: String {
        switch rule {
        case .every(let microseconds, let anchor):
            let isWhole = microseconds % 1_000_000 == 0
            return (isWhole ? "every \(microseconds / 1_000_000)s" : "every \(microseconds)us")
                + (anchor.microsecondsSince1970 == 0 ? "" : " from \(anchor.rfc3339)")
        case .cron(let expression, let zone): return "\(expression) in \(Self.name(of: zone))"
        }
    }

    /// The first tick after `instant`; `nil` if there is none before the year 10000.
    public func next(after instant: Timestamp) -> Timestamp? {
        switch rule {
        case .every(let microseconds, let anchor):
            let passed = instant.microsecondsSince1970 - anchor.microsecondsSince1970
            let count = Timestamp.floored(passed, by: microseconds).quotient + 1
            let next = Timestamp(
                microsecondsSince1970: anchor.microsecondsSince1970 + count * microseconds)
            return next > .distantFuture ? nil : next
        case .cron(let expression, let zone): return expression.next(after: instant, in: zone)
        }
    }

    /// The last tick until `instant`, that included; `nil` if there is none after `earliest`.
    public func last(until instant: Timestamp, after earliest: Timestamp) -> Timestamp? {
        guard let first = next(after: earliest), first <= instant else { return nil }
        switch rule {
        case .every(let microseconds, let anchor):
            let passed = instant.microsecondsSince1970 - anchor.microsecondsSince1970
            return instant - .microseconds(Timestamp.floored(passed, by: microseconds).remainder)
        case .cron:
            // The later one asks, the later is the tick that comes next: halving finds the last one that is not too late.
            var asked = Timestamp.floored(earliest.microsecondsSince1970, by: 1_000_000).quotient
            var tooLate = Timestamp.floored(instant.microsecondsSince1970, by: 1_000_000).quotient
            var last = first
            while tooLate - asked > 1 {
                let middle = asked + (tooLate - asked) / 2
                if let tick = next(after: Timestamp(microsecondsSince1970: middle * 1_000_000)), tick <= instant {
                    last = tick
                    asked = middle
                } else {
                    tooLate = middle
                }
            }
            return last
        }
    }

    /// How many ticks there are between two instants, neither included; counts no further than `limit`.
    func count(after start: Timestamp, before end: Timestamp, limit: Int) -> Int {
        var count = 0
        var tick = start
        while count < limit, let next = next(after: tick), next < end {
            count += 1
            tick = next
        }
        return count
    }

    /// `instant` in RFC 3339, with the offset that clocks of the schedule's time zone have then.
    public func localTime(_ instant: Timestamp) -> String {
        guard case .cron(_, let zone) = rule else { return instant.rfc3339 }
        let seconds = Timestamp.floored(instant.microsecondsSince1970, by: 1_000_000).quotient
        let offset = LocalClock(zone).offset(at: seconds)
        if offset == 0 { return instant.rfc3339 }
        func two(_ number: Int64) -> String { number < 10 ? "0\(number)" : "\(number)" }
        let minutes = abs(offset) / 60
        return (instant + .seconds(offset)).rfc3339.dropLast() + (offset < 0 ? "-" : "+")
            + "\(two(minutes / 60)):\(two(minutes % 60))"
    }

    /// The name of the time zone; `nil` where none matters.
    public var timeZone: String? {
        if case .cron(_, let zone) = rule { Self.name(of: zone) } else { nil }
    }

    /// Foundation calls UTC by its old name.
    private static func name(of zone: TimeZone) -> String { zone.identifier == "GMT" ? "UTC" : zone.identifier }
}
