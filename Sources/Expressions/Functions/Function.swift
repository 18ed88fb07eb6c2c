/// A function of the language, with all its overloads for one number of arguments.
struct Function: Sendable {
    /// What it does with its arguments; the target of a receiver call is the first of them.
    enum Body: Sendable {
        case none(@Sendable (inout Frame) throws(EvaluationError) -> Value)
        case one(@Sendable (Value, inout Frame) throws(EvaluationError) -> Value)
        case two(@Sendable (Value, Value, inout Frame) throws(EvaluationError) -> Value)
        case three(@Sendable (Value, Value, Value, inout Frame) throws(EvaluationError) -> Value)
        case four(@Sendable (Value, Value, Value, Value, inout Frame) throws(EvaluationError) -> Value)
        case many(@Sendable ([Value], inout Frame) throws(EvaluationError) -> Value)

        /// How many arguments, `nil` for one or more.
        var count: Int? {
            switch self {
            case .none: 0
            case .one: 1
            case .two: 2
            case .three: 3
            case .four: 4
            case .many: nil
            }
        }
    }

    let name: String
    /// `target.name(…)` rather than `name(…)`.
    let isMember: Bool
    let signatures: [Signature]
    let body: Body

    /// A function `name(…)`.
    static func global(_ name: String, _ signatures: String..., body: Body) -> Function {
        Function(name: name, isMember: false, signatures: signatures.compactMap { Signature($0) }, body: body)
    }

    /// A function `target.name(…)`; the target's type stands first in the signatures.
    static func member(_ name: String, _ signatures: String..., body: Body) -> Function {
        Function(name: name, isMember: true, signatures: signatures.compactMap { Signature($0) }, body: body)
    }

    func takes(_ count: Int) -> Bool {
        body.count.map { $0 == count } ?? (count >= 1)
    }
}

/// The types that a function takes and gives, written like `(list(A), int) -> A`.
struct Signature: Sendable {
    let parameters: [ValueType]
    let result: ValueType

    init?(_ text: String) {
        var rest = Substring(text.filter { $0 != " " })
        guard rest.first == "(" else { return nil }
        rest = rest.dropFirst()
        var parameters: [ValueType] = []
        while rest.first != ")" {
            guard let type = Self.type(&rest) else { return nil }
            parameters.append(type)
            if rest.first == "," { rest = rest.dropFirst() }
        }
        rest = rest.dropFirst()
        guard rest.hasPrefix("->") else { return nil }
        rest = rest.dropFirst(2)
        guard let result = Self.type(&rest), rest.isEmpty else { return nil }
        self.parameters = parameters
        self.result = result
    }

    private static func type(_ rest: inout Substring) -> ValueType? {
        let name = rest.prefix { $0.isLetter }
        rest = rest.dropFirst(name.count)
        let simple: [Substring: ValueType] = [
            "dyn": .dyn, "null": .null, "bool": .bool, "int": .int, "uint": .uint, "double": .double,
            "string": .string, "bytes": .bytes, "timestamp": .timestamp, "duration": .duration, "type": .type,
        ]
        if let type = simple[name] { return type }
        if name.count == 1 { return .parameter(String(name)) }
        guard rest.first == "(" else { return nil }
        rest = rest.dropFirst()
        guard let first = type(&rest) else { return nil }
        var second: ValueType?
        if rest.first == "," {
            rest = rest.dropFirst()
            second = type(&rest)
        }
        guard rest.first == ")" else { return nil }
        rest = rest.dropFirst()
        switch (name, second) {
        case ("list", nil): return .list(first)
        case ("optional", nil): return .optional(first)
        case ("map", let value?): return .map(first, value)
        default: return nil
        }
    }

    /// The result for arguments of these types; `nil` if they do not fit.
    func result(for types: [ValueType]) -> ValueType? {
        guard types.count == parameters.count else { return nil }
        var bindings: [String: ValueType] = [:]
        for (type, parameter) in zip(types, parameters) {
            guard type.fits(parameter, &bindings) else { return nil }
        }
        return result.replacing(bindings)
    }
}

/// Every function by its name.
enum FunctionTable {
    static let all: [String: [Function]] = Dictionary(
        grouping: conversions + strings + texts + times + maths + lists + sets + optionals + encoders + patterns,
        by: \.name)
}
