/// Finds which strings a path must be one of for a condition to be true.
///
/// It may know less than is true, never more: without `nil` for an answer, the condition is not true for any other string,
/// nor for a value that is no string, nor where the path has no value.
struct ImpliedStrings {
    let path: [String]

    func strings(_ node: Node) -> Set<String>? {
        switch node.kind {
        case .literal(.bool(false)): return []
        case .and(let operands):
            // Each must be true: what any of them implies, all of them do.
            let known = operands.compactMap { strings($0) }
            guard let first = known.first else { return nil }
            return known.dropFirst().reduce(first) { $0.intersection($1) }
        case .or(let operands):
            var union: Set<String> = []
            for operand in operands {
                guard let known = strings(operand) else { return nil }
                union.formUnion(known)
            }
            return union
        case .conditional(let condition, let first, let second):
            // True by way of the first, with the condition, or of the second.
            let byFirst = strings(Node(.and([condition, first]), at: 0))
            guard let byFirst, let bySecond = strings(second) else { return nil }
            return byFirst.union(bySecond)
        case .binary("==", let left, let right):
            if left.path == path { return Self.constant(right).map { [$0] } }
            if right.path == path { return Self.constant(left).map { [$0] } }
            return nil
        case .binary("in", let left, let right):
            guard left.path == path, case .list(let elements) = right.kind else { return nil }
            var strings: Set<String> = []
            for element in elements {
                guard !element.isOptional, case .literal(let value) = element.value.kind else { return nil }
                // What is no string is equal to no string.
                if case .string(let text) = value { strings.insert(text) } else { return nil }
            }
            return strings
        default: return nil
        }
    }

    private static func constant(_ node: Node) -> String? {
        if case .literal(.string(let text)) = node.kind { text } else { nil }
    }
}
