/// Durations as people write them: `500ms`, `30s`, `1h30m`, `2d`.
enum DurationText {
    /// What is expected, for messages.
    static let expected = "a duration such as 500ms, 30s, 5m, 1h30m or 2d"
    /// The longest that is accepted: a hundred years.
    static let longest = Duration.seconds(36_525 * 86_400)

    private static let units: [(name: String, milliseconds: Double)] = [
        ("ms", 1), ("s", 1000), ("m", 60_000), ("h", 3_600_000), ("d", 86_400_000), ("w", 604_800_000),
    ]

    /// Reads numbers with units, the larger unit first; `nil` if it is none, or longer than a hundred years.
    static func duration(_ text: String) -> Duration? {
        var rest = text[...]
        var total = 0.0
        var lastUnit = Double.infinity
        guard !rest.isEmpty else { return nil }
        while !rest.isEmpty {
            let digits = rest.prefix { $0.isASCII && ($0.isNumber || $0 == ".") }
            rest = rest.dropFirst(digits.count)
            let letters = rest.prefix { $0.isASCII && $0.isLetter }
            rest = rest.dropFirst(letters.count)
            guard let first = digits.first, first.isNumber, digits.last?.isNumber == true, digits.count <= 15,
                let number = Double(digits), let unit = units.first(where: { $0.name == letters }),
                unit.milliseconds < lastUnit
            else { return nil }
            lastUnit = unit.milliseconds
            total += number * unit.milliseconds
        }
        guard total <= 36_525 * 86_400_000 else { return nil }
        return .microseconds(Int64((total * 1000).rounded()))
    }

    /// The shortest exact form, `0s` for nothing.
    static func text(_ duration: Duration) -> String {
        let (seconds, attoseconds) = duration.components
        var milliseconds = seconds * 1000 + attoseconds / 1_000_000_000_000_000
        guard milliseconds > 0 else { return "0s" }
        var text = ""
        for (name, size) in units.reversed() where name != "w" {
            let count = milliseconds / Int64(size)
            milliseconds %= Int64(size)
            if count > 0 { text += "\(count)\(name)" }
        }
        return text
    }
}
