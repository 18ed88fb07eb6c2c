/// Finds fields and elements of values ("Field Selection" in the language definition).
enum Selection {
    /// The value of a field; `nil` if there is none. A field of an optional is an optional.
    static func field(_ value: Value, _ name: String, _ frame: inout Frame) throws(EvaluationError) -> Value? {
        switch value {
        case .map(let map):
            try frame.spend(map.lookupCost)
            return map[name]
        case .object(let object): return try object.field(name)
        case .optional: return try optional(value, name, &frame)
        default: throw EvaluationError(.noMatchingOverload, "a \(value.typeName) has no field \"\(name)\"")
        }
    }

    /// The value of a field as an optional.
    static func optional(_ value: Value, _ name: String, _ frame: inout Frame) throws(EvaluationError) -> Value {
        guard case .optional(let optional) = value else {
            return .optional(OptionalValue(try field(value, name, &frame)))
        }
        guard let inner = optional.value else { return .none }
        let selected = try field(inner, name, &frame)
        if case .optional? = selected { return selected ?? .none }
        return .optional(OptionalValue(selected))
    }

    /// The element at an index or key; `nil` if there is none.
    static func element(_ value: Value, at place: Value, _ frame: inout Frame) throws(EvaluationError) -> Value? {
        switch value {
        case .list(let list):
            guard let index = index(place) else { throw .overload("[]", value, place) }
            try frame.spend(list.lookupCost(index))
            return list[index]
        case .map(let map):
            guard MapValue.isKey(place) || place.isNumber else { throw .overload("[]", value, place) }
            try frame.spend(map.lookupCost)
            return map[place]
        case .object(let object):
            guard case .string(let name) = place else { throw .overload("[]", value, place) }
            return try object.field(name)
        case .optional: return try optional(value, at: place, &frame)
        default: throw .overload("[]", value, place)
        }
    }

    /// The element as an optional.
    static func optional(_ value: Value, at place: Value, _ frame: inout Frame) throws(EvaluationError) -> Value {
        guard case .optional(let optional) = value else {
            return .optional(OptionalValue(try element(value, at: place, &frame)))
        }
        guard let inner = optional.value else { return .none }
        let selected = try element(inner, at: place, &frame)
        if case .optional? = selected { return selected ?? .none }
        return .optional(OptionalValue(selected))
    }

    /// A whole number as an index, whatever its type; `nil` for anything else.
    static func index(_ value: Value) -> Int? {
        switch value {
        case .int(let value): Int(exactly: value)
        case .uint(let value): Int(exactly: value) ?? .max
        case .double(let value): Int(exactly: value)
        default: nil
        }
    }

    static func missing(_ value: Value, _ place: Value) -> EvaluationError {
        if case .list(let list) = value {
            return EvaluationError(
                .indexOutOfBounds, "the list has no element \(place); it has \(list.count)")
        }
        return EvaluationError(.noSuchKey, "the map has no key \(place)")
    }
}
