/// What one evaluation works with.
struct Frame {
    let variables: [Value]
    /// The variables of macros, each in a place of its own.
    var locals: [Value]
    private var budget: Int

    init(variables: [Value], locals: Int, budget: Int) {
        self.variables = variables
        self.locals = locals == 0 ? [] : Array(repeating: .null, count: locals)
        self.budget = budget
    }

    /// Pays for work: about one unit for each step of a loop, each part of an expression in it, each 64 bytes of text that
    /// are compared or copied, and each 4 that are searched or changed.
    @inline(__always)
    mutating func spend(_ cost: Int) throws(EvaluationError) {
        let (rest, overflow) = budget.subtractingReportingOverflow(cost)
        guard rest >= 0, !overflow else {
            throw EvaluationError(.costLimit, "the expression costs more than it may: it looks at too much")
        }
        budget = rest
    }

    @inline(__always)
    mutating func spend(text: String) throws(EvaluationError) {
        try spend(text.utf8.count / 64)
    }
}

extension MapValue {
    /// What finding a key costs: an object of a JSON text is looked through from its beginning.
    var lookupCost: Int { isIndexed ? 0 : count / 8 }
}

/// A part of an expression, ready to be evaluated.
typealias Code = @Sendable (inout Frame) throws(EvaluationError) -> Value
/// A part of an expression that is a condition.
typealias Test = @Sendable (inout Frame) throws(EvaluationError) -> Bool

/// A part of an expression, with what is known about it.
///
/// Its closures stand in no array, tuple or optional by themselves: those would wrap them in others that convert their
/// arguments.
struct Compiled: Sendable {
    let code: Code
    /// The same as ``code`` for a condition, without a value around its answer; anything but a bool is an error.
    let test: Test
    let type: ValueType
    /// Its value, if that is always the same.
    let constant: Value?
    /// What evaluating it once costs at least: how many parts it has.
    let cost: Int

    init(_ type: ValueType, cost: Int = 1, constant: Value? = nil, code: @escaping Code) {
        self.type = type
        self.cost = cost
        self.constant = constant
        self.code = code
        test = { (frame) throws(EvaluationError) in
            let value = try code(&frame)
            guard case .bool(let answer) = value else {
                throw EvaluationError(.noMatchingOverload, "a condition is a \(value.typeName); expected a bool")
            }
            return answer
        }
    }

    /// A condition.
    init(cost: Int = 1, test: @escaping Test) {
        self.cost = cost
        type = .bool
        constant = nil
        self.test = test
        code = { (frame) throws(EvaluationError) in .bool(try test(&frame)) }
    }

    init(constant value: Value, _ type: ValueType) {
        self.init(type, constant: value) { _ in value }
    }
}
