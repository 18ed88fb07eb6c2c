import Testing

@testable import NightjarSchedule

@Suite("Cron expressions: reading")
struct CronExpressionTests {
    private static func bits(_ values: Int...) -> UInt64 { values.reduce(0) { $0 | 1 << UInt64($1) } }

    @Test("values, ranges, steps, lists and words")
    func parts() throws {
        let expression = try CronExpression("5 0,12 1-7/3 JAN,mar-may MON-FRI/2")
        #expect(expression.minutes == Self.bits(5))
        #expect(expression.hours == Self.bits(0, 12))
        #expect(expression.days.ofMonth == Self.bits(1, 4, 7))
        #expect(expression.months == Self.bits(1, 3, 4, 5))
        #expect(expression.days.ofWeek == UInt8(Self.bits(1, 3, 5)))
        #expect(expression.seconds == Self.bits(0))
    }

    @Test("a step after one value goes on to the end of the field")
    func openStep() throws {
        #expect(try CronExpression("50/5 * * * *").minutes == Self.bits(50, 55))
        #expect(try CronExpression("* 20/2 * * *").hours == Self.bits(20, 22))
        #expect(try CronExpression("* * * * 3/2").days.ofWeek == UInt8(Self.bits(3, 5)))
    }

    @Test("six fields begin with the second")
    func seconds() throws {
        let expression = try CronExpression("*/20 30 4 * * *")
        #expect(expression.seconds == Self.bits(0, 20, 40))
        #expect(expression.minutes == Self.bits(30))
        #expect(expression.hours == Self.bits(4))
    }

    @Test(
        "Sunday is 0, 7 and SUN, and weeks go on over their end",
        arguments: [
            ("0", [0]), ("7", [0]), ("SUN", [0]), ("5-7", [5, 6, 0]), ("SAT-SUN", [6, 0]), ("FRI-MON", [5, 6, 0, 1]),
            ("0-7", [0, 1, 2, 3, 4, 5, 6]), ("*", [0, 1, 2, 3, 4, 5, 6]), ("6-2/2", [6, 1]), ("1,7", [0, 1]),
        ])
    func sunday(_ text: String, _ days: [Int]) throws {
        let expected = days.reduce(UInt8(0)) { $0 | 1 << UInt8($1) }
        #expect(try CronExpression("0 0 * * \(text)").days.ofWeek == expected)
    }

    @Test(
        "shorthands stand for their fields",
        arguments: [
            ("@hourly", "0 * * * *"), ("@daily", "0 0 * * *"), ("@midnight", "0 0 * * *"), ("@weekly", "0 0 * * 0"),
            ("@monthly", "0 0 1 * *"), ("@yearly", "0 0 1 1 *"), ("@Annually", "0 0 1 1 *"),
        ])
    func shorthands(_ short: String, _ long: String) throws {
        #expect(try CronExpression(short) == CronExpression(long))
    }

    @Test("spaces and case do not matter")
    func spelling() throws {
        #expect(try CronExpression("  0  3\t* * mon ") == CronExpression("0 3 * * MON"))
        #expect(try CronExpression("  0  3\t* * mon ").description == "0 3 * * MON")
    }

