extension Compiler {
    /// The macros of the language definition, and those of the extensions for two variables, `cel.bind` and optionals.
    ///
    /// - Returns: `nil` if the call is no macro.
    mutating func macro(_ name: String, _ target: Node?, _ arguments: [Node], _ node: Node) -> Compiled? {
        guard let target else {
            return name == "has" ? has(arguments, node) : nil
        }
        if name == "bind", target.identifier == "cel", !isVariable("cel") { return bind(arguments, node) }
        switch (name, arguments.count) {
        case ("all", 2), ("exists", 2), ("exists_one", 2), ("existsOne", 2):
            return quantifier(name, target, arguments, variables: 1, node)
        case ("all", 3), ("exists", 3), ("existsOne", 3), ("exists_one", 3):
            return quantifier(name, target, arguments, variables: 2, node)
        case ("map", 2), ("filter", 2): return collect(name, target, arguments, variables: 1, node)
        case ("map", 3): return collect(name, target, arguments, variables: 1, node)
        case ("transformList", 3), ("transformList", 4):
            return collect(name, target, arguments, variables: 2, node)
        case ("transformMap", 3), ("transformMap", 4), ("transformMapEntry", 3), ("transformMapEntry", 4):
            return transform(name, target, arguments, node)
        case ("sortBy", 2): return sortBy(target, arguments, node)
        case ("optMap", 2), ("optFlatMap", 2): return optional(name, target, arguments, node)
        case ("all", _), ("exists", _), ("exists_one", _), ("existsOne", _), ("map", _), ("filter", _),
            ("transformList", _), ("transformMap", _), ("transformMapEntry", _), ("sortBy", _),
            ("optMap", _), ("optFlatMap", _):
            return fail(
                node.offset,
                "\(name)() has \(arguments.count) arguments; expected one or two names, then expressions, as in list.\(name)(x, …)"
            )
        default: return nil
        }
    }

    /// `has(e.f)`: whether there is a field, without an error if there is none.
    private mutating func has(_ arguments: [Node], _ node: Node) -> Compiled {
        guard arguments.count == 1, case .select(let operand, let field, let isOptional) = arguments[0].kind else {
            return fail(node.offset, "has() asks for a field; expected has(value.field)")
        }
        let target = compile(operand)
        let label = operand.path?.joined(separator: ".") ?? "the value"
        _ = self.field(field, of: target.type, label, arguments[0].offset)
        let code = target.code
        let offset = arguments[0].offset
        return Compiled(cost: target.cost + 1) { (frame) throws(EvaluationError) in
            let value = try code(&frame)
            do throws(EvaluationError) {
                guard !isOptional, !value.isOptional else {
                    guard case .optional(let selected) = try Selection.optional(value, field, &frame) else {
                        return false
                    }
                    return selected.value != nil
                }
                return try Selection.field(value, field, &frame) != nil
            } catch { throw error.at(offset) }
        }
    }

    /// `cel.bind(name, value, expression)`.
    private mutating func bind(_ arguments: [Node], _ node: Node) -> Compiled {
        guard arguments.count == 3, let name = arguments[0].identifier else {
            return fail(node.offset, "expected cel.bind(name, value, expression)")
        }
        let value = compile(arguments[1])
        let slot = push(name, value.type)
        let result = compile(arguments[2])
        locals.removeLast()
        let valueCode = value.code
        let resultCode = result.code
        return Compiled(result.type, cost: value.cost + result.cost) { (frame) throws(EvaluationError) in
            frame.locals[slot] = try valueCode(&frame)
            return try resultCode(&frame)
        }
    }

    /// Makes a name known to what is compiled until `locals.removeLast()`.
    private mutating func push(_ name: String, _ type: ValueType) -> Int {
        let slot = slots
        slots += 1
        locals.append(Local(name: name, slot: slot, type: type))
        return slot
    }

    /// What a macro goes through, and the names that it gives to the elements.
    private struct Loop {
        var range: Compiled
        var slots: [Int]
    }

    private mutating func loop(_ target: Node, _ names: ArraySlice<Node>, _ macro: String) -> Loop {
        let range = compile(target)
        let types: [ValueType]
        switch range.type {
        case .dyn, .parameter: types = [.dyn, .dyn]
        case .list(let element): types = names.count == 1 ? [element] : [.int, element]
        case .map(let key, let value): types = [key, value]
        case .object: types = [.string, .dyn]
        default:
            _ = fail(target.offset, "\(macro)() goes through a \(range.type); expected a list or a map")
            types = [.dyn, .dyn]
        }
        var slots: [Int] = []
        for (name, type) in zip(names, types) {
            let text = name.identifier
            if text == nil { _ = fail(name.offset, "expected a name for what \(macro)() goes through") }
            if let text, slots.count == 1, locals.last?.name == text {
                _ = fail(name.offset, "the two names of \(macro)() are the same")
            }
            slots.append(push(text ?? "", type))
        }
        return Loop(range: range, slots: slots)
    }

