import CloudEvents
import Testing

@Suite("Timestamp")
struct TimestampTests {
    @Test(
        "a date-time of RFC 3339 is read and written in UTC",
        arguments: [
            ("1970-01-01T00:00:00Z", 0, "1970-01-01T00:00:00Z"),
            ("1970-01-01T00:00:00.000001Z", 1, "1970-01-01T00:00:00.000001Z"),
            ("1969-12-31T23:59:59.999999Z", -1, "1969-12-31T23:59:59.999999Z"),
            ("1969-12-31T23:59:59Z", -1_000_000, "1969-12-31T23:59:59Z"),
            ("1985-04-12T23:20:50.52Z", 482_196_050_520_000, "1985-04-12T23:20:50.520Z"),
            ("1996-12-19T16:39:57-08:00", 851_042_397_000_000, "1996-12-20T00:39:57Z"),
            ("1937-01-01T12:00:27.87+00:20", -1_041_337_172_130_000, "1937-01-01T11:40:27.870Z"),
            ("2024-02-29T12:00:00Z", 1_709_208_000_000_000, "2024-02-29T12:00:00Z"),
            ("2000-02-29T00:00:00Z", 951_782_400_000_000, "2000-02-29T00:00:00Z"),
            ("2026-01-31t08:00:00z", 1_769_846_400_000_000, "2026-01-31T08:00:00Z"),
            ("2026-01-31T08:00:00.1Z", 1_769_846_400_100_000, "2026-01-31T08:00:00.100Z"),
            ("2026-01-31T08:00:00.120000Z", 1_769_846_400_120_000, "2026-01-31T08:00:00.120Z"),
            ("2026-01-31T08:00:00.1234Z", 1_769_846_400_123_400, "2026-01-31T08:00:00.123400Z"),
            ("2026-01-31T08:00:00.1234569Z", 1_769_846_400_123_456, "2026-01-31T08:00:00.123456Z"),
            ("2026-01-31T08:00:00.000000000000000000000000009Z", 1_769_846_400_000_000, "2026-01-31T08:00:00Z"),
            ("2026-01-31T08:00:00-00:00", 1_769_846_400_000_000, "2026-01-31T08:00:00Z"),
            ("2026-01-31T08:00:00+23:59", 1_769_760_060_000_000, "2026-01-30T08:01:00Z"),
            ("2026-12-31T23:30:00-01:00", 1_798_763_400_000_000, "2027-01-01T00:30:00Z"),
            ("1990-12-31T23:59:60Z", 662_687_999_999_999, "1990-12-31T23:59:59.999999Z"),
            ("1990-12-31T15:59:60.5-08:00", 662_687_999_999_999, "1990-12-31T23:59:59.999999Z"),
            ("0001-01-01T00:00:00Z", -62_135_596_800_000_000, "0001-01-01T00:00:00Z"),
            ("9999-12-31T23:59:59.9999999Z", 253_402_300_799_999_999, "9999-12-31T23:59:59.999999Z"),
        ] as [(String, Int64, String)])
    func reads(text: String, microseconds: Int64, written: String) throws {
        let instant = try #require(Timestamp(rfc3339: text))
        #expect(instant.microsecondsSince1970 == microseconds)
        #expect(instant.rfc3339 == written)
        #expect(instant.description == written)
        #expect(Timestamp(rfc3339: text.dropFirst(0)) == instant)
    }

    @Test(
        "anything else is no timestamp",
        arguments: [
            "", "2026", "2026-01-31", "2026-01-31T08:00Z", "2026-01-31T08:00:00", "2026-01-31 08:00:00Z",
            "2026-1-31T08:00:00Z", "26-01-31T08:00:00Z", "02026-01-31T08:00:00Z", "+2026-01-31T08:00:00Z",
            "2026-00-31T08:00:00Z", "2026-13-31T08:00:00Z", "2026-01-00T08:00:00Z", "2026-01-32T08:00:00Z",
            "2026-04-31T08:00:00Z", "2026-02-29T08:00:00Z", "1900-02-29T08:00:00Z", "2100-02-29T08:00:00Z",
            "2024-02-30T08:00:00Z", "2026-01-31T24:00:00Z", "2026-01-31T08:60:00Z", "2026-01-31T08:00:61Z",
            "2026-01-31T08:00:00.Z", "2026-01-31T08:00:00,5Z", "2026-01-31T08:00:00.5", "2026-01-31T08:00:00+0100",
            "2026-01-31T08:00:00+01", "2026-01-31T08:00:00+24:00", "2026-01-31T08:00:00+01:60", "2026-01-31T08:00:00ZZ",
            " 2026-01-31T08:00:00Z", "2026-01-31T08:00:00Z ", "２026-01-31T08:00:00Z", "2026-01-31T08:00:00−01:00",
            "0000-12-31T23:59:59Z", "0001-01-01T00:00:00+00:01", "9999-12-31T23:59:59-00:01",
        ])
    func refuses(text: String) {
        #expect(Timestamp(rfc3339: text) == nil)
    }

