import CloudEvents
import Foundation
import NightjarTestKit
import Testing

@testable import NightjarSchedule

@Suite("Cron expressions: the next time")
struct CronNextTests {
    private static let start = "2026-01-15T10:20:30Z"  // a Thursday

    @Test(
        "the next times in UTC",
        arguments: [
            ("* * * * *", ["2026-01-15T10:21:00Z", "2026-01-15T10:22:00Z"]),
            ("*/15 * * * *", ["2026-01-15T10:30:00Z", "2026-01-15T10:45:00Z", "2026-01-15T11:00:00Z"]),
            ("*/20 * * * * *", ["2026-01-15T10:20:40Z", "2026-01-15T10:21:00Z"]),
            ("0 3 * * *", ["2026-01-16T03:00:00Z", "2026-01-17T03:00:00Z"]),
            ("30 20 10 * * *", ["2026-01-16T10:20:30Z"]),
            ("31 20 10 * * *", ["2026-01-15T10:20:31Z"]),
            ("0 9 * * MON-FRI", ["2026-01-16T09:00:00Z", "2026-01-19T09:00:00Z"]),
            ("0 0 1 1 *", ["2027-01-01T00:00:00Z", "2028-01-01T00:00:00Z"]),
            ("0 0 31 * *", ["2026-01-31T00:00:00Z", "2026-03-31T00:00:00Z", "2026-05-31T00:00:00Z"]),
            ("0 0 L * *", ["2026-01-31T00:00:00Z", "2026-02-28T00:00:00Z"]),
            ("0 0 L-2,L * ?", ["2026-01-29T00:00:00Z", "2026-01-31T00:00:00Z", "2026-02-26T00:00:00Z"]),
            ("0 0 LW * *", ["2026-01-30T00:00:00Z", "2026-02-27T00:00:00Z"]),
            ("0 0 15W * *", ["2026-02-16T00:00:00Z", "2026-03-16T00:00:00Z", "2026-04-15T00:00:00Z"]),
            ("0 0 1W 8 *", ["2026-08-03T00:00:00Z"]),  // 1 August 2026 is a Saturday
            ("0 0 31W 5 *", ["2026-05-29T00:00:00Z"]),  // 31 May 2026 is a Sunday
            ("0 0 ? * FRIL", ["2026-01-30T00:00:00Z", "2026-02-27T00:00:00Z"]),
            ("0 0 ? * FRI#2", ["2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z"]),
            ("0 0 ? * THU#5", ["2026-01-29T00:00:00Z", "2026-04-30T00:00:00Z"]),
            // Both days: either is enough.
            ("0 0 13 * FRI", ["2026-01-16T00:00:00Z", "2026-01-23T00:00:00Z", "2026-01-30T00:00:00Z"]),
            ("0 0 20 * FRI", ["2026-01-16T00:00:00Z", "2026-01-20T00:00:00Z"]),
            // One that begins with a star names no day: both must fit.
            ("0 0 */2 * FRI", ["2026-01-23T00:00:00Z", "2026-02-13T00:00:00Z"]),
            ("0 0 13 * */5", ["2026-02-13T00:00:00Z", "2026-03-13T00:00:00Z", "2026-09-13T00:00:00Z"]),
            // Rare dates.
            ("0 0 29 2 *", ["2028-02-29T00:00:00Z", "2032-02-29T00:00:00Z"]),
            ("0 0 29 2 TUE#5", ["2028-02-29T00:00:00Z"]),
        ])
    func next(_ expression: String, _ expected: [String]) throws {
        #expect(try ticks(expression, "UTC", after: Self.start, expected.count) == expected)
    }