    /// `all`, `exists` and `existsOne`: errors count only if no element decides; `existsOne` needs every element.
    private mutating func quantifier(
        _ name: String, _ target: Node, _ arguments: [Node], variables: Int, _ node: Node
    ) -> Compiled {
        let loop = loop(target, arguments.prefix(variables), name)
        let condition = condition(arguments[variables], "the condition of \(name)()")
        locals.removeLast(variables)
        let range = loop.range.code
        let test = condition.test
        let slots = loop.slots
        let step = condition.cost + 1
        let offset = target.offset
        let cost = loop.range.cost + 1
        guard name == "all" || name == "exists" else {
            return Compiled(cost: cost) { (frame) throws(EvaluationError) in
                var count = 0
                for element in try Elements.of(try range(&frame), slots.count, name, offset, &frame) {
                    try frame.spend(step)
                    element.set(slots, &frame)
                    if try test(&frame) { count += 1 }
                }
                return count == 1
            }
        }
        let decisive = name == "exists"
        return Compiled(cost: cost) { (frame) throws(EvaluationError) in
            var failure: EvaluationError?
            for element in try Elements.of(try range(&frame), slots.count, name, offset, &frame) {
                try frame.spend(step)
                element.set(slots, &frame)
                do throws(EvaluationError) {
                    if try test(&frame) == decisive { return decisive }
                } catch {
                    if error.code == .costLimit { throw error }
                    failure = failure ?? error
                }
            }
            if let failure { throw failure }
            return !decisive
        }
    }

    /// `map`, `filter` and `transformList`.
    private mutating func collect(
        _ name: String, _ target: Node, _ arguments: [Node], variables: Int, _ node: Node
    ) -> Compiled {
        let loop = loop(target, arguments.prefix(variables), name)
        let isFilter = name == "filter"
        let hasCondition = isFilter || arguments.count == variables + 2
        let condition = hasCondition ? condition(arguments[variables], "the condition of \(name)()") : nil
        let part = isFilter ? nil : arguments.last.map { compile($0) }
        let elementType = part?.type ?? locals.last?.type ?? .dyn
        locals.removeLast(variables)
        let range = loop.range.code
        let slots = loop.slots
        let step = (condition?.cost ?? 0) + (part?.cost ?? 0) + 1
        let offset = target.offset
        return Compiled(.list(elementType), cost: loop.range.cost + 1) { (frame) throws(EvaluationError) in
            var values: [Value] = []
            for element in try Elements.of(try range(&frame), slots.count, name, offset, &frame) {
                try frame.spend(step)
                element.set(slots, &frame)
                if let condition, !(try condition.test(&frame)) { continue }
                if let part { values.append(try part.code(&frame)) } else { values.append(element.first) }
            }
            return .list(ListValue(values))
        }
    }

    /// `sortBy` of the lists extension.
    private mutating func sortBy(_ target: Node, _ arguments: [Node], _ node: Node) -> Compiled {
        let loop = loop(target, arguments.prefix(1), "sortBy")
        let key = compile(arguments[1])
        locals.removeLast()
        let range = loop.range.code
        let code = key.code
        let (slots, step, offset) = (loop.slots, key.cost + 1, target.offset)
        return Compiled(loop.range.type, cost: loop.range.cost + 1) { (frame) throws(EvaluationError) in
            let value = try range(&frame)
            guard case .list(let list) = value else { throw EvaluationError.overload("sortBy", value).at(offset) }
            try frame.spend(list.count)
            let values = list.values
            var keys: [Value] = []
            for value in values {
                try frame.spend(step)
                frame.locals[slots[0]] = value
                keys.append(try code(&frame))
            }
            do throws(EvaluationError) {
                return .list(try FunctionTable.sorted(values, by: keys, "sortBy", &frame))
            } catch { throw error.at(offset) }
        }
    }

