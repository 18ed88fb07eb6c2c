extension FunctionTable {
    /// Optional values; `optMap` and `optFlatMap` are macros.
    static let optionals: [Function] = [
        .global("optional.of", "(A) -> optional(A)", body: .one { value, _ in .some(value) }),
        .global("optional.none", "() -> optional(A)", body: .none { _ in .none }),
        .global(
            "optional.ofNonZeroValue", "(A) -> optional(A)",
            body: .one { (value, frame) throws(EvaluationError) in
                value.isZero ? .none : .some(value)
            }),
        .global("optional.unwrap", "(list(optional(A))) -> list(A)", body: .one(unwrap)),
        .member("unwrapOpt", "(list(optional(A))) -> list(A)", body: .one(unwrap)),
        .member(
            "hasValue", "(optional(A)) -> bool",
            body: .one { (value, _) throws(EvaluationError) in
                guard case .optional(let optional) = value else { throw .overload("hasValue", value) }
                return .bool(optional.value != nil)
            }),
        .member(
            "value", "(optional(A)) -> A",
            body: .one { (value, _) throws(EvaluationError) in
                guard case .optional(let optional) = value else { throw .overload("value", value) }
                guard let inner = optional.value else { throw EvaluationError(.noValue, "the optional has no value") }
                return inner
            }),
        .member(
            "or", "(optional(A), optional(A)) -> optional(A)",
            body: .two { (value, other, _) throws(EvaluationError) in
                guard case .optional(let optional) = value, case .optional = other else {
                    throw .overload("or", value, other)
                }
                return optional.value == nil ? other : value
            }),
        .member(
            "orValue", "(optional(A), A) -> A",
            body: .two { (value, other, _) throws(EvaluationError) in
                guard case .optional(let optional) = value else { throw .overload("orValue", value, other) }
                return optional.value ?? other
            }),
    ]

    private static let unwrap: @Sendable (Value, inout Frame) throws(EvaluationError) -> Value = {
        (value, frame) throws(EvaluationError) in
        guard case .list(let list) = value else { throw .overload("optional.unwrap", value) }
        try frame.spend(list.count)
        var values: [Value] = []
        for element in list.values {
            guard case .optional(let optional) = element else { throw .overload("optional.unwrap", element) }
            if let inner = optional.value { values.append(inner) }
        }
        return .list(values)
    }
}

extension Value {
    /// Whether it is what its type is without further ado: zero, empty, `false` or `null`.
    fileprivate var isZero: Bool {
        switch self {
        case .null: true
        case .bool(let value): !value
        case .int(let value): value == 0
        case .uint(let value): value == 0
        case .double(let value): value == 0
        case .string(let value): value.isEmpty
        case .bytes(let value): value.isEmpty
        case .list(let value): value.count == 0
        case .map(let value): value.count == 0
        case .timestamp(let value): value.total == 0
        case .duration(let value): value.total == 0
        case .optional(let value): value.value == nil
        case .type, .object: false
        }
    }
}
