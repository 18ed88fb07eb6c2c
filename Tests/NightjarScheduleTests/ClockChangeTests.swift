import CloudEvents
import Foundation
import Testing

@testable import NightjarSchedule

@Suite("Schedules on days on which clocks are set")
struct ClockChangeTests {
    // Berlin: 2026-03-29 2:00 → 3:00, 2026-10-25 3:00 → 2:00. New York: 2026-03-08 2:00 → 3:00, 2026-11-01 2:00 → 1:00.
    // Lord Howe: 2026-10-04 2:00 → 2:30, 2026-04-05 2:00 → 1:30. Samoa had no 2011-12-30.

    @Test(
        "a time that does not exist is made up for at the first moment after the gap, once",
        arguments: [
            (
                "30 2 * * *", "Europe/Berlin", "2026-03-27T12:00:00Z",
                ["2026-03-28T02:30:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:30:00+02:00"]
            ),
            (
                "*/10 2 * * *", "Europe/Berlin", "2026-03-28T01:45:00Z",
                ["2026-03-28T02:50:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00"]
            ),
            // What is due at the end of the gap anyway is due once.
            (
                "0 2,3 * * *", "Europe/Berlin", "2026-03-28T12:00:00Z",
                ["2026-03-29T03:00:00+02:00", "2026-03-30T02:00:00+02:00", "2026-03-30T03:00:00+02:00"]
            ),
            (
                "0 */2 * * *", "Europe/Berlin", "2026-03-28T22:30:00Z",
                [
                    "2026-03-29T00:00:00+01:00", "2026-03-29T03:00:00+02:00", "2026-03-29T04:00:00+02:00",
                    "2026-03-29T06:00:00+02:00",
                ]
            ),
            (
                "30 2 * * *", "America/New_York", "2026-03-07T12:00:00Z",
                ["2026-03-08T03:00:00-04:00", "2026-03-09T02:30:00-04:00"]
            ),
            (
                "15 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z",
                ["2026-10-04T02:30:00+11:00", "2026-10-05T02:15:00+11:00"]
            ),
            (
                "30 2 * * *", "Australia/Lord_Howe", "2026-10-03T12:00:00Z",
                ["2026-10-04T02:30:00+11:00", "2026-10-05T02:30:00+11:00"]
            ),
            // A gap at midnight.
            (
                "0 0 * * *", "America/Santiago", "2026-09-05T12:00:00Z",
                ["2026-09-06T01:00:00-03:00", "2026-09-07T00:00:00-03:00"]
            ),
            // A day that does not exist.
            (
                "0 3 * * *", "Pacific/Apia", "2011-12-29T08:00:00Z",
                ["2011-12-29T03:00:00-10:00", "2011-12-31T00:00:00+14:00", "2011-12-31T03:00:00+14:00"]
            ),
            // The gap of another day is none of this date's.
            ("30 2 29 2 ?", "Europe/Berlin", "2026-03-01T00:00:00Z", ["2028-02-29T02:30:00+01:00"]),
            (
                "30 2 29 3 ?", "Europe/Berlin", "2026-01-01T00:00:00Z",
                ["2026-03-29T03:00:00+02:00", "2027-03-29T02:30:00+02:00"]
            ),
        ])
    func gap(_ expression: String, _ zone: String, _ start: String, _ expected: [String]) throws {
        #expect(try ticks(expression, zone, after: start, expected.count) == expected)
    }

    @Test(
        "a time that comes twice is due the first time",
        arguments: [
            (
                "30 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
                ["2026-10-25T02:30:00+02:00", "2026-10-26T02:30:00+01:00"]
            ),
            (
                "*/20 2 * * *", "Europe/Berlin", "2026-10-24T12:00:00Z",
                [
                    "2026-10-25T02:00:00+02:00", "2026-10-25T02:20:00+02:00", "2026-10-25T02:40:00+02:00",
                    "2026-10-26T02:00:00+01:00",
                ]
            ),
            // Asked in between, and when it comes the second time.
            ("30 2 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", ["2026-10-26T02:30:00+01:00"]),
            ("30 2 * * *", "Europe/Berlin", "2026-10-25T01:10:00Z", ["2026-10-26T02:30:00+01:00"]),
            ("* * 2 * * *", "Europe/Berlin", "2026-10-25T01:00:00Z", ["2026-10-26T02:00:00+01:00"]),
            ("0 3 * * *", "Europe/Berlin", "2026-10-25T00:30:00Z", ["2026-10-25T03:00:00+01:00"]),
            (
                "30 1 * * *", "America/New_York", "2026-10-31T12:00:00Z",
                ["2026-11-01T01:30:00-04:00", "2026-11-02T01:30:00-05:00"]
            ),
            (
                "45 1 * * *", "Australia/Lord_Howe", "2026-04-04T12:00:00Z",
                ["2026-04-05T01:45:00+11:00", "2026-04-06T01:45:00+10:30"]
            ),
            (
                "0 */2 * * *", "Europe/Berlin", "2026-10-24T21:30:00Z",
                ["2026-10-25T00:00:00+02:00", "2026-10-25T02:00:00+02:00", "2026-10-25T04:00:00+01:00"]
            ),
        ])
    func fold(_ expression: String, _ zone: String, _ start: String, _ expected: [String]) throws {
        #expect(try ticks(expression, zone, after: start, expected.count) == expected)
    }

