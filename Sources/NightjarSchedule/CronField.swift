/// A field of a cron expression.
public enum CronField: Sendable, Hashable, CaseIterable {
    /// 0 to 59; only where there are six fields.
    case second
    /// 0 to 59.
    case minute
    /// 0 to 23.
    case hour
    /// 1 to 31.
    case dayOfMonth
    /// 1 to 12, or `JAN` to `DEC`.
    case month
    /// 0 to 7, or `SUN` to `SAT`; 0 and 7 are Sunday.
    case dayOfWeek

    /// What it is called, for messages.
    var name: String {
        switch self {
        case .second: "second"
        case .minute: "minute"
        case .hour: "hour"
        case .dayOfMonth: "day of the month"
        case .month: "month"
        case .dayOfWeek: "day of the week"
        }
    }

    /// The values that may stand in it.
    var range: ClosedRange<Int> {
        switch self {
        case .second, .minute: 0...59
        case .hour: 0...23
        case .dayOfMonth: 1...31
        case .month: 1...12
        case .dayOfWeek: 0...7
        }
    }

    /// The values that `*` stands for.
    var all: ClosedRange<Int> { self == .dayOfWeek ? 0...6 : range }

    /// Words that may stand for values, in the order of the values from the first one on.
    var words: [String] {
        switch self {
        case .month: ["JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC"]
        case .dayOfWeek: ["SUN", "MON", "TUE", "WED", "THU", "FRI", "SAT"]
        default: []
        }
    }

    /// What is expected as a value, for messages.
    var expected: String {
        let numbers = "\(range.lowerBound) to \(range.upperBound)"
        guard let first = words.first, let last = words.last else { return numbers }
        return "\(numbers), or \(first) to \(last)"
    }

    /// The value that a text stands for, in or out of range; `nil` if it is neither a number nor a word of this field.
    func value(_ text: Substring) -> Int? {
        if let index = words.firstIndex(of: text.uppercased()) { return range.lowerBound + index }
        guard !text.isEmpty, text.utf8.count <= 9, text.utf8.allSatisfy({ (48...57).contains($0) }) else { return nil }
        return Int(text)
    }
}
