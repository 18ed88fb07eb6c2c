import CloudEvents

/// Times as people say them: `3s ago`, `in 5m`.
enum RelativeTime {
    /// How `time` looks from `now`. More than thirty days away it is a date.
    static func text(_ time: Timestamp, from now: Timestamp) -> String {
        let seconds = (time - now).components.seconds
        let amount = abs(seconds)
        let size =
            switch amount {
            case 0: ""
            case ..<60: "\(amount)s"
            case ..<3600: "\(amount / 60)m"
            case ..<86_400: "\(amount / 3600)h"
            case ..<(30 * 86_400): "\(amount / 86_400)d"
            default: String(time.rfc3339.prefix(10))
            }
        if amount == 0 { return "now" }
        if amount >= 30 * 86_400 { return size }
        return seconds < 0 ? "\(size) ago" : "in \(size)"
    }

    /// How long something took: `12ms`, `3.4s`, `2m5s`.
    static func span(_ duration: Duration) -> String {
        let milliseconds = duration.components.seconds * 1000 + duration.components.attoseconds / 1_000_000_000_000_000
        switch milliseconds {
        case ..<1000: return "\(max(0, milliseconds))ms"
        case ..<60_000: return "\(milliseconds / 1000).\(milliseconds % 1000 / 100)s"
        default: return DurationText.text(.seconds(milliseconds / 1000))
        }
    }
}
