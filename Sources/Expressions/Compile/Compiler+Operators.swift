extension Compiler {
    // MARK: Conditions

    /// `&&` and `||`: an operand that decides, decides, even if others are errors ("Logical Operators" in the language
    /// definition).
    mutating func logical(_ operands: [Node], _ name: String, stopsAt decisive: Bool) -> Compiled {
        let conditions = operands.map { condition($0, "an operand of \(name)") }
        let cost = conditions.reduce(0) { $0 + $1.cost }
        if conditions.count == 2 {
            let first = conditions[0].test
            let second = conditions[1].test
            return Compiled(cost: cost) { (frame) throws(EvaluationError) in
                var failure: EvaluationError?
                do throws(EvaluationError) {
                    if try first(&frame) == decisive { return decisive }
                } catch {
                    if error.code == .costLimit { throw error }
                    failure = error
                }
                guard let failure else { return try second(&frame) }
                do throws(EvaluationError) {
                    if try second(&frame) == decisive { return decisive }
                } catch  where error.code != .costLimit {}
                throw failure
            }
        }
        return Compiled(cost: cost) { (frame) throws(EvaluationError) in
            var failure: EvaluationError?
            for condition in conditions {
                do throws(EvaluationError) {
                    if try condition.test(&frame) == decisive { return decisive }
                } catch {
                    if error.code == .costLimit { throw error }
                    failure = failure ?? error
                }
            }
            if let failure { throw failure }
            return !decisive
        }
    }

    /// A part that must be a condition.
    mutating func condition(_ node: Node, _ role: String) -> Compiled {
        let compiled = compile(node)
        if !compiled.type.mayBe(.bool) {
            return fail(node.offset, "\(role) is a \(compiled.type); expected a bool")
        }
        return compiled
    }

    mutating func conditional(_ condition: Node, _ first: Node, _ second: Node) -> Compiled {
        let test = self.condition(condition, "the condition of '?'")
        let (first, second) = (compile(first), compile(second))
        let decide = test.test
        let firstCode = first.code
        let secondCode = second.code
        return Compiled(first.type.joined(second.type), cost: test.cost + first.cost + second.cost) {
            (frame) throws(EvaluationError) in
            try decide(&frame) ? try firstCode(&frame) : try secondCode(&frame)
        }
    }

    // MARK: Unary operators

    mutating func unary(_ name: String, _ operand: Node, _ node: Node) -> Compiled {
        let offset = node.offset
        if name == "!" {
            let compiled = condition(operand, "the operand of !")
            let test = compiled.test
            return Compiled(cost: compiled.cost) { (frame) throws(EvaluationError) in !(try test(&frame)) }
        }
        let compiled = compile(operand)
        guard [.int, .double].contains(where: { compiled.type.mayBe($0) }) else {
            return fail(offset, "-\(compiled.type) is not there; expected an int or a double")
        }
        let code = compiled.code
        return Compiled(compiled.type, cost: compiled.cost + 1) { (frame) throws(EvaluationError) in
            let value = try code(&frame)
            switch value {
            case .int(let number):
                guard number != .min else { throw EvaluationError.overflow("-(\(number))").at(offset) }
                return .int(-number)
            case .double(let number): return .double(-number)
            default: throw EvaluationError.overload("-", value).at(offset)
            }
        }
    }

    // MARK: Binary operators

    mutating func binary(_ name: String, _ left: Node, _ right: Node, _ node: Node) -> Compiled {
        switch name {
        case "==", "!=": equality(isNegated: name == "!=", left, right, node)
        case "<", "<=", ">", ">=": ordering(name, left, right, node)
        case "in": membership(left, right, node)
        default: arithmetic(name, left, right, node)
        }
    }

    private mutating func equality(isNegated: Bool, _ left: Node, _ right: Node, _ node: Node) -> Compiled {
        let (first, second) = (compile(left), compile(right))
        let cost = first.cost + second.cost + 1
        for (value, other) in [(first, second), (second, first)] {
            guard case .string(let text)? = other.constant else { continue }
            let code = value.code
            return Compiled(cost: cost) { (frame) throws(EvaluationError) in
                guard case .string(let own) = try code(&frame) else { return isNegated }
                return own.hasSameCodePoints(as: text) != isNegated
            }
        }
        let firstCode = first.code
        let secondCode = second.code
        return Compiled(cost: cost) { (frame) throws(EvaluationError) in
            let left = try firstCode(&frame)
            let right = try secondCode(&frame)
            return try Value.areEqual(left, right, &frame) != isNegated
        }
    }

    private static let ordered: [ValueType] = [.int, .uint, .double, .string, .bytes, .bool, .timestamp, .duration]

    private static func isNumber(_ type: ValueType) -> Bool { type == .int || type == .uint || type == .double }

    private mutating func ordering(_ name: String, _ left: Node, _ right: Node, _ node: Node) -> Compiled {
        let (first, second) = (compile(left), compile(right))
        let canBeOrdered = Self.ordered.contains { type in
            first.type.mayBe(type)
                && (second.type.mayBe(type) || (Self.isNumber(type) && Self.isNumber(second.type)))
        }
        guard canBeOrdered else {
            return fail(
                node.offset,
                "\(first.type) \(name) \(second.type) is not there; expected two numbers, texts, bytes, bools, timestamps or durations"
            )
        }
        let accepts: (Order) -> Bool =
            switch name {
            case "<": { $0 == .ascending }
            case "<=": { $0 == .ascending || $0 == .same }
            case ">": { $0 == .descending }
            default: { $0 == .descending || $0 == .same }
            }
        let accepted = [Order.ascending, .same, .descending].map(accepts)
        let offset = node.offset
        let firstCode = first.code
        let secondCode = second.code
        return Compiled(cost: first.cost + second.cost + 1) { (frame) throws(EvaluationError) in
            let left = try firstCode(&frame)
            let right = try secondCode(&frame)
            let order: Order
            if case .int(let left) = left, case .int(let right) = right {
                order = .of(left, right)
            } else {
                guard let found = try Value.order(left, right, &frame) else {
                    throw EvaluationError.overload(name, left, right).at(offset)
                }
                order = found
            }
            return switch order {
            case .ascending: accepted[0]
            case .same: accepted[1]
            case .descending: accepted[2]
            case .none: false
            }
        }
    }

    private mutating func membership(_ left: Node, _ right: Node, _ node: Node) -> Compiled {
        let (first, second) = (compile(left), compile(right))
        switch second.type {
        case .dyn, .parameter, .list, .map, .object: break
        default: return fail(node.offset, "'in' looks into a \(second.type); expected a list or a map")
        }
        let offset = node.offset
        let firstCode = first.code
        let secondCode = second.code
        return Compiled(cost: first.cost + second.cost + 1) { (frame) throws(EvaluationError) in
            let value = try firstCode(&frame)
            let container = try secondCode(&frame)
            guard let answer = try Value.contains(container, value, &frame) else {
                throw EvaluationError.overload("in", value, container).at(offset)
            }
            return answer
        }
    }

    private mutating func arithmetic(_ name: String, _ left: Node, _ right: Node, _ node: Node) -> Compiled {
        let (first, second) = (compile(left), compile(right))
        var result: ValueType?
        for (left, right, type) in Arithmetic.signatures(name) where first.type.mayBe(left) && second.type.mayBe(right)
        {
            var own = type
            if case .list = type { own = first.type == .dyn ? second.type : first.type.joined(second.type) }
            result = result.map { $0.joined(own) } ?? own
        }
        guard let result else {
            return fail(
                node.offset,
                "\(first.type) \(name) \(second.type) is not there; expected \(Arithmetic.expected(name, first.type))")
        }
        let offset = node.offset
        let firstCode = first.code
        let secondCode = second.code
        return Compiled(result, cost: first.cost + second.cost + 1) { (frame) throws(EvaluationError) in
            let left = try firstCode(&frame)
            let right = try secondCode(&frame)
            do throws(EvaluationError) { return try Arithmetic.apply(name, left, right, &frame) } catch {
                throw error.at(offset)
            }
        }
    }
}
