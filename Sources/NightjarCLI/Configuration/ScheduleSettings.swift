import CloudEvents
import Foundation
import NightjarSchedule

/// The triggers `cron` and `every`.
struct ScheduleSettings: Sendable, Hashable {
    /// The kind of trigger: `cron` or `every`.
    var kind: String
    /// When it ticks.
    var schedule: Schedule
    /// What becomes of the ticks.
    var options = ScheduleOptions()
    /// When it ticks, for people: `0 3 * * * in Europe/Berlin`, `every 5m`.
    var summary: String

    /// The next ticks after `now`, at most so many.
    func next(_ count: Int, after now: Timestamp) -> [Timestamp] {
        var ticks: [Timestamp] = []
        var last = max(now, options.from.map { $0 - .microseconds(1) } ?? now)
        while ticks.count < count, let tick = schedule.next(after: last) {
            ticks.append(tick)
            last = tick
        }
        return ticks
    }
}

extension Reading where Value == ScheduleSettings {
    /// The trigger `cron`: an expression, or a mapping.
    static var cron: Reading {
        let expected = "a cron expression such as \"0 3 * * *\", or { at: \"0 3 * * *\", timeZone: Europe/Berlin }"
        let utc = TimeZone.gmt
        return shortOrSection(expected) { node, label, context in
            Reading<CronExpression>.cronExpression.read(node, label, context).map { cron($0, utc) }
        } section: { section in
            let expression = section.require("at", .cronExpression)
            let zone = section.read("timeZone", .timeZone, default: utc)
            let options = section.scheduleOptions()
            guard let expression else { return nil }
            var settings = cron(expression, zone)
            settings.options = options
            return settings
        }
    }

    /// The trigger `every`: a duration, or a mapping.
    static var every: Reading {
        let interval = Reading<Duration>.duration(atLeast: .seconds(1))
        return shortOrSection("\(interval.expected), or { interval: 5m }") { node, label, context in
            interval.read(node, label, context).map { every($0, nil) }
        } section: { section in
            let duration = section.require("interval", interval)
            let anchor = section.read("anchor", .timestamp)
            let options = section.scheduleOptions()
            guard let duration else { return nil }
            var settings = every(duration, anchor)
            settings.options = options
            return settings
        }
    }

    private static func cron(_ expression: CronExpression, _ zone: TimeZone) -> ScheduleSettings {
        let schedule = Schedule.cron(expression, in: zone)
        return ScheduleSettings(kind: "cron", schedule: schedule, summary: schedule.description)
    }

    private static func every(_ interval: Duration, _ anchor: Timestamp?) -> ScheduleSettings {
        ScheduleSettings(
            kind: "every", schedule: .every(interval, anchor: anchor),
            summary: "every \(DurationText.text(interval))" + (anchor.map { " from \($0)" } ?? ""))
    }

    private static func shortOrSection(
        _ expected: String, short: @escaping (DocumentNode, String, ReadingContext) -> ScheduleSettings?,
        section: @escaping (inout Section) -> ScheduleSettings?
    ) -> Reading {
        let long = Reading.section(expected, section)
        return Reading(expected) { node, label, context in
            if case .scalar = node.content, !node.isNull { return short(node, label, context) }
            return long.read(node, label, context)
        }
    }
}

extension Section {
    /// What becomes of a schedule's ticks.
    fileprivate mutating func scheduleOptions() -> ScheduleOptions {
        var options = ScheduleOptions()
        options.missed = read("missed", .choice, default: options.missed)
        if let atMost = read("atMost", .integer(1...ScheduleOptions.mostAtMost)) {
            options.atMost = atMost
            if options.missed != .all {
                context.report(
                    entries.first { $0.key == "atMost" }?.position ?? position,
                    "\(label): atMost bounds how many missed ticks are made up for; expected it with missed: all only")
            }
        }
        options.from = read("from", .timestamp)
        options.jitter = read("jitter", .duration(), default: options.jitter)
        return options
    }
}

extension DocumentNode {
    /// Where the character stands that so many others of the text stand before; within one line only.
    fileprivate func position(after count: Int) -> Position {
        guard case .scalar(let text, let style) = content, style != .block, !text.contains(where: \.isNewline) else {
            return position
        }
        return Position(line: position.line, column: position.column + count + (style == .quoted ? 1 : 0))
    }
}

extension Reading where Value == CronExpression {
    /// A cron expression. A mistake is told where it stands.
    fileprivate static var cronExpression: Reading {
        let expected = "a cron expression such as \"0 3 * * *\""
        return Reading(expected) { node, label, context in
            guard let text = context.text(node, label, expected: expected) else { return nil }
            do throws(ScheduleError) { return try CronExpression(text) } catch {
                // What came from the environment is not shown.
                if text != node.text {
                    context.report(node.position, "\(label): \(node.shown) is wrong; expected \(expected)")
                } else {
                    context.report(node.position(after: error.offset), "\(label): \(error.message)")
                }
                return nil
            }
        }
    }
}

extension Reading where Value == TimeZone {
    /// The name of a time zone.
    fileprivate static var timeZone: Reading {
        let expected = "the name of a time zone such as Europe/Berlin or UTC"
        return Reading(expected) { node, label, context in
            guard let text = context.text(node, label, expected: expected) else { return nil }
            do throws(ScheduleError) { return try Schedule.zone(named: text) } catch {
                let isPlain = text == node.text
                context.report(
                    node.position,
                    "\(label): \(isPlain ? error.message : "\(node.shown) is wrong; expected \(expected)")")
                return nil
            }
        }
    }
}

extension Reading where Value == Timestamp {
    /// An instant.
    fileprivate static var timestamp: Reading {
        text("a time such as 2026-01-31T03:00:00Z or 2026-01-31T10:00:00+07:00") { Timestamp(rfc3339: $0) }
    }
}
