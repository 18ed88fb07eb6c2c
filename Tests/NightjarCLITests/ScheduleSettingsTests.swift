import CloudEvents
import Foundation
import NightjarCore
import NightjarSchedule
import Testing

@testable import NightjarCLI

@Suite("Schedules in a configuration file")
struct ScheduleSettingsTests {
    private func file(_ trigger: String) -> String {
        "jobs: { j: { emit: { type: x } } }\ntriggers:\n  t: { start: j, \(trigger) }"
    }

    private func settings(_ trigger: String) throws -> ScheduleSettings {
        let source = try configuration(file(trigger)).triggers.first?.source
        guard case .schedule(let settings)? = source else {
            Issue.record("no schedule: \(trigger)")
            return ScheduleSettings(kind: "", schedule: .every(.seconds(1)), summary: "")
        }
        return settings
    }

    @Test("everything that can be said is read")
    func all() throws {
        let cron = try settings(
            "cron: { at: 0 3 * * *, timeZone: Asia/Ho_Chi_Minh, missed: all, atMost: 7, from: 2026-01-01T00:00:00Z, jitter: 30s }"
        )
        #expect(cron.kind == "cron")
        #expect(cron.schedule == (try .cron("0 3 * * *", timeZone: "Asia/Ho_Chi_Minh")))
        #expect(
            cron.options
                == ScheduleOptions(
                    missed: .all, atMost: 7, from: Timestamp(rfc3339: "2026-01-01T00:00:00Z"), jitter: .seconds(30)))
        #expect(cron.summary == "0 3 * * * in Asia/Ho_Chi_Minh")
        let every = try settings("every: { interval: 1h30m, anchor: \"2026-01-01T00:10:00Z\", missed: skip }")
        #expect(every.kind == "every")
        #expect(every.schedule == .every(.seconds(5400), anchor: Timestamp(rfc3339: "2026-01-01T00:10:00Z")))
        #expect(every.options == ScheduleOptions(missed: .skip))
        #expect(every.summary == "every 1h30m from 2026-01-01T00:10:00Z")
    }

    @Test("the short form has the defaults")
    func short() throws {
        #expect(try settings("cron: \"@daily\"") == settings("cron: { at: 0 0 * * *, timeZone: UTC }"))
        #expect(try settings("cron: \"@daily\"").summary == "0 0 * * * in UTC")
        #expect(try settings("every: 5m") == settings("every: { interval: 5m }"))
        #expect(try settings("every: 5m").options == ScheduleOptions())
    }

    @Test(
        "mistakes are told where they stand",
        arguments: [
            ("cron: \"0 25 * * *\"", "3:27: cron: \"25\" is no hour; expected 0 to 23"),
            ("cron: { at: 0 3 * * FRY }", "3:38: at: \"FRY\" is no day of the week; expected 0 to 7, or SUN to SAT"),
            (
                "cron: 0 0 31 2 *",
                "3:28: cron: \"0 0 31 2 *\" never comes; expected a day that some month has"
            ),
            (
                "cron: daily",
                "3:24: cron: 1 field; expected 5 (minute, hour, day of the month, month, day of the week), or 6 with the second first"
            ),
            (
                "cron: [1]",
                "3:24: cron holds a list; expected a cron expression such as \"0 3 * * *\", or { at: \"0 3 * * *\", timeZone: Europe/Berlin }"
            ),
            ("cron: {}", "3:24: cron has no \"at\"; expected a cron expression such as \"0 3 * * *\""),
            (
                "cron: { at: \"@daily\", timeZone: europe/berlin }",
                "3:50: timeZone: there is no time zone \"europe/berlin\"; did you mean \"Europe/Berlin\"?"
            ),
            (
                "cron: { at: \"@daily\", zone: UTC }",
                "3:40: cron has no key \"zone\"; expected one of: at, timeZone, missed, atMost, from, jitter"
            ),
            (
                "cron: { at: \"@daily\", missed: none }",
                "3:48: missed: \"none\" is wrong; expected one of: latest, all, skip"
            ),
            (
                "cron: { at: \"@daily\", atMost: 5 }",
                "3:40: cron: atMost bounds how many missed ticks are made up for; expected it with missed: all only"
            ),
            (
                "cron: { at: \"@daily\", from: yesterday }",
                "3:46: from: \"yesterday\" is wrong; expected a time such as 2026-01-31T03:00:00Z or 2026-01-31T10:00:00+07:00"
            ),
            (
                "every: 500ms",
                "3:25: every: \"500ms\" is wrong; expected a duration such as 500ms, 30s, 5m, 1h30m or 2d, at least 1s"
            ),
            (
                "every: {}",
                "3:25: every has no \"interval\"; expected a duration such as 500ms, 30s, 5m, 1h30m or 2d, at least 1s"
            ),
            ("every: 5m, cron: \"@daily\"", "3:29: trigger \"t\" has \"cron\" and \"every\"; expected one of them"),
            (
                "every: 5m, id: event.data.x",
                "3:29: trigger \"t\": a tick's time is its id, on every node; expected \"id\" with other kinds of triggers only"
            ),
            ("cron: \"${AT}\"", "3:24: cron: \"${AT}\" is wrong; expected a cron expression such as \"0 3 * * *\""),
        ])
    func told(_ trigger: String, _ mistake: String) {
        #expect(mistakes(file(trigger), environment: ["AT": "secret"]) == [mistake])
    }

    @Test("check tells the next three ticks as clocks of the time zone show them")
    func nextTicks() throws {
        let now = try #require(Timestamp(rfc3339: "2026-11-25T12:00:00Z"))
        let cron = try configuration(file("cron: { at: 0 3 * * *, timeZone: Asia/Ho_Chi_Minh }"))
        #expect(
            CheckCommand.nextTicks(cron, now: now)
                == "  t ticks next at 2026-11-26T03:00:00+07:00, 2026-11-27T03:00:00+07:00, 2026-11-28T03:00:00+07:00\n"
        )
        let later = try configuration(file("every: { interval: 1h, from: 2026-12-01T00:30:00Z }"))
        #expect(
            CheckCommand.nextTicks(later, now: now)
                == "  t ticks next at 2026-12-01T01:00:00Z, 2026-12-01T02:00:00Z, 2026-12-01T03:00:00Z\n")
        #expect(CheckCommand.nextTicks(try configuration("jobs: {}"), now: now) == nil)
    }

    @Test("the examples of the page about schedules have no mistakes")
    func examples() throws {
        let blocks = try DocumentationTests.blocks("yaml", in: DocumentationTests.page("triggers/schedule.md"))
        #expect(blocks.count >= 4)
        for block in blocks {
            let line = block.trimmingCharacters(in: .whitespacesAndNewlines)
            #expect(mistakes(block.contains("triggers:") ? block : file(line)) == [], "\(block)")
        }
    }

    @Test("only a change of its settings restarts a schedule")
    func identity() throws {
        func identity(_ trigger: String) throws -> String? {
            try Assembly(configuration: try configuration(file(trigger))).triggers().first?.identity
        }
        #expect(try identity("every: 5m") == identity("every: { interval: 300s }, delay: 1m"))
        #expect(try identity("every: 5m") != identity("every: 6m"))
        #expect(try identity("every: 5m") != identity("every: { interval: 5m, jitter: 1s }"))
        #expect(try identity("cron: \"@daily\"") != identity("cron: { at: \"@daily\", timeZone: Europe/Berlin }"))
    }
}