    @Test(
        "a mistake is told with its place, what is wrong and what was expected",
        arguments: [
            (
                "", 0,
                "0 fields; expected 5 (minute, hour, day of the month, month, day of the week), or 6 with the second first"
            ),
            (
                "* * *", 0,
                "3 fields; expected 5 (minute, hour, day of the month, month, day of the week), or 6 with the second first"
            ),
            (
                "0 0 0 1 1 ? 2030", 0,
                "7 fields; expected 5 (minute, hour, day of the month, month, day of the week), or 6 with the second first"
            ),
            ("60 * * * *", 0, "\"60\" is no minute; expected 0 to 59"),
            ("0 24 * * *", 2, "\"24\" is no hour; expected 0 to 23"),
            ("0 0 0 * *", 4, "\"0\" is no day of the month; expected 1 to 31"),
            ("0 0 32 * *", 4, "\"32\" is no day of the month; expected 1 to 31"),
            ("0 0 1 13 *", 6, "\"13\" is no month; expected 1 to 12, or JAN to DEC"),
            ("0 0 1 JANUAR *", 6, "\"JANUAR\" is no month; expected 1 to 12, or JAN to DEC"),
            ("0 0 * * 8", 8, "\"8\" is no day of the week; expected 0 to 7, or SUN to SAT"),
            ("0 0 * * MON,JAN", 12, "\"JAN\" is no day of the week; expected 0 to 7, or SUN to SAT"),
            ("60 0 0 1 1 *", 0, "\"60\" is no second; expected 0 to 59"),
            ("-5 * * * *", 0, "nothing is no minute; expected 0 to 59"),
            ("5- * * * *", 2, "nothing is no minute; expected 0 to 59"),
            ("1,,2 * * * *", 2, "the minute has an empty part; expected a value on each side of ','"),
            ("1-2-3 * * * *", 0, "\"1-2-3\" has more than two ends; expected a range such as 1-5"),
            ("*/0 * * * *", 2, "\"0\" is no step of the minute; expected 1 to 59"),
            ("*/60 * * * *", 2, "\"60\" is no step of the minute; expected 1 to 59"),
            ("*/ * * * *", 2, "\"\" is no step of the minute; expected 1 to 59"),
            ("*/2/3 * * * *", 0, "\"*/2/3\" has two steps; expected one, such as */5"),
            (
                "0 22-6 * * *", 2,
                "\"22-6\" runs backwards; expected the smaller one first, or both ends: 22-23,0-6"
            ),
            ("? * * * *", 0, "'?' stands in the minute; expected it as a day of the month or of the week only"),
            ("0 0 1,? * *", 6, "'?' stands with other parts; expected it alone in its field"),
            ("0 0 * * L", 8, "\"L\" names no day of the week; expected the day before it, such as FRIL"),
            ("0 0 * * FRI#6", 8, "\"FRI#6\" names no week; expected 1 to 5 after '#', such as FRI#2"),
            ("0 0 L-31 * *", 4, "\"L-31\" names no day; expected L-1 to L-30, days before the last one"),
            ("0 0 0W * *", 4, "\"0\" is no day of the month; expected 1 to 31"),
            ("0 0 1 1 x", 8, "\"x\" is no day of the week; expected 0 to 7, or SUN to SAT"),
            ("99999999999999999999 * * * *", 0, "\"99999999999999999999\" is no minute; expected 0 to 59"),
            ("+5 * * * *", 0, "\"+5\" is no minute; expected 0 to 59"),
            ("٣ * * * *", 0, "\"٣\" is no minute; expected 0 to 59"),
            ("@every 5m", 0, "\"@every\" is no time; expected a trigger of the kind every, such as every: 5m"),
            ("@reboot", 0, "\"@reboot\" is no time; a start of the node is no time; expected a time"),
            ("@dayly", 0, "\"@dayly\" is no time; expected one of: @yearly, @monthly, @weekly, @daily, @hourly"),
            (
                "CRON_TZ=Europe/Berlin 0 3 * * *", 0,
                "\"CRON_TZ=Europe/Berlin\" is no field; expected the time zone as a setting of its own"
            ),
            ("0 0 31 2 *", 4, "\"0 0 31 2 *\" never comes; expected a day that some month has"),
            ("0 0 30,31 FEB ?", 4, "\"0 0 30,31 FEB ?\" never comes; expected a day that some month has"),
            ("0 0 31 4,6,9,11 *", 4, "\"0 0 31 4,6,9,11 *\" never comes; expected a day that some month has"),
            ("0 0 L-30 2 *", 4, "\"0 0 L-30 2 *\" never comes; expected a day that some month has"),
        ])
    func mistakes(_ text: String, _ offset: Int, _ message: String) {
        let error = #expect(throws: ScheduleError.self) { try CronExpression(text) }
        #expect(error?.message == message)
        #expect(error?.offset == offset)
    }

    @Test("the error names the field")
    func field() {
        let hour = #expect(throws: ScheduleError.self) { try CronExpression("0 25 * * *") }
        #expect(hour?.code == .field(.hour))
        let never = #expect(throws: ScheduleError.self) { try CronExpression("0 0 31 2 *") }
        #expect(never?.code == .never)
    }

    @Test("an unknown time zone is told with the nearest name")
    func zones() {
        func message(_ name: String) -> String? {
            let error = #expect(throws: ScheduleError.self) { try Schedule.zone(named: name) }
            return error?.message
        }
        #expect(message("europe/berlin") == "there is no time zone \"europe/berlin\"; did you mean \"Europe/Berlin\"?")
        #expect(message("Berlin") == "there is no time zone \"Berlin\"; did you mean \"Europe/Berlin\"?")
        #expect(message("New York") == "there is no time zone \"New York\"; did you mean \"America/New_York\"?")
        #expect(
            message("Mars/Olympus_Mons")
                == "there is no time zone \"Mars/Olympus_Mons\"; expected a name such as Europe/Berlin or UTC")
        #expect(
            message("") == "there is no time zone \"\"; expected a name such as Europe/Berlin or UTC")
    }
}
