/// Checks an expression against an environment and turns it into closures.
///
/// Everything that is wrong is found in one pass: a part that is wrong counts as `dyn` for what is around it.
struct Compiler {
    /// A variable of a macro.
    struct Local {
        var name: String
        var slot: Int
        var type: ValueType
    }

    let environment: Environment
    var failures: [SyntaxFailure] = []
    var locals: [Local] = []
    /// How many places for macros' variables an evaluation needs.
    var slots = 0

    init(_ environment: Environment) {
        self.environment = environment
    }

    mutating func compile(_ node: Node) -> Compiled {
        switch node.kind {
        case .literal(let value): Compiled(constant: value, Self.type(of: value))
        case .identifier(let name): identifier(name, node)
        case .select(let operand, let field, let isOptional): select(operand, field, isOptional: isOptional, node)
        case .index(let operand, let index, let isOptional): self.index(operand, index, isOptional: isOptional, node)
        case .call(let name, let target, let arguments): call(name, target, arguments, node)
        case .unary(let name, let operand): unary(name, operand, node)
        case .binary(let name, let left, let right): binary(name, left, right, node)
        case .and(let operands): logical(operands, "&&", stopsAt: false)
        case .or(let operands): logical(operands, "||", stopsAt: true)
        case .conditional(let condition, let first, let second): conditional(condition, first, second)
        case .list(let elements): list(elements)
        case .map(let entries): map(entries)
        }
    }

    /// Notes a mistake, and goes on with a part of unknown type.
    mutating func fail(_ offset: Int, _ message: String) -> Compiled {
        failures.append(SyntaxFailure(offset: offset, message: message))
        return Compiled(.dyn) { (_) throws(EvaluationError) in throw .argument(message) }
    }

    static func type(of value: Value) -> ValueType {
        switch value {
        case .null: .null
        case .bool: .bool
        case .int: .int
        case .uint: .uint
        case .double: .double
        case .string: .string
        case .bytes: .bytes
        case .list: .list(.dyn)
        case .map: .map(.dyn, .dyn)
        case .timestamp: .timestamp
        case .duration: .duration
        case .type: .type
        case .optional: .optional(.dyn)
        case .object(let object): .object(object.type)
        }
    }

    // MARK: Names

    private static let typeNames: [String: String] = [
        "null_type": "null_type", "bool": "bool", "int": "int", "uint": "uint", "double": "double", "string": "string",
        "bytes": "bytes", "list": "list", "map": "map", "type": "type", "optional_type": "optional_type",
        "google.protobuf.Timestamp": "google.protobuf.Timestamp",
        "google.protobuf.Duration": "google.protobuf.Duration",
    ]

    func isVariable(_ name: String) -> Bool {
        locals.contains { $0.name == name } || environment.index(of: name) != nil
    }

    private mutating func identifier(_ name: String, _ node: Node) -> Compiled {
        if let local = locals.last(where: { $0.name == name }) {
            let slot = local.slot
            return Compiled(local.type) { frame in frame.locals[slot] }
        }
        if let index = environment.index(of: name) {
            return Compiled(environment.variables[index].type) { frame in frame.variables[index] }
        }
        if let type = Self.typeNames[name] { return Compiled(constant: .type(type), .type) }
        let known = locals.map(\.name) + environment.variables.map(\.name)
        let hint = NearestName.hint(name, among: known)
        let expected = known.isEmpty ? "" : hint.isEmpty ? "; known names are \(known.joined(separator: ", "))" : hint
        return fail(node.offset, "unknown name \"\(name)\"\(expected)")
    }

