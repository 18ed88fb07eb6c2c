extension FunctionTable {
    /// The sets extension: lists taken as sets.
    static let sets: [Function] = [
        .global(
            "sets.contains", "(list(A), list(A)) -> bool",
            body: .two { (left, right, frame) throws(EvaluationError) in
                .bool(try covers(left, right, "sets.contains", &frame))
            }),
        .global(
            "sets.equivalent", "(list(A), list(A)) -> bool",
            body: .two { (left, right, frame) throws(EvaluationError) in
                let covered = try covers(left, right, "sets.equivalent", &frame)
                return .bool(covered ? try covers(right, left, "sets.equivalent", &frame) : false)
            }),
        .global(
            "sets.intersects", "(list(A), list(A)) -> bool",
            body: .two { (left, right, frame) throws(EvaluationError) in
                guard case .list(let list) = right else { throw .overload("sets.intersects", left, right) }
                for value in list.values where try isElement(value, of: left, "sets.intersects", &frame) {
                    return .bool(true)
                }
                return .bool(false)
            }),
    ]

    private static func covers(
        _ left: Value, _ right: Value, _ name: String, _ frame: inout Frame
    ) throws(EvaluationError) -> Bool {
        guard case .list(let list) = right else { throw .overload(name, left, right) }
        for value in list.values where !(try isElement(value, of: left, name, &frame)) { return false }
        return true
    }

    private static func isElement(
        _ value: Value, of list: Value, _ name: String, _ frame: inout Frame
    ) throws(EvaluationError) -> Bool {
        guard case .list = list, let answer = try Value.contains(list, value, &frame) else {
            throw .overload(name, list)
        }
        try frame.spend(1)
        return answer
    }
}
