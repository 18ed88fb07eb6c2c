import CloudEvents

/// On which days of a month a cron expression is due.
struct CronDays: Sendable, Hashable {
    /// Days of the month: bits 1 to 31.
    var ofMonth: UInt64 = 0
    /// So many days before the last one: bits 0 to 30. `L` is bit 0.
    var beforeLast: UInt64 = 0
    /// The workday (Monday to Friday) nearest to a day of the month, in the same month: bits 1 to 31.
    var workdays: UInt64 = 0
    /// The last workday of the month.
    var isLastWorkday = false
    /// Days of the week: bits 0 (Sunday) to 6.
    var ofWeek: UInt8 = 0
    /// For each day of the week, the first to fifth of a month: bits 1 to 5.
    var nth: [UInt8] = Array(repeating: 0, count: 7)
    /// Days of the week, the last one of a month each: bits 0 to 6.
    var lastOfWeek: UInt8 = 0
    /// The field of the day of the month begins with `*`, or is `?`.
    var isMonthOpen = false
    /// The field of the day of the week begins with `*`, or is `?`.
    var isWeekOpen = false

    /// The days of a month that are due: bits 1 to 31.
    ///
    /// Where both fields name days, either is enough, as in every cron since Vixie's; otherwise both must fit.
    func due(in month: Int, of year: Int) -> UInt64 {
        let length = Timestamp.days(in: month, of: year)
        // 1970-01-01 was a Thursday.
        let first = Int(Timestamp.floored(Timestamp.daysSince1970(year, month, 1) + 4, by: 7).remainder)
        let byMonth = byMonth(length: length, first: first)
        let byWeek = byWeek(length: length, first: first)
        return isMonthOpen || isWeekOpen ? byMonth & byWeek : byMonth | byWeek
    }

    private func byMonth(length: Int, first: Int) -> UInt64 {
        var days = ofMonth & ((1 << UInt64(length + 1)) - 1)
        func isWorkday(_ day: Int) -> Bool { (1...5).contains((first + day - 1) % 7) }
        func nearestWorkday(_ day: Int) -> Int {
            if isWorkday(day) { return day }
            let isSaturday = (first + day - 1) % 7 == 6
            if isSaturday { return day > 1 ? day - 1 : day + 2 }
            return day < length ? day + 1 : day - 2
        }
        if beforeLast != 0 {
            for count in 0..<length where beforeLast & (1 << UInt64(count)) != 0 { days |= 1 << UInt64(length - count) }
        }
        if workdays != 0 {
            for day in 1...length where workdays & (1 << UInt64(day)) != 0 { days |= 1 << UInt64(nearestWorkday(day)) }
        }
        if isLastWorkday, let day = (length - 2...length).last(where: isWorkday) { days |= 1 << UInt64(day) }
        return days
    }

    private func byWeek(length: Int, first: Int) -> UInt64 {
        var days: UInt64 = 0
        for day in 1...length {
            let weekday = (first + day - 1) % 7
            let bit = UInt8(1) << UInt8(weekday)
            if ofWeek & bit != 0 || nth[weekday] & (1 << UInt8((day - 1) / 7 + 1)) != 0
                || lastOfWeek & bit != 0 && day + 7 > length
            {
                days |= 1 << UInt64(day)
            }
        }
        return days
    }
}
