import CloudEvents

/// One time at which a schedule is due.
struct Tick: Sendable, Hashable {
    /// Its planned time.
    var scheduledAt: Timestamp
    /// The planned time of the one before it that was made; `nil` for the first one.
    var previous: Timestamp?
    /// How many between the two were left out; ``mostMissed`` stands for that or more.
    var missed: Int

    /// How far is counted.
    static let mostMissed = 10_000

    /// The event that it is. Every node makes the same of it, but for what was missed.
    func event(trigger: String, schedule: Schedule) -> Event {
        // Names of triggers and time zones, and times, have no character that JSON would escape.
        var members = [
            "\"trigger\":\"\(trigger)\"", "\"scheduledAt\":\"\(scheduledAt.rfc3339)\"",
            "\"localTime\":\"\(schedule.localTime(scheduledAt))\"",
            "\"previous\":\(previous.map { "\"\($0.rfc3339)\"" } ?? "null")", "\"missed\":\(missed)",
        ]
        if let zone = schedule.timeZone { members.append("\"timeZone\":\"\(zone)\"") }
        return Event(
            id: scheduledAt.rfc3339, source: Self.source(trigger), type: "nightjar.schedule.tick", time: scheduledAt,
            dataContentType: "application/json", data: Array("{\(members.joined(separator: ","))}".utf8))
    }

    /// The source of a trigger's events.
    static func source(_ trigger: String) -> String { "/triggers/\(trigger)" }
}
