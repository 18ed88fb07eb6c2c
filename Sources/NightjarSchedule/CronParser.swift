/// Reads the fields of a cron expression.
struct CronParser {
    /// A part of the text, with the number of characters before it.
    struct Part {
        var text: Substring
        var offset: Int

        /// The parts between separators; empty ones count.
        func split(at separator: Character) -> [Part] {
            var offset = offset
            return text.split(separator: separator, omittingEmptySubsequences: false).map { piece in
                defer { offset += piece.count + 1 }
                return Part(text: piece, offset: offset)
            }
        }

        /// Whether this stands for every value: it begins with `*` or is `?`. As in Vixie cron, so does `*/2`.
        var isOpen: Bool { text.first == "*" || text == "?" }

        func dropLast(_ count: Int = 1) -> Part { Part(text: text.dropLast(count), offset: offset) }
    }

    /// What a field of times or months says, as a set of bits.
    static func set(_ part: Part, _ field: CronField) throws(ScheduleError) -> UInt64 {
        var set: UInt64 = 0
        for item in part.split(at: ",") { set |= try plain(item, field) }
        return set
    }

    /// What the two fields of days say.
    static func days(ofMonth: Part, ofWeek: Part) throws(ScheduleError) -> CronDays {
        var days = CronDays()
        days.isMonthOpen = ofMonth.isOpen
        days.isWeekOpen = ofWeek.isOpen
        if ofMonth.text == "?" {
            days.ofMonth = bits(CronField.dayOfMonth.all)
        } else {
            for item in ofMonth.split(at: ",") { try add(dayOfMonth: item, to: &days) }
        }
        if ofWeek.text == "?" {
            days.ofWeek = UInt8(truncatingIfNeeded: bits(CronField.dayOfWeek.all))
        } else {
            for item in ofWeek.split(at: ",") { try add(dayOfWeek: item, to: &days) }
        }
        return days
    }

    private static func add(dayOfMonth item: Part, to days: inout CronDays) throws(ScheduleError) {
        let text = item.text.uppercased()
        if text == "L" {
            days.beforeLast |= 1
        } else if text == "LW" || text == "WL" {
            days.isLastWorkday = true
        } else if text.hasPrefix("L-") {
            let count = item.text.dropFirst(2)
            guard let value = CronField.dayOfMonth.value(count), (1...30).contains(value) else {
                throw wrong(
                    item, .dayOfMonth, "\"\(item.text)\" names no day; expected L-1 to L-30, days before the last one")
            }
            days.beforeLast |= 1 << UInt64(value)
        } else if text.hasSuffix("W") {
            days.workdays |= 1 << UInt64(try value(item.dropLast(), .dayOfMonth))
        } else {
            days.ofMonth |= try plain(item, .dayOfMonth)
        }
    }

    private static func add(dayOfWeek item: Part, to days: inout CronDays) throws(ScheduleError) {
        let text = item.text.uppercased()
        if let hash = item.text.firstIndex(of: "#") {
            let day = try value(Part(text: item.text[..<hash], offset: item.offset), .dayOfWeek) % 7
            guard let count = CronField.dayOfMonth.value(item.text[item.text.index(after: hash)...]),
                (1...5).contains(count)
            else {
                throw wrong(
                    item, .dayOfWeek, "\"\(item.text)\" names no week; expected 1 to 5 after '#', such as FRI#2")
            }
            days.nth[day] |= 1 << UInt8(count)
        } else if text == "L" {
            throw wrong(item, .dayOfWeek, "\"L\" names no day of the week; expected the day before it, such as FRIL")
        } else if text.hasSuffix("L") {
            days.lastOfWeek |= 1 << UInt8(try value(item.dropLast(), .dayOfWeek) % 7)
        } else {
            days.ofWeek |= UInt8(truncatingIfNeeded: try plain(item, .dayOfWeek))
        }
    }

    /// What an item without letters of its own says: `*`, a value or a range, and perhaps a step.
    private static func plain(_ item: Part, _ field: CronField) throws(ScheduleError) -> UInt64 {
        guard !item.text.isEmpty else {
            throw wrong(item, field, "the \(field.name) has an empty part; expected a value on each side of ','")
        }
        let parts = item.split(at: "/")
        guard parts.count <= 2 else {
            throw wrong(item, field, "\"\(item.text)\" has two steps; expected one, such as */5")
        }
        let (low, end) = try bounds(parts[0], field, isStepped: parts.count == 2)
        var high = end
        var step = 1
        if parts.count == 2 {
            let most = field.all.upperBound - field.all.lowerBound
            guard parts[1].text.utf8.allSatisfy({ (48...57).contains($0) }), let number = Int(parts[1].text),
                (1...most).contains(number)
            else {
                throw wrong(
                    parts[1], field,
                    "\"\(parts[1].text)\" is no step of the \(field.name); expected 1 to \(most)")
            }
            step = number
        }
        if high < low {
            guard field == .dayOfWeek else {
                let all = field.all
                throw wrong(
                    parts[0], field,
                    "\"\(parts[0].text)\" runs backwards; expected the smaller one first, or both ends: \(low)-\(all.upperBound),\(all.lowerBound)-\(high)"
                )
            }
            // A week goes on, wherever it is said to begin: SAT-SUN, FRI-MON.
            high += 7
        }
        var set: UInt64 = 0
        for value in stride(from: low, through: high, by: step) {
            set |= 1 << UInt64(field == .dayOfWeek ? value % 7 : value)
        }
        return set
    }

    private static func bounds(
        _ part: Part, _ field: CronField, isStepped: Bool
    ) throws(ScheduleError) -> (low: Int, high: Int) {
        if part.text == "*" { return (field.all.lowerBound, field.all.upperBound) }
        if part.text == "?" {
            let days = field == .dayOfMonth || field == .dayOfWeek
            throw wrong(
                part, field,
                days
                    ? "'?' stands with other parts; expected it alone in its field"
                    : "'?' stands in the \(field.name); expected it as a day of the month or of the week only")
        }
        let ends = part.split(at: "-")
        guard ends.count <= 2 else {
            throw wrong(part, field, "\"\(part.text)\" has more than two ends; expected a range such as 1-5")
        }
        let low = try value(ends[0], field)
        if ends.count == 2 { return (low, try value(ends[1], field)) }
        return (low, isStepped ? max(low, field.all.upperBound) : low)
    }

    private static func value(_ part: Part, _ field: CronField) throws(ScheduleError) -> Int {
        guard let value = field.value(part.text), field.range.contains(value) else {
            let shown = part.text.isEmpty ? "nothing" : "\"\(part.text)\""
            throw wrong(part, field, "\(shown) is no \(field.name); expected \(field.expected)")
        }
        return value
    }

    private static func bits(_ range: ClosedRange<Int>) -> UInt64 {
        range.reduce(0) { $0 | 1 << UInt64($1) }
    }

    private static func wrong(_ part: Part, _ field: CronField, _ message: String) -> ScheduleError {
        ScheduleError(.field(field), message, at: part.offset)
    }
}
