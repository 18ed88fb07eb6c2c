import Foundation

/// Offsets from UTC by a name of the IANA time zone database, or fixed, such as `+02:00` ("Timezones" in the list of standard
/// definitions).
enum TimeZoneName {
    /// The offset in seconds at a point in time; `nil` if there is no such zone.
    static func offset(_ name: String, at time: TimestampValue) -> Int64? {
        if name == "UTC" || name == "Z" || name.isEmpty { return 0 }
        if let fixed = fixedOffset(name) { return fixed }
        // "GMT+7" and abbreviations would be taken too, and mean different things to different people.
        guard name.contains("/") || TimeZone.knownTimeZoneIdentifiers.contains(name) || name == "GMT",
            let zone = TimeZone(identifier: name)
        else { return nil }
        return Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(time.seconds))))
    }

    /// `+02:00`, `-07:30` or `02:00`.
    private static func fixedOffset(_ name: String) -> Int64? {
        var text = Substring(name)
        let isNegative = text.hasPrefix("-")
        if isNegative || text.hasPrefix("+") { text = text.dropFirst() }
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        guard parts.count == 2, parts.allSatisfy({ $0.utf8.count == 2 && $0.utf8.allSatisfy { $0 &- 48 < 10 } }),
            let hours = Int64(parts[0]), let minutes = Int64(parts[1]), hours < 24, minutes < 60
        else { return nil }
        return (isNegative ? -1 : 1) * (hours * 3600 + minutes * 60)
    }
}

extension TimestampValue {
    /// A part of the date or time of day, as `getFullYear()` and the others name them.
    enum Part: String, CaseIterable {
        case getFullYear, getMonth, getDayOfYear, getDayOfMonth, getDate, getDayOfWeek, getHours, getMinutes, getSeconds
        case getMilliseconds
    }

    /// That part in a time zone; `nil` if there is no such zone.
    func part(_ part: Part, in zone: String) -> Int64? {
        guard let offset = TimeZoneName.offset(zone, at: self) else { return nil }
        let (date, time) = CivilDate.split(seconds + offset)
        return switch part {
        case .getFullYear: date.year
        case .getMonth: date.month - 1
        case .getDayOfYear: date.daysSince1970 - CivilDate(year: date.year, month: 1, day: 1).daysSince1970
        case .getDayOfMonth: date.day - 1
        case .getDate: date.day
        // 1970-01-01 was a Thursday.
        case .getDayOfWeek: ((date.daysSince1970 + 4) % 7 + 7) % 7
        case .getHours: time / 3600
        case .getMinutes: time / 60 % 60
        case .getSeconds: time % 60
        case .getMilliseconds: Int64(nanoseconds) / 1_000_000
        }
    }
}
