extension Timestamp {
    /// Reads the date-time of RFC 3339, section 5.6. Digits after the sixth of a fraction are cut off; a leap second is
    /// taken as the last microsecond before it. Answers `nil` for anything else, and for instants before
    /// ``distantPast`` or after ``distantFuture``.
    public init?(rfc3339 text: some StringProtocol) {
        let fast = text.utf8.withContiguousStorageIfAvailable { bytes in Timestamp(rfc3339: bytes) }
        guard let instant = fast ?? Array(text.utf8).withUnsafeBufferPointer({ bytes in Timestamp(rfc3339: bytes) })
        else { return nil }
        self = instant
    }

    init?(rfc3339 bytes: UnsafeBufferPointer<UInt8>) {
        var reader = DateTimeReader(bytes: bytes)
        guard let year = reader.digits(4), reader.skip("-"), let month = reader.digits(2), reader.skip("-"),
            let day = reader.digits(2), reader.skip("T") || reader.skip("t"), let hour = reader.digits(2),
            reader.skip(":"), let minute = reader.digits(2), reader.skip(":"), var second = reader.digits(2),
            year >= 1, (1...12).contains(month), (1...Self.days(in: month, of: year)).contains(day), hour <= 23,
            minute <= 59, second <= 60
        else { return nil }
        var fraction: Int64 = 0
        if reader.skip(".") {
            guard let value = reader.fraction() else { return nil }
            fraction = value
        }
        if second == 60 {
            second = 59
            fraction = 999_999
        }
        guard let offsetMinutes = reader.offset(), reader.isAtEnd else { return nil }
        let days = Self.daysSince1970(year, month, day)
        let seconds = days * 86_400 + Int64(hour * 3600 + minute * 60 + second - offsetMinutes * 60)
        self.init(microsecondsSince1970: seconds * 1_000_000 + fraction)
        guard self >= .distantPast, self <= .distantFuture else { return nil }
    }

    /// The instant in UTC as RFC 3339 writes it, with three or six digits of a fraction where there is one. Instants
    /// outside of ``distantPast`` to ``distantFuture``, which it cannot write, are written as the nearer of the two.
    public var rfc3339: String {
        let microseconds = min(max(self, .distantPast), .distantFuture).microsecondsSince1970
        let (seconds, fraction) = Self.floored(microseconds, by: 1_000_000)
        let (days, secondOfDay) = Self.floored(seconds, by: 86_400)
        let (year, month, day) = Self.civil(days)
        return String(unsafeUninitializedCapacity: 27) { buffer in
            var at = 0
            func put(_ value: Int64, width: Int, end: Unicode.Scalar) {
                var rest = value
                for place in stride(from: at &+ width &- 1, through: at, by: -1) {
                    buffer[place] = UInt8(ascii: "0") &+ UInt8(truncatingIfNeeded: rest % 10)
                    rest /= 10
                }
                at &+= width
                buffer[at] = UInt8(ascii: end)
                at &+= 1
            }
            put(year, width: 4, end: "-")
            put(month, width: 2, end: "-")
            put(day, width: 2, end: "T")
            put(secondOfDay / 3600, width: 2, end: ":")
            put(secondOfDay / 60 % 60, width: 2, end: ":")
            put(secondOfDay % 60, width: 2, end: fraction == 0 ? "Z" : ".")
            if fraction != 0 {
                let hasMicroseconds = fraction % 1000 != 0
                put(hasMicroseconds ? fraction : fraction / 1000, width: hasMicroseconds ? 6 : 3, end: "Z")
            }
            return at
        }
    }

    /// The quotient rounded down, and a remainder that is not negative.
    package static func floored(_ value: Int64, by divisor: Int64) -> (quotient: Int64, remainder: Int64) {
        let (quotient, remainder) = value.quotientAndRemainder(dividingBy: divisor)
        return remainder < 0 ? (quotient - 1, remainder + divisor) : (quotient, remainder)
    }

    /// How many days a month has.
    package static func days(in month: Int, of year: Int) -> Int {
        switch month {
        case 2: year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) ? 29 : 28
        case 4, 6, 9, 11: 30
        default: 31
        }
    }

    /// The days from 1970-01-01 to a date of the proleptic Gregorian calendar.
    ///
    /// Counts in years that begin on the first of March, so that the leap day comes last, and in eras of 400 years,
    /// after which the calendar repeats.
    package static func daysSince1970(_ year: Int, _ month: Int, _ day: Int) -> Int64 {
        let (era, yearOfEra) = floored(Int64(month <= 2 ? year - 1 : year), by: 400)
        let dayOfYear = Int64((153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1)
        let dayOfEra = yearOfEra * 365 + yearOfEra / 4 - yearOfEra / 100 + dayOfYear
        return era * 146_097 + dayOfEra - 719_468
    }

    /// The way back of ``daysSince1970(_:_:_:)``.
    package static func civil(_ days: Int64) -> (year: Int64, month: Int64, day: Int64) {
        let (era, dayOfEra) = floored(days + 719_468, by: 146_097)
        let yearOfEra = (dayOfEra - dayOfEra / 1460 + dayOfEra / 36_524 - dayOfEra / 146_096) / 365
        let dayOfYear = dayOfEra - (365 * yearOfEra + yearOfEra / 4 - yearOfEra / 100)
        let shiftedMonth = (5 * dayOfYear + 2) / 153
        let month = shiftedMonth < 10 ? shiftedMonth + 3 : shiftedMonth - 9
        let year = yearOfEra + era * 400 + (month <= 2 ? 1 : 0)
        return (year, month, dayOfYear - (153 * shiftedMonth + 2) / 5 + 1)
    }
}

/// Reads the parts of a date-time one after the other.
private struct DateTimeReader {
    let bytes: UnsafeBufferPointer<UInt8>
    var at = 0

    init(bytes: UnsafeBufferPointer<UInt8>) { self.bytes = bytes }

    var isAtEnd: Bool { at == bytes.count }

    mutating func skip(_ character: Unicode.Scalar) -> Bool {
        guard at < bytes.count, bytes[at] == UInt8(ascii: character) else { return false }
        at += 1
        return true
    }

    mutating func digit() -> Int? {
        guard at < bytes.count, bytes[at] &- UInt8(ascii: "0") < 10 else { return nil }
        defer { at += 1 }
        return Int(bytes[at] &- UInt8(ascii: "0"))
    }

    mutating func digits(_ count: Int) -> Int? {
        var value = 0
        for _ in 0..<count {
            guard let next = digit() else { return nil }
            value = value * 10 + next
        }
        return value
    }

    mutating func fraction() -> Int64? {
        guard let first = digit() else { return nil }
        var value = Int64(first) * 100_000
        var weight: Int64 = 10_000
        while let next = digit() {
            value += Int64(next) * weight
            weight /= 10
        }
        return value
    }

    /// Minutes to the east of UTC.
    mutating func offset() -> Int? {
        if skip("Z") || skip("z") { return 0 }
        let sign = skip("+") ? 1 : skip("-") ? -1 : 0
        guard sign != 0, let hours = digits(2), skip(":"), let minutes = digits(2), hours <= 23, minutes <= 59 else {
            return nil
        }
        return sign * (hours * 60 + minutes)
    }
}
