/// `+`, `-`, `*`, `/` and `%` ("Arithmetic" in the language definition): what does not fit is an error, never wrapped.
enum Arithmetic {
    /// The types that an operator is there for, with the type of its result.
    static func signatures(_ name: String) -> [(ValueType, ValueType, ValueType)] {
        var signatures: [(ValueType, ValueType, ValueType)] = [(.int, .int, .int), (.uint, .uint, .uint)]
        if name != "%" { signatures.append((.double, .double, .double)) }
        switch name {
        case "+":
            signatures += [
                (.string, .string, .string), (.bytes, .bytes, .bytes), (.list(.dyn), .list(.dyn), .list(.dyn)),
                (.timestamp, .duration, .timestamp), (.duration, .timestamp, .timestamp),
                (.duration, .duration, .duration),
            ]
        case "-":
            signatures += [
                (.timestamp, .timestamp, .duration), (.timestamp, .duration, .timestamp),
                (.duration, .duration, .duration),
            ]
        default: break
        }
        return signatures
    }

    /// What could stand after a value of that type.
    static func expected(_ name: String, _ left: ValueType) -> String {
        let fitting = signatures(name).filter { left.mayBe($0.0) }
        guard !fitting.isEmpty else {
            var types: [String] = []
            for (left, _, _) in signatures(name) where !types.contains(kind(left)) { types.append(kind(left)) }
            return "one of \(types.joined(separator: ", ")) before '\(name)'"
        }
        return fitting.map { "\(kind($0.0)) \(name) \(kind($0.1))" }.joined(separator: " or ")
    }

    private static func kind(_ type: ValueType) -> String {
        if case .list = type { "list" } else { "\(type)" }
    }

    static func apply(
        _ name: String, _ left: Value, _ right: Value, _ frame: inout Frame
    ) throws(EvaluationError) -> Value {
        switch (left, right) {
        case (.int(let left), .int(let right)): return .int(try whole(name, left, right))
        case (.uint(let left), .uint(let right)): return .uint(try whole(name, left, right))
        case (.double(let left), .double(let right)):
            switch name {
            case "+": return .double(left + right)
            case "-": return .double(left - right)
            case "*": return .double(left * right)
            case "/": return .double(left / right)
            default: break
            }
        case (.string(let left), .string(let right)) where name == "+":
            try frame.spend((left.utf8.count + right.utf8.count) / 64)
            return .string(left + right)
        case (.bytes(let left), .bytes(let right)) where name == "+":
            try frame.spend((left.count + right.count) / 64)
            return .bytes(left + right)
        case (.list(let left), .list(let right)) where name == "+":
            try frame.spend(left.count + right.count)
            return .list(ListValue(left.values + right.values))
        case (.timestamp(let left), .timestamp(let right)) where name == "-":
            guard let difference = DurationValue(left.total - right.total) else { throw .overflow("the difference") }
            return .duration(difference)
        case (.timestamp(let time), .duration(let duration)) where name == "+" || name == "-":
            let total = name == "+" ? time.total + duration.total : time.total - duration.total
            guard let moved = TimestampValue(total) else { throw .overflow("the timestamp") }
            return .timestamp(moved)
        case (.duration(let duration), .timestamp(let time)) where name == "+":
            guard let moved = time.adding(duration) else { throw .overflow("the timestamp") }
            return .timestamp(moved)
        case (.duration(let left), .duration(let right)) where name == "+" || name == "-":
            let total = name == "+" ? left.total + right.total : left.total - right.total
            guard let result = DurationValue(total) else { throw .overflow("the duration") }
            return .duration(result)
        default: break
        }
        throw .overload(name, left, right)
    }

    private static func whole<Number: FixedWidthInteger>(
        _ name: String, _ left: Number, _ right: Number
    ) throws(EvaluationError) -> Number {
        let (result, overflow): (Number, Bool)
        switch name {
        case "+": (result, overflow) = left.addingReportingOverflow(right)
        case "-": (result, overflow) = left.subtractingReportingOverflow(right)
        case "*": (result, overflow) = left.multipliedReportingOverflow(by: right)
        default:
            guard right != 0 else { throw EvaluationError(.divisionByZero, "\(left) \(name) 0 has no value") }
            (result, overflow) =
                name == "/"
                ? left.dividedReportingOverflow(by: right) : left.remainderReportingOverflow(dividingBy: right)
        }
        guard !overflow else { throw .overflow("\(left) \(name) \(right)") }
        return result
    }
}
