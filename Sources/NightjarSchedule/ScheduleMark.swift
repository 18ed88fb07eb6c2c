import CloudEvents

/// How far a trigger has come, as the store keeps it.
struct ScheduleMark: Sendable, Hashable {
    /// The key of the trigger's state.
    static let key = "mark"

    /// The time up to which nothing is left to do.
    var instant: Timestamp
    /// Whether there was a tick at that time; otherwise the schedule began then.
    var isTick: Bool
    /// The schedule that it is about.
    var schedule: String

    init(_ instant: Timestamp, isTick: Bool, schedule: String) {
        self.instant = instant
        self.isTick = isTick
        self.schedule = schedule
    }

    /// The mark that was stored; `nil` if it is none.
    init?(stored: [UInt8]) {
        let parts = String(decoding: stored, as: UTF8.self).split(separator: " ", maxSplits: 2)
        guard parts.count == 3, parts[0] == "tick" || parts[0] == "start", let instant = Timestamp(rfc3339: parts[1])
        else { return nil }
        self.init(instant, isTick: parts[0] == "tick", schedule: String(parts[2]))
    }

    /// What the store keeps.
    var stored: [UInt8] { Array("\(isTick ? "tick" : "start") \(instant.rfc3339) \(schedule)".utf8) }
}
