private func list(_ value: Value, _ name: String, _ frame: inout Frame) throws(EvaluationError) -> [Value] {
    guard case .list(let list) = value else { throw .overload(name, value) }
    try frame.spend(list.count)
    return list.values
}

extension FunctionTable {
    /// The largest list that `lists.range()` makes.
    private static let maximumRange: Int64 = 1_000_000

    /// The lists extension; `sortBy` is a macro in all but name, and stands with those.
    static let lists: [Function] = [
        .global(
            "lists.range", "(int) -> list(int)",
            body: .one { (value, frame) throws(EvaluationError) in
                guard case .int(let count) = value else { throw .overload("lists.range", value) }
                guard count <= maximumRange else {
                    throw .argument("lists.range() got \(count); expected at most \(maximumRange)")
                }
                try frame.spend(Int(max(0, count)))
                return .list((0..<max(0, count)).map { .int($0) })
            }),
        .member(
            "slice", "(list(A), int, int) -> list(A)",
            body: .three { (value, start, end, frame) throws(EvaluationError) in
                let values = try list(value, "slice", &frame)
                guard case .int(let start) = start, case .int(let end) = end else {
                    throw .overload("slice", value, start, end)
                }
                guard start >= 0, start <= end, end <= values.count else {
                    throw EvaluationError(
                        .indexOutOfBounds,
                        "slice(\(start), \(end)) of a list of \(values.count); expected 0 <= start <= end <= \(values.count)"
                    )
                }
                return .list(Array(values[Int(start)..<Int(end)]))
            }),
        .member(
            "flatten", "(list(dyn)) -> list(dyn)",
            body: .one { (value, frame) throws(EvaluationError) in
                .list(try flatten(try list(value, "flatten", &frame), depth: 1, &frame))
            }),
        .member(
            "flatten", "(list(dyn), int) -> list(dyn)",
            body: .two { (value, depth, frame) throws(EvaluationError) in
                guard case .int(let depth) = depth else { throw .overload("flatten", value, depth) }
                guard depth >= 0 else { throw .argument("flatten() got the depth \(depth); expected one from 0") }
                return .list(try flatten(try list(value, "flatten", &frame), depth: Int(min(depth, 128)), &frame))
            }),
        .member(
            "sort", "(list(A)) -> list(A)",
            body: .one { (value, frame) throws(EvaluationError) in
                let values = try list(value, "sort", &frame)
                return .list(try sorted(values, by: values, "sort", &frame))
            }),
        .member(
            "distinct", "(list(A)) -> list(A)",
            body: .one { (value, frame) throws(EvaluationError) in
                var distinct: [Value] = []
                var keys: Set<MapValue.Key> = []
                for value in try list(value, "distinct", &frame) {
                    if MapValue.isKey(value) || value.isNumber, let key = MapValue.Key(value) {
                        if keys.insert(key).inserted { distinct.append(value) }
                        continue
                    }
                    var isKnown = false
                    for other in distinct where !isKnown {
                        try frame.spend(1)
                        isKnown = try Value.areEqual(value, other, &frame)
                    }
                    if !isKnown { distinct.append(value) }
                }
                return .list(distinct)
            }),
        .member(
            "first", "(list(A)) -> optional(A)",
            body: .one { (value, _) throws(EvaluationError) in
                guard case .list(let list) = value else { throw .overload("first", value) }
                return .optional(OptionalValue(list[0]))
            }),
        .member(
            "last", "(list(A)) -> optional(A)",
            body: .one { (value, frame) throws(EvaluationError) in
                guard case .list(let list) = value else { throw .overload("last", value) }
                try frame.spend(list.lookupCost(list.count - 1))
                return .optional(OptionalValue(list[list.count - 1]))
            }),
    ]

    private static func flatten(_ values: [Value], depth: Int, _ frame: inout Frame) throws(EvaluationError) -> [Value]
    {
        guard depth > 0 else { return values }
        var flat: [Value] = []
        for value in values {
            if case .list(let inner) = value {
                try frame.spend(inner.count)
                flat += try flatten(inner.values, depth: depth - 1, &frame)
            } else {
                flat.append(value)
            }
        }
        return flat
    }

    /// The values in the order of their keys; those with one key keep theirs. Keys must be of one type.
    static func sorted(
        _ values: [Value], by keys: [Value], _ name: String, _ frame: inout Frame
    ) throws(EvaluationError) -> [Value] {
        guard let first = keys.first else { return [] }
        for key in keys where key.typeName != first.typeName {
            throw .argument("\(name)() got a \(first.typeName) and a \(key.typeName); expected values of one type")
        }
        var order = Array(keys.indices)
        // Merge sort, from the bottom: stable, and able to throw.
        var width = 1
        while width < order.count {
            var merged: [Int] = []
            merged.reserveCapacity(order.count)
            for start in stride(from: 0, to: order.count, by: 2 * width) {
                var left = order[start..<min(start + width, order.count)]
                var right = order[min(start + width, order.count)..<min(start + 2 * width, order.count)]
                while let first = left.first, let second = right.first {
                    try frame.spend(1)
                    guard let found = try Value.order(keys[second], keys[first], &frame) else {
                        throw .overload(name, keys[first], keys[second])
                    }
                    merged.append(found == .ascending ? right.removeFirst() : left.removeFirst())
                }
                merged += left
                merged += right
            }
            order = merged
            width *= 2
        }
        if keys.count == 1, try Value.order(first, first, &frame) == nil { throw .overload(name, first) }
        return order.map { values[$0] }
    }
}
