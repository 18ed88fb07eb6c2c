extension Compiler {
    mutating func call(_ name: String, _ target: Node?, _ arguments: [Node], _ node: Node) -> Compiled {
        if let compiled = macro(name, target, arguments, node) { return compiled }
        // math.greatest(…): a global function whose name has a point, unless there is a variable `math`.
        if let path = target?.path, !isVariable(path[0]) {
            let qualified = (path + [name]).joined(separator: ".")
            if let functions = FunctionTable.all[qualified]?.filter({ !$0.isMember }), !functions.isEmpty {
                return apply(qualified, functions, nil, arguments, node)
            }
            if FunctionTable.all.keys.contains(where: { $0.hasPrefix(path[0] + ".") }) {
                return unknown(qualified, node)
            }
        }
        let functions = FunctionTable.all[name]?.filter { $0.isMember == (target != nil) } ?? []
        guard !functions.isEmpty else { return unknown(name, node, isMember: target != nil) }
        return apply(name, functions, target, arguments, node)
    }

    private mutating func unknown(_ name: String, _ node: Node, isMember: Bool = false) -> Compiled {
        if let other = FunctionTable.all[name]?.first {
            let expected = other.isMember ? "value.\(name)(…)" : "\(name)(…)"
            return fail(node.offset, "\(name)() is called another way; expected \(expected)")
        }
        let known = FunctionTable.all.filter { $0.value.contains { $0.isMember == isMember } }.keys.sorted()
        let macros =
            isMember ? ["all", "exists", "existsOne", "map", "filter", "transformList", "transformMap"] : ["has"]
        return fail(node.offset, "unknown function \"\(name)\"\(NearestName.hint(name, among: known + macros))")
    }

    private mutating func apply(
        _ name: String, _ functions: [Function], _ target: Node?, _ arguments: [Node], _ node: Node
    ) -> Compiled {
        let parts = ((target.map { [$0] } ?? []) + arguments).map { compile($0) }
        guard let function = functions.first(where: { $0.takes(parts.count) }) else {
            let fixed = functions.compactMap { $0.body.count.map { target == nil ? $0 : $0 - 1 } }.sorted()
            let counts = fixed.map(String.init).joined(separator: " or ")
            return fail(
                node.offset,
                "\(name)() has \(arguments.count) arguments; expected \(counts.isEmpty ? "at least 1" : counts)")
        }
        var result = ValueType.dyn
        if function.body.count != nil {
            let results = function.signatures.compactMap { $0.result(for: parts.map(\.type)) }
            guard let first = results.first else {
                let given = parts.map { "\($0.type)" }.joined(separator: ", ")
                let expected = function.signatures.map { signature in
                    signature.parameters.map { "\($0)" }.joined(separator: ", ")
                }.joined(separator: ") or (")
                return fail(node.offset, "\(name)() is not there for (\(given)); expected (\(expected))")
            }
            result = results.dropFirst().reduce(first) { $0.joined($1) }
        }
        if let prepared = prepared(name, parts, arguments) { return prepared }
        return compiled(function, parts, result, node.offset)
    }

    private func compiled(_ function: Function, _ parts: [Compiled], _ result: ValueType, _ offset: Int) -> Compiled {
        let cost = parts.reduce(1) { $0 + $1.cost }
        switch function.body {
        case .none(let body):
            return Compiled(result, cost: cost) { (frame) throws(EvaluationError) in
                do throws(EvaluationError) { return try body(&frame) } catch { throw error.at(offset) }
            }
        case .one(let body):
            let first = parts[0].code
            return Compiled(result, cost: cost) { (frame) throws(EvaluationError) in
                let first = try first(&frame)
                do throws(EvaluationError) { return try body(first, &frame) } catch { throw error.at(offset) }
            }
        case .two(let body):
            let first = parts[0].code
            let second = parts[1].code
            return Compiled(result, cost: cost) { (frame) throws(EvaluationError) in
                let first = try first(&frame)
                let second = try second(&frame)
                do throws(EvaluationError) { return try body(first, second, &frame) } catch { throw error.at(offset) }
            }
        case .three(let body):
            let first = parts[0].code
            let second = parts[1].code
            let third = parts[2].code
            return Compiled(result, cost: cost) { (frame) throws(EvaluationError) in
                let first = try first(&frame)
                let second = try second(&frame)
                let third = try third(&frame)
                do throws(EvaluationError) { return try body(first, second, third, &frame) } catch {
                    throw error.at(offset)
                }
            }
        case .four(let body):
            return Compiled(result, cost: cost) { (frame) throws(EvaluationError) in
                var values: [Value] = []
                for part in parts { values.append(try part.code(&frame)) }
                do throws(EvaluationError) { return try body(values[0], values[1], values[2], values[3], &frame) } catch
                { throw error.at(offset) }
            }
        case .many(let body):
            return Compiled(result, cost: cost) { (frame) throws(EvaluationError) in
                var values: [Value] = []
                for part in parts { values.append(try part.code(&frame)) }
                do throws(EvaluationError) { return try body(values, &frame) } catch { throw error.at(offset) }
            }
        }
    }

    /// What can be prepared once: patterns, timestamps and durations that are written down.
    private mutating func prepared(_ name: String, _ parts: [Compiled], _ arguments: [Node]) -> Compiled? {
        switch name {
        case "matches":
            guard case .string(let pattern)? = parts.last?.constant, parts.count == 2 else { return nil }
            let offset = arguments.last?.offset ?? 0
            let regex: LinearRegex
            do { regex = try LinearRegex(pattern) } catch { return fail(offset, "the pattern is wrong: \(error)") }
            let code = parts[0].code
            return Compiled(cost: parts[0].cost + 1) { (frame) throws(EvaluationError) in
                let value = try code(&frame)
                guard case .string(let text) = value else { throw EvaluationError.overload(name, value).at(offset) }
                do throws(EvaluationError) {
                    return try regex.matches(text, &frame)
                } catch { throw error.at(offset) }
            }
        case "timestamp", "duration":
            guard case .string(let text)? = parts.first?.constant else { return nil }
            if name == "timestamp" {
                if let value = TimestampValue(text) { return Compiled(constant: .timestamp(value), .timestamp) }
                return fail(
                    arguments[0].offset, "\"\(text)\" is no timestamp; expected RFC 3339 such as 2026-01-31T08:00:00Z")
            }
            if let value = DurationValue(text) { return Compiled(constant: .duration(value), .duration) }
            return fail(arguments[0].offset, "\"\(text)\" is no duration; expected one such as 1h30m, 1.5s or 100ms")
        default: return nil
        }
    }
}