    @Test("what is written is read back", arguments: 0..<4)
    func roundTrip(seed: UInt64) {
        var generator = SeededGenerator(seed: seed)
        let range = Timestamp.distantPast.microsecondsSince1970...Timestamp.distantFuture.microsecondsSince1970
        for _ in 0..<2_000 {
            var microseconds = Int64.random(in: range, using: &generator)
            // Whole seconds and milliseconds are written shorter.
            switch Int.random(in: 0..<3, using: &generator) {
            case 0: microseconds -= microseconds % 1_000_000
            case 1: microseconds -= microseconds % 1_000
            default: break
            }
            let instant = Timestamp(microsecondsSince1970: microseconds)
            #expect(Timestamp(rfc3339: instant.rfc3339) == instant, "\(microseconds)")
        }
    }

    @Test("every day of four centuries follows the one before")
    func days() {
        var lastText = ""
        for day in 0..<146_097 {
            let text = Timestamp(microsecondsSince1970: Int64(day - 73_000) * 86_400_000_000).rfc3339
            guard text > lastText else {
                Issue.record("\(text) is written after \(lastText)")
                return
            }
            lastText = text
        }
    }

    @Test("instants that RFC 3339 cannot write are written as the nearest that it can")
    func outOfRange() {
        #expect(Timestamp(microsecondsSince1970: .max).rfc3339 == "9999-12-31T23:59:59.999999Z")
        #expect(Timestamp(microsecondsSince1970: .min).rfc3339 == "0001-01-01T00:00:00Z")
    }

    @Test("moving by a duration counts whole microseconds and stops at the ends")
    func arithmetic() {
        let instant = Timestamp(microsecondsSince1970: 1_000)
        #expect((instant + .microseconds(5)).microsecondsSince1970 == 1_005)
        #expect((instant - .milliseconds(2)).microsecondsSince1970 == -1_000)
        #expect((instant + .nanoseconds(1_999)).microsecondsSince1970 == 1_001)
        #expect(instant + .zero == instant)
        #expect(instant + .seconds(Int64.max) == .distantFuture)
        #expect(instant - .seconds(Int64.max) == .distantPast)
        #expect(instant + .seconds(Int64.min) == .distantPast)
        #expect(instant + Duration(attoseconds: .max) == .distantFuture)
        #expect(instant + Duration(attoseconds: .min) == .distantPast)
        #expect(instant - Duration(attoseconds: .min) == .distantFuture)
        #expect(Timestamp.distantFuture + .microseconds(1) == .distantFuture)
        #expect(Timestamp.distantPast - .microseconds(1) == .distantPast)
        // A product of seconds that only just fits 64 bits must not wrap when the fraction is added.
        #expect(
            instant + Duration(secondsComponent: 9_223_372_036_854, attosecondsComponent: 999_999_000_000_000_000)
                == .distantFuture)
    }

    @Test("the difference of two instants is a duration, which stops at what 64 bits hold")
    func difference() {
        let instant = Timestamp(microsecondsSince1970: 5)
        #expect(Timestamp(microsecondsSince1970: 12) - instant == .microseconds(7))
        #expect(instant - Timestamp(microsecondsSince1970: 12) == .microseconds(-7))
        let least = Timestamp(microsecondsSince1970: .min)
        let greatest = Timestamp(microsecondsSince1970: .max)
        #expect(greatest - least == .microseconds(Int64.max))
        #expect(least - greatest == .microseconds(Int64.min))
        #expect(least < greatest)
    }
}
