public import CloudEvents
import NightjarCore
public import NightjarSchedule

extension On.Events {
    /// Ticks by a cron expression, in a time zone: `.cron("0 3 * * *", timeZone: "Asia/Ho_Chi_Minh")`.
    ///
    /// The runtime refuses an expression that it cannot read, and a time zone that it does not know.
    /// - Parameters:
    ///   - expression: five fields, or six with the second first; see `CronExpression`.
    ///   - timeZone: a name of the IANA time zone database.
    ///   - missed: what becomes of ticks whose time passed while no node worked.
    ///   - jitter: by how much each tick is held back at most.
    public static func cron(
        _ expression: String, timeZone: String = "UTC", missed: ScheduleOptions.Missed = .latest,
        jitter: Duration = .zero
    ) -> On.Events {
        do throws(ScheduleError) {
            return schedule(
                try .cron(expression, timeZone: timeZone), ScheduleOptions(missed: missed, jitter: jitter),
                kind: "cron")
        } catch {
            var events = On.Events(kind: "cron", summary: expression, origin: .external)
            events.mistake = error.message
            return events
        }
    }

    /// Ticks at equal distances: `.every(.seconds(300))`.
    /// - Parameters:
    ///   - interval: the distance; at least a second.
    ///   - anchor: one of the ticks; by default 1970-01-01T00:00:00Z, so that five minutes means each full five minutes.
    ///   - missed: what becomes of ticks whose time passed while no node worked.
    ///   - jitter: by how much each tick is held back at most.
    public static func every(
        _ interval: Duration, anchor: Timestamp? = nil, missed: ScheduleOptions.Missed = .latest,
        jitter: Duration = .zero
    ) -> On.Events {
        schedule(.every(interval, anchor: anchor), ScheduleOptions(missed: missed, jitter: jitter), kind: "every")
    }

    /// Ticks of a schedule.
    public static func schedule(
        _ schedule: Schedule, _ options: ScheduleOptions = ScheduleOptions(), kind: String = "schedule"
    ) -> On.Events {
        .source(ScheduleSource(schedule, options), kind: kind, summary: schedule.description)
    }
}