    private mutating func select(_ operand: Node, _ field: String, isOptional: Bool, _ node: Node) -> Compiled {
        if let path = node.path, let first = path.first, !isVariable(first),
            let type = Self.typeNames[path.joined(separator: ".")]
        {
            return Compiled(constant: .type(type), .type)
        }
        let target = compile(operand)
        let offset = node.offset
        let label = operand.path?.joined(separator: ".") ?? "the value"
        let (fieldType, declared) = self.field(field, of: target.type, label, offset)
        let code = target.code
        if isOptional {
            return Compiled(.optional(fieldType), cost: target.cost + 1) { (frame) throws(EvaluationError) in
                let value = try code(&frame)
                do throws(EvaluationError) { return try Selection.optional(value, field, &frame) } catch {
                    throw error.at(offset)
                }
            }
        }
        if let declared {
            return Compiled(fieldType, cost: target.cost + 1) { (frame) throws(EvaluationError) in
                guard case .object(let object) = try code(&frame), let value = try object.value(at: declared) else {
                    throw EvaluationError(.noSuchField, "\(label) has no field \"\(field)\"", offset: offset)
                }
                return value
            }
        }
        let plain: Code = { (frame) throws(EvaluationError) in
            let value = try code(&frame)
            do throws(EvaluationError) {
                guard let selected = try Selection.field(value, field, &frame) else {
                    throw EvaluationError(.noSuchField, "\(label) has no field \"\(field)\"")
                }
                return selected
            } catch { throw error.at(offset) }
        }
        return member(of: node, fieldType, cost: target.cost + 1, otherwise: plain)
            ?? Compiled(fieldType, cost: target.cost + 1, code: plain)
    }

    /// A member deep in a JSON text that a declared field of a variable holds, such as `event.data.customer.name`, found
    /// without a value for each step on the way; `nil` if the node is nothing of that kind.
    private func member(
        of node: Node, _ fieldType: ValueType, cost: Int, otherwise plain: @escaping Code
    ) -> Compiled? {
        guard let path = node.path, path.count > 2, !locals.contains(where: { $0.name == path[0] }),
            let variable = environment.index(of: path[0]),
            case .object(let type) = environment.variables[variable].type, let field = type.index(of: path[1])
        else { return nil }
        let names = Array(path.dropFirst(2))
        return Compiled(fieldType, cost: cost) { (frame) throws(EvaluationError) in
            if case .object(let object) = frame.variables[variable], let value = try object.value(at: field),
                case .map(let map) = value, let found = map.jsonMember(names)
            {
                return found
            }
            return try plain(&frame)
        }
    }

    /// The type of a field, and its place if it is declared.
    mutating func field(
        _ name: String, of type: ValueType, _ label: String, _ offset: Int
    ) -> (type: ValueType, declared: Int?) {
        switch type {
        case .dyn, .parameter: return (.dyn, nil)
        case .object(let object):
            if let index = object.index(of: name) { return (object.fields[index].type, index) }
            if object.isOpen { return (.dyn, nil) }
            let names = object.fields.map(\.name)
            let hint = NearestName.hint(name, among: names)
            _ = fail(
                offset,
                "\(label) has no field \"\(name)\"\(hint.isEmpty ? "; it has \(names.joined(separator: ", "))" : hint)")
            return (.dyn, nil)
        case .map(let key, let value):
            if !key.mayBe(.string) { _ = fail(offset, "\(label) is a \(type), whose keys are no strings") }
            return (value, nil)
        case .optional(let value):
            let field = field(name, of: value, label, offset)
            return (.optional(field.type), nil)
        default:
            _ = fail(
                offset, "\(label) is a \(type), which has no fields; expected a map or an object before '.\(name)'")
            return (.dyn, nil)
        }
    }

    private mutating func index(_ operand: Node, _ index: Node, isOptional: Bool, _ node: Node) -> Compiled {
        let target = compile(operand)
        let place = compile(index)
        let offset = node.offset
        let elementType = self.elementType(of: target.type, at: place.type, offset)
        let code = target.code
        let placeCode = place.code
        let cost = target.cost + place.cost + 1
        if isOptional {
            return Compiled(.optional(elementType), cost: cost) { (frame) throws(EvaluationError) in
                let value = try code(&frame)
                let place = try placeCode(&frame)
                do throws(EvaluationError) { return try Selection.optional(value, at: place, &frame) } catch {
                    throw error.at(offset)
                }
            }
        }
        return Compiled(elementType, cost: cost) { (frame) throws(EvaluationError) in
            let value = try code(&frame)
            let place = try placeCode(&frame)
            do throws(EvaluationError) {
                guard let element = try Selection.element(value, at: place, &frame) else {
                    throw Selection.missing(value, place)
                }
                return element
            } catch { throw error.at(offset) }
        }
    }