    @Test("a 29 February that must be a Monday is found at once", .timeLimit(.minutes(1)))
    func rare() throws {
        // Only a February of 29 days that begins with a Monday has five of them.
        #expect(
            try ticks("0 12 ? 2 MON#5", "Europe/Berlin", after: "2026-03-01T00:00:00Z", 3)
                == ["2044-02-29T12:00:00+01:00", "2072-02-29T12:00:00+01:00", "2112-02-29T12:00:00+01:00"])
        #expect(try ticks("0 0 29 2 ?", "UTC", after: "2096-03-01T00:00:00Z", 1) == ["2104-02-29T00:00:00Z"])
        // Stepping through the 4,000 years day by day, fifty times, would run into the time limit.
        let expression = try CronExpression("59 59 23 29 2 ?")
        let zone = try Schedule.zone(named: "Europe/Berlin")
        var tick = Timestamp.distantPast
        for _ in 0..<50 {
            tick = try at("2026-01-01T00:00:00Z")
            for _ in 0..<1000 { tick = try #require(expression.next(after: tick, in: zone)) }
        }
        #expect(tick == (try at("6148-02-29T22:59:59Z")))
    }

    @Test("there is nothing after the year 9999")
    func end() throws {
        #expect(try ticks("0 0 1 1 *", "UTC", after: "9998-06-01T00:00:00Z", 3) == ["9999-01-01T00:00:00Z"])
        #expect(try CronExpression("0 0 1 1 *").next(after: .distantFuture, in: .gmt) == nil)
        #expect(Schedule.every(.seconds(3600)).next(after: .distantFuture) == nil)
        #expect(Schedule.every(.seconds(3600)).next(after: .distantPast) != nil)
    }

    @Test("it is strictly later, and what a look at every minute finds", arguments: 0..<60)
    func naive(seed: Int) throws {
        var random = SeededGenerator(seed: UInt64(seed))
        let fields = (0..<5).map { Self.field($0, using: &random) }
        let text = fields.map(\.text).joined(separator: " ")
        guard let expression = try? CronExpression(text) else { return }
        let start =
            try at("2026-01-01T00:00:00Z").microsecondsSince1970 / 60_000_000
            + Int64.random(in: 0..<500_000, using: &random)
        var expected: [Int64] = []
        for minute in (start + 1)...(start + 60 * 24 * 70) where expected.count < 300 {
            if Self.fits(fields, minute: minute) { expected.append(minute) }
        }
        var found: [Int64] = []
        var tick = Timestamp(microsecondsSince1970: start * 60_000_000)
        while found.count < expected.count, let next = expression.next(after: tick, in: .gmt) {
            #expect(next > tick)
            found.append(next.microsecondsSince1970 / 60_000_000)
            tick = next
        }
        #expect(found == expected, "\(text)")
    }

    private struct Field {
        var text: String
        var values: Set<Int>
        var isOpen: Bool
    }

    private static func field(_ index: Int, using random: inout SeededGenerator) -> Field {
        let range = [0...59, 0...23, 1...31, 1...12, 0...6][index]
        switch Int.random(in: 0..<5, using: &random) {
        case 0, 1: return Field(text: "*", values: Set(range), isOpen: true)
        case 2:
            let step = Int.random(in: 1..<range.count, using: &random)
            let values = Set(stride(from: range.lowerBound, through: range.upperBound, by: step))
            return Field(text: "*/\(step)", values: values, isOpen: true)
        case 3:
            let low = Int.random(in: range, using: &random)
            let high = Int.random(in: low...range.upperBound, using: &random)
            return Field(text: "\(low)-\(high)", values: Set(low...high), isOpen: false)
        default:
            let values = (0..<3).map { _ in Int.random(in: range, using: &random) }
            return Field(
                text: values.map(String.init).joined(separator: ","), values: Set(values), isOpen: false)
        }
    }

    /// By Foundation's calendar, which the search does not use.
    private static let calendar: Calendar = {
        var calendar = Calendar(identifier: .gregorian)
        calendar.timeZone = .gmt
        return calendar
    }()

    private static func fits(_ fields: [Field], minute: Int64) -> Bool {
        guard fields[0].values.contains(Int(minute % 60)), fields[1].values.contains(Int(minute / 60 % 24)) else {
            return false
        }
        let date = calendar.dateComponents(
            [.month, .day, .weekday], from: Date(timeIntervalSince1970: Double(minute * 60)))
        guard fields[3].values.contains(date.month ?? 0) else { return false }
        let byMonth = fields[2].values.contains(date.day ?? 0)
        let byWeek = fields[4].values.contains((date.weekday ?? 0) - 1)
        return fields[2].isOpen || fields[4].isOpen ? byMonth && byWeek : byMonth || byWeek
    }
}
