/// How two values are ordered.
enum Order: Sendable, Hashable {
    case ascending, same, descending
    /// One of them is not a number.
    case none

    static func of<Number: Comparable>(_ left: Number, _ right: Number) -> Order {
        left < right ? .ascending : left == right ? .same : left > right ? .descending : .none
    }

    var reversed: Order {
        switch self {
        case .ascending: .descending
        case .descending: .ascending
        case .same, .none: self
        }
    }
}

extension Value {
    /// Whether two values are equal ("Equality" in the language definition): numbers by their value, whatever their types;
    /// values of other different types are not equal; NaN is equal to nothing.
    static func areEqual(_ left: Value, _ right: Value, _ frame: inout Frame) throws(EvaluationError) -> Bool {
        switch (left, right) {
        case (.string(let left), .string(let right)):
            guard left.utf8.count == right.utf8.count else { return false }
            try frame.spend(text: left)
            return left.hasSameCodePoints(as: right)
        case (.int(let left), .int(let right)): return left == right
        case (.bool(let left), .bool(let right)): return left == right
        case (.null, .null): return true
        case (.bytes(let left), .bytes(let right)):
            try frame.spend(left.count / 64)
            return left == right
        case (.list(let left), .list(let right)):
            guard left.count == right.count else { return false }
            try frame.spend(left.count)
            for (left, right) in zip(left.values, right.values) where !(try areEqual(left, right, &frame)) {
                return false
            }
            return true
        case (.map(let left), .map(let right)):
            guard left.count == right.count else { return false }
            for (key, value) in left.entries {
                try frame.spend(1 + right.lookupCost)
                guard let other = right[key], try areEqual(value, other, &frame) else { return false }
            }
            return true
        case (.timestamp(let left), .timestamp(let right)): return left == right
        case (.duration(let left), .duration(let right)): return left == right
        case (.type(let left), .type(let right)): return left == right
        case (.optional(let left), .optional(let right)):
            guard let left = left.value, let right = right.value else { return left.value == nil && right.value == nil }
            return try areEqual(left, right, &frame)
        case (.object(let left), .object(let right)): return left === right
        default: return left.isNumber && right.isNumber && order(ofNumbers: left, right) == .same
        }
    }

    /// The order of two values that can be ordered; `nil` if they cannot.
    static func order(_ left: Value, _ right: Value, _ frame: inout Frame) throws(EvaluationError) -> Order? {
        switch (left, right) {
        case (.string(let left), .string(let right)):
            try frame.spend(text: left)
            // The order of UTF-8 bytes is that of code points.
            if left.hasSameCodePoints(as: right) { return .same }
            return left.utf8.lexicographicallyPrecedes(right.utf8) ? .ascending : .descending
        case (.bytes(let left), .bytes(let right)):
            try frame.spend(left.count / 64)
            return left == right ? .same : left.lexicographicallyPrecedes(right) ? .ascending : .descending
        case (.bool(let left), .bool(let right)): return .of(left ? 1 : 0, right ? 1 : 0)
        case (.timestamp(let left), .timestamp(let right)): return .of(left, right)
        case (.duration(let left), .duration(let right)): return .of(left, right)
        default: return left.isNumber && right.isNumber ? order(ofNumbers: left, right) : nil
        }
    }

    /// Exact, also between types that cannot hold each other's numbers ("Ordering" in the language definition).
    static func order(ofNumbers left: Value, _ right: Value) -> Order {
        switch (left, right) {
        case (.int(let left), .int(let right)): return .of(left, right)
        case (.uint(let left), .uint(let right)): return .of(left, right)
        case (.double(let left), .double(let right)): return .of(left, right)
        case (.int(let left), .uint(let right)): return left < 0 ? .ascending : .of(UInt64(left), right)
        case (.int(let left), .double(let right)):
            guard !right.isNaN else { return .none }
            if right >= 0x1p63 { return .ascending }
            if right < -0x1p63 { return .descending }
            let whole = right.rounded(.down)
            let order = Order.of(left, Int64(whole))
            return order == .same && right > whole ? .ascending : order
        case (.uint(let left), .double(let right)):
            guard !right.isNaN else { return .none }
            if right >= 0x1p64 { return .ascending }
            if right < 0 { return .descending }
            let whole = right.rounded(.down)
            let order = Order.of(left, UInt64(whole))
            return order == .same && right > whole ? .ascending : order
        case (.uint, .int), (.double, .int), (.double, .uint): return order(ofNumbers: right, left).reversed
        default: return .none
        }
    }

    /// Whether a value is in a list, is a key of a map, or a field of an object.
    static func contains(_ container: Value, _ value: Value, _ frame: inout Frame) throws(EvaluationError) -> Bool? {
        switch container {
        case .list(let list):
            try frame.spend(list.count)
            for element in list.values where try areEqual(element, value, &frame) { return true }
            return false
        case .map(let map):
            try frame.spend(map.lookupCost)
            return map[value] != nil
        case .object(let object):
            guard case .string(let name) = value else { return false }
            return try object.field(name) != nil
        default: return nil
        }
    }
}

extension Value: Equatable {
    /// Equality as `==` has it in the language.
    public static func == (left: Value, right: Value) -> Bool {
        var frame = Frame(variables: [], locals: 0, budget: .max)
        return (try? areEqual(left, right, &frame)) ?? false
    }
}
