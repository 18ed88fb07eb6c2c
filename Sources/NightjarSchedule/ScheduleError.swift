/// Why a text is no cron expression, or no schedule.
public struct ScheduleError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of mistake it is.
    public enum Code: Sendable, Hashable {
        /// There are too few fields, or too many.
        case fieldCount
        /// A field says something that it may not.
        case field(CronField)
        /// What stands before an `@` is no shorthand.
        case shorthand
        /// Every field is right, but no day fits: 31 February.
        case never
        /// There is no time zone of that name.
        case timeZone
    }

    /// What kind of mistake it is.
    public var code: Code
    /// What is wrong and what was expected, for people.
    public var message: String
    /// How many characters stand before the part that is wrong.
    public var offset: Int

    init(_ code: Code, _ message: String, at offset: Int = 0) {
        self.code = code
        self.message = message
        self.offset = offset
    }

    /// The message.
    public var description: String { message }
}