    private mutating func elementType(of type: ValueType, at place: ValueType, _ offset: Int) -> ValueType {
        switch type {
        case .dyn, .parameter: return .dyn
        case .list(let element):
            if !place.mayBe(.int), !place.mayBe(.uint), !place.mayBe(.double) {
                _ = fail(offset, "a list has no element at a \(place); expected an int")
            }
            return element
        case .map(let key, let value):
            let isNumber = { (type: ValueType) in type == .int || type == .uint || type == .double }
            if !place.mayBe(key), !(isNumber(key) && isNumber(place)) {
                _ = fail(offset, "the map's keys are of type \(key), not \(place)")
            }
            return value
        case .object:
            if !place.mayBe(.string) { _ = fail(offset, "fields have names; expected a string in brackets") }
            return .dyn
        case .optional(let value): return .optional(elementType(of: value, at: place, offset))
        default:
            _ = fail(offset, "a \(type) has no elements; expected a list or a map before '['")
            return .dyn
        }
    }

    // MARK: Literals

    private mutating func list(_ elements: [Node.Element]) -> Compiled {
        var type: ValueType?
        var parts: [Compiled] = []
        var constants: [Value]? = []
        for element in elements {
            let compiled = compile(element.value)
            let own = element.isOptional ? unwrapped(compiled, element.value.offset) : compiled.type
            type = type.map { $0.joined(own) } ?? own
            parts.append(compiled)
            constants =
                element.isOptional ? nil : compiled.constant.flatMap { constant in constants.map { $0 + [constant] } }
        }
        if let constants { return Compiled(constant: .list(ListValue(constants)), .list(type ?? .dyn)) }
        let codes = parts
        let isOptional = elements.map(\.isOptional)
        let cost = codes.reduce(1) { $0 + $1.cost }
        return Compiled(.list(type ?? .dyn), cost: cost) { (frame) throws(EvaluationError) in
            var values: [Value] = []
            values.reserveCapacity(codes.count)
            for index in codes.indices {
                let value = try codes[index].code(&frame)
                if !isOptional[index] {
                    values.append(value)
                } else if case .optional(let optional) = value {
                    if let value = optional.value { values.append(value) }
                } else {
                    throw .overload("[?]", value)
                }
            }
            return .list(ListValue(values))
        }
    }

    private mutating func map(_ entries: [Node.Entry]) -> Compiled {
        var keyType: ValueType?
        var valueType: ValueType?
        var parts: [(key: Compiled, value: Compiled, isOptional: Bool, offset: Int)] = []
        var seen: Set<MapValue.Key> = []
        var cost = 1
        for entry in entries {
            let key = compile(entry.key)
            let value = compile(entry.value)
            let own = entry.isOptional ? unwrapped(value, entry.value.offset) : value.type
            if ![.bool, .int, .uint, .string].contains(where: { key.type.mayBe($0) }) {
                _ = fail(entry.key.offset, "a \(key.type) cannot be a key; expected an int, uint, bool or string")
            }
            if let constant = key.constant, MapValue.isKey(constant), let identity = MapValue.Key(constant),
                !seen.insert(identity).inserted
            {
                _ = fail(entry.key.offset, "the key \(constant) stands twice in the map")
            }
            keyType = keyType.map { $0.joined(key.type) } ?? key.type
            valueType = valueType.map { $0.joined(own) } ?? own
            parts.append((key, value, entry.isOptional, entry.key.offset))
            cost += key.cost + value.cost
        }
        let codes = parts
        return Compiled(.map(keyType ?? .dyn, valueType ?? .dyn), cost: cost) { (frame) throws(EvaluationError) in
            var entries: [(Value, Value)] = []
            var seen: Set<MapValue.Key> = []
            for part in codes {
                let key = try part.key.code(&frame)
                guard MapValue.isKey(key), let identity = MapValue.Key(key) else {
                    throw EvaluationError.overload("{}", key).at(part.offset)
                }
                guard seen.insert(identity).inserted else {
                    throw EvaluationError(.duplicateKey, "the key \(key) stands twice in the map", offset: part.offset)
                }
                let value = try part.value.code(&frame)
                if !part.isOptional {
                    entries.append((key, value))
                } else if case .optional(let optional) = value {
                    if let value = optional.value { entries.append((key, value)) }
                } else {
                    throw EvaluationError.overload("{?}", value).at(part.offset)
                }
            }
            return .map(MapValue(entries))
        }
    }

    private mutating func unwrapped(_ compiled: Compiled, _ offset: Int) -> ValueType {
        switch compiled.type {
        case .optional(let value): return value
        case .dyn: return .dyn
        default:
            _ = fail(offset, "a \(compiled.type) stands after '?'; expected an optional")
            return .dyn
        }
    }
}