    @Test(
        "with every hour it follows the clock: nothing is made up for, and what comes twice is due twice",
        arguments: [
            (
                "30 * * * *", "Europe/Berlin", "2026-03-29T00:00:00Z",
                ["2026-03-29T01:30:00+01:00", "2026-03-29T03:30:00+02:00", "2026-03-29T04:30:00+02:00"]
            ),
            (
                "@hourly", "Europe/Berlin", "2026-10-24T23:30:00Z",
                [
                    "2026-10-25T02:00:00+02:00", "2026-10-25T02:00:00+01:00", "2026-10-25T03:00:00+01:00",
                ]
            ),
            (
                "50 * * * *", "Europe/Berlin", "2026-10-25T00:00:00Z",
                ["2026-10-25T02:50:00+02:00", "2026-10-25T02:50:00+01:00", "2026-10-25T03:50:00+01:00"]
            ),
            // Asked within the first of the two.
            (
                "10 * * * *", "Europe/Berlin", "2026-10-25T00:30:00Z",
                ["2026-10-25T02:10:00+01:00", "2026-10-25T03:10:00+01:00"]
            ),
            (
                "*/30 * * * *", "Australia/Lord_Howe", "2026-04-04T14:00:00Z",
                [
                    "2026-04-05T01:30:00+11:00", "2026-04-05T01:30:00+10:30", "2026-04-05T02:00:00+10:30",
                ]
            ),
            (
                "0 * * * *", "America/New_York", "2026-11-01T04:30:00Z",
                ["2026-11-01T01:00:00-04:00", "2026-11-01T01:00:00-05:00", "2026-11-01T02:00:00-05:00"]
            ),
            // On one day only: the hours of that date.
            (
                "0 * 25 10 ?", "Europe/Berlin", "2026-10-25T20:30:00Z",
                ["2026-10-25T22:00:00+01:00", "2026-10-25T23:00:00+01:00", "2027-10-25T00:00:00+02:00"]
            ),
        ])
    func byClock(_ expression: String, _ zone: String, _ start: String, _ expected: [String]) throws {
        #expect(try ticks(expression, zone, after: start, expected.count) == expected)
    }

    @Test(
        "every minute is every minute, in each zone, through all its changes",
        arguments: ["UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Asia/Kathmandu"])
    func everyMinute(_ zone: String) throws {
        let schedule = try Schedule.cron("* * * * *", timeZone: zone)
        for day in ["2026-03-08", "2026-03-29", "2026-04-05", "2026-10-04", "2026-10-25", "2026-11-01"] {
            var tick = try at("\(day)T00:00:00Z") - .seconds(43_200)
            for _ in 0..<(36 * 60) {
                #expect(schedule.next(after: tick) == tick + .seconds(60))
                tick = tick + .seconds(60)
            }
        }
    }

    @Test(
        "each day has one tick of a daily schedule, whatever the time",
        arguments: [
            "UTC", "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "America/Havana", "Africa/Cairo",
        ])
    func daily(_ zone: String) throws {
        for minute in stride(from: 0, to: 24 * 60, by: 15) {
            let schedule = try Schedule.cron("\(minute % 60) \(minute / 60) * * *", timeZone: zone)
            var tick = try at("2025-12-31T12:00:00Z")
            var days: Set<Substring> = []
            for _ in 0..<365 {
                tick = try #require(schedule.next(after: tick))
                days.insert(schedule.localTime(tick).prefix(10))
            }
            #expect(days.count == 365, "\(schedule)")
        }
    }

    @Test("the last tick until an instant is the one before the next, through all changes")
    func last() throws {
        let schedules = [
            try Schedule.cron("30 2 * * *", timeZone: "Europe/Berlin"),
            try Schedule.cron("*/30 * * * *", timeZone: "Australia/Lord_Howe"),
            .every(.seconds(5400), anchor: try at("2026-01-01T00:10:00Z")),
        ]
        for schedule in schedules {
            let start = try at("2026-03-01T00:00:00Z")
            var ticks = [start]
            while ticks.count < 400, let tick = ticks.last, let next = schedule.next(after: tick) { ticks.append(next) }
            for (tick, next) in zip(ticks.dropFirst(), ticks.dropFirst(2)) {
                #expect(schedule.last(until: tick, after: start) == tick)
                #expect(schedule.last(until: next - .microseconds(1), after: start) == tick)
                #expect(schedule.last(until: next - .microseconds(1), after: tick) == nil)
            }
        }
    }

    @Test("an interval is the same length on every day, and counts from its anchor")
    func every() throws {
        let plain = Schedule.every(.seconds(300))
        #expect(try plain.next(after: at("2026-03-29T00:58:01Z")) == at("2026-03-29T01:00:00Z"))
        #expect(try plain.next(after: at("2026-03-29T01:00:00Z")) == at("2026-03-29T01:05:00Z"))
        #expect(try plain.next(after: at("1969-12-31T23:58:00Z")) == at("1970-01-01T00:00:00Z"))
        let anchored = Schedule.every(.seconds(86_400), anchor: try at("2026-06-01T03:30:00+07:00"))
        #expect(try anchored.next(after: at("2026-05-01T00:00:00Z")) == at("2026-05-01T20:30:00Z"))
        #expect(Schedule.every(.zero) == .every(.seconds(1)))
        #expect(plain.description == "every 300s")
        #expect(Schedule.every(.milliseconds(1500)).description == "every 1500000us")
    }
}