    /// `transformMap` and `transformMapEntry`.
    private mutating func transform(_ name: String, _ target: Node, _ arguments: [Node], _ node: Node) -> Compiled {
        let loop = loop(target, arguments.prefix(2), name)
        let condition = arguments.count == 4 ? condition(arguments[2], "the condition of \(name)()") : nil
        let result = compile(arguments[arguments.count - 1])
        locals.removeLast(2)
        let givesEntries = name == "transformMapEntry"
        var type = ValueType.map(.dyn, .dyn)
        if givesEntries {
            if case .map = result.type {
                type = result.type
            } else if result.type != .dyn {
                return fail(
                    node.offset, "transformMapEntry() makes a \(result.type) of each entry; expected a map of one entry"
                )
            }
        } else if case .map(let key, _) = loop.range.type {
            type = .map(key, result.type)
        } else if case .list = loop.range.type {
            type = .map(.int, result.type)
        }
        let range = loop.range.code
        let slots = loop.slots
        let code = result.code
        let step = (condition?.cost ?? 0) + result.cost + 1
        let offset = target.offset
        return Compiled(type, cost: loop.range.cost + 1) { (frame) throws(EvaluationError) in
            var entries: [(Value, Value)] = []
            var seen: Set<MapValue.Key> = []
            for element in try Elements.of(try range(&frame), 2, name, offset, &frame) {
                try frame.spend(step)
                element.set(slots, &frame)
                if let condition, !(try condition.test(&frame)) { continue }
                let value = try code(&frame)
                guard givesEntries else {
                    entries.append((element.first, value))
                    continue
                }
                guard case .map(let map) = value else { throw EvaluationError.overload(name, value).at(offset) }
                try frame.spend(map.count)
                for (key, value) in map.entries {
                    guard let identity = MapValue.Key(key), seen.insert(identity).inserted else {
                        throw EvaluationError(.duplicateKey, "the key \(key) is made twice", offset: offset)
                    }
                    entries.append((key, value))
                }
            }
            return .map(MapValue(entries))
        }
    }

    /// `optMap` and `optFlatMap`.
    private mutating func optional(_ name: String, _ target: Node, _ arguments: [Node], _ node: Node) -> Compiled {
        let operand = compile(target)
        var type = ValueType.dyn
        switch operand.type {
        case .optional(let value): type = value
        case .dyn: break
        default: return fail(target.offset, "\(name)() is there for an optional, not for a \(operand.type)")
        }
        if arguments[0].identifier == nil { _ = fail(arguments[0].offset, "expected a name for the optional's value") }
        let slot = push(arguments[0].identifier ?? "", type)
        let result = compile(arguments[1])
        locals.removeLast()
        let isFlat = name == "optFlatMap"
        if isFlat, !result.type.mayBe(.optional(.dyn)) {
            return fail(arguments[1].offset, "optFlatMap() makes a \(result.type); expected an optional")
        }
        let code = operand.code
        let resultCode = result.code
        let offset = node.offset
        return Compiled(isFlat ? result.type : .optional(result.type), cost: operand.cost + result.cost) {
            (frame) throws(EvaluationError) in
            let value = try code(&frame)
            guard case .optional(let optional) = value else { throw EvaluationError.overload(name, value).at(offset) }
            guard let inner = optional.value else { return .none }
            frame.locals[slot] = inner
            let result = try resultCode(&frame)
            if !isFlat { return .some(result) }
            guard result.isOptional else { throw EvaluationError.overload(name, result).at(offset) }
            return result
        }
    }
}

/// What a macro goes through, one by one.
struct Elements {
    /// An element, or a key, or an index with its element, or a key with its value.
    struct Element {
        var first: Value
        var second: Value?

        func set(_ slots: [Int], _ frame: inout Frame) {
            frame.locals[slots[0]] = first
            if let second, slots.count > 1 { frame.locals[slots[1]] = second }
        }
    }

    static func of(
        _ range: Value, _ variables: Int, _ macro: String, _ offset: Int, _ frame: inout Frame
    ) throws(EvaluationError) -> [Element] {
        switch range {
        case .list(let list):
            try frame.spend(list.count)
            if variables == 1 { return list.values.map { Element(first: $0) } }
            return list.values.enumerated().map { Element(first: .int(Int64($0)), second: $1) }
        case .map(let map):
            try frame.spend(map.count)
            if variables == 1 { return map.keys.map { Element(first: $0) } }
            return map.entries.map { Element(first: $0.key, second: $0.value) }
        case .object(let object):
            return try object.members().map { Element(first: .string($0.0), second: $0.1) }
        default: throw EvaluationError.overload(macro, range).at(offset)
        }
    }
}

extension Value {
    var isOptional: Bool {
        if case .optional = self { true } else { false }
    }
}
