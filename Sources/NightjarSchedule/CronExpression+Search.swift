import CloudEvents

/// Times here are whole seconds: instants since 1970 in UTC, local ones as if the local clock showed UTC.
extension CronExpression {
    /// The next instant by dates and times of day: each counts once.
    func nextByDate(after instant: Int64, _ clock: LocalClock) -> Int64? {
        var local = instant + clock.offset(at: instant)
        // What a local time stands for never goes back while the local time goes on, so the first one that is later than
        // `instant` is the next.
        while let candidate = nextLocal(after: local) {
            switch clock.instants(of: candidate) {
            case .once(let found):
                if found > instant { return found }
                local = candidate
            case .twice(let first, _, let repeated):
                if first > instant { return first }
                local = repeated.upperBound - 1
            case .never(let end, let gap):
                if end > instant { return end }
                local = gap.upperBound - 1
            }
        }
        return nil
    }

    /// The next instant at which the local clock shows a time that fits.
    func nextByClock(after instant: Int64, _ clock: LocalClock) -> Int64? {
        var local = instant + clock.offset(at: instant)
        // Before the clock is set back, what it will show a second time may be earlier than what it shows now.
        var repeatedFirst: Int64?
        if case .twice(instant, let second, let repeated) = clock.instants(of: local),
            let candidate = nextLocal(after: repeated.lowerBound - 1), repeated.contains(candidate)
        {
            repeatedFirst = candidate + (second - local)
        }
        while let candidate = nextLocal(after: local) {
            let found: Int64
            switch clock.instants(of: candidate) {
            case .once(let only): found = only
            case .twice(let first, let second, _): found = first > instant ? first : second
            case .never(_, let gap):
                local = gap.upperBound - 1
                continue
            }
            if found > instant { return min(found, repeatedFirst ?? found) }
            local = candidate
        }
        return repeatedFirst
    }

    /// The next local time that fits.
    func nextLocal(after local: Int64) -> Int64? {
        let (day, second) = Timestamp.floored(local + 1, by: 86_400)
        guard let dueDay = nextDay(from: day) else { return nil }
        if dueDay == day, let time = nextTime(from: Int(second)) { return day * 86_400 + Int64(time) }
        guard let later = dueDay > day ? dueDay : nextDay(from: day + 1), let time = nextTime(from: 0) else {
            return nil
        }
        return later * 86_400 + Int64(time)
    }

    /// The first day that fits, in days since 1970, from `day` on: month by month, 400 years at most.
    func nextDay(from day: Int64) -> Int64? {
        let date = Timestamp.civil(day)
        var (year, month) = (Int(date.year), Int(date.month))
        var from = Int(date.day)
        for _ in 0...4800 {
            if months & (1 << UInt64(month)) != 0, let found = Self.bit(days.due(in: month, of: year), from: from) {
                return Timestamp.daysSince1970(year, month, found)
            }
            from = 1
            month = month == 12 ? 1 : month + 1
            if month == 1 { year += 1 }
        }
        return nil
    }

    /// The first time of day that fits, in seconds, from `second` on.
    private func nextTime(from second: Int) -> Int? {
        let (hour, minute) = (second / 3600, second / 60 % 60)
        if hours & (1 << UInt64(hour)) != 0 {
            if minutes & (1 << UInt64(minute)) != 0, let found = Self.bit(seconds, from: second % 60) {
                return hour * 3600 + minute * 60 + found
            }
            if let found = Self.bit(minutes, from: minute + 1), let first = Self.bit(seconds, from: 0) {
                return hour * 3600 + found * 60 + first
            }
        }
        guard let found = Self.bit(hours, from: hour + 1), let minute = Self.bit(minutes, from: 0),
            let first = Self.bit(seconds, from: 0)
        else { return nil }
        return found * 3600 + minute * 60 + first
    }

    /// The lowest bit that is set, from one on.
    private static func bit(_ set: UInt64, from first: Int) -> Int? {
        guard first < 64 else { return nil }
        let rest = set >> UInt64(first)
        return rest == 0 ? nil : first + rest.trailingZeroBitCount
    }
}
