import CloudEvents
import Foundation
import NightjarCore
import Testing

@testable import NightjarSchedule

/// An instant in RFC 3339.
func at(_ text: String) throws -> Timestamp { try #require(Timestamp(rfc3339: text), "\(text)") }

/// The next ticks after an instant, as clocks of the zone show them.
func ticks(_ expression: String, _ zone: String, after start: String, _ count: Int) throws -> [String] {
    let schedule = try Schedule.cron(expression, timeZone: zone)
    var last = try at(start)
    var ticks: [String] = []
    while ticks.count < count, let next = schedule.next(after: last) {
        #expect(next > last)
        ticks.append(schedule.localTime(next))
        last = next
    }
    return ticks
}
