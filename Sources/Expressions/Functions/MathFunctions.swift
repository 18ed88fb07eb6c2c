import Foundation

extension FunctionTable {
    /// The math extension.
    static let maths: [Function] = [
        .global(
            "math.greatest",
            body: .many { (values, frame) throws(EvaluationError) in
                try extreme("math.greatest", values, .descending, &frame)
            }),
        .global(
            "math.least",
            body: .many { (values, frame) throws(EvaluationError) in
                try extreme("math.least", values, .ascending, &frame)
            }),
        rounding("math.ceil", .up), rounding("math.floor", .down), rounding("math.trunc", .towardZero),
        rounding("math.round", .toNearestOrAwayFromZero),
        .global(
            "math.abs", "(int) -> int", "(uint) -> uint", "(double) -> double",
            body: .one { (value, _) throws(EvaluationError) in
                switch value {
                case .int(let number):
                    guard number != .min else { throw .overflow("math.abs(\(number))") }
                    return .int(abs(number))
                case .uint: return value
                case .double(let number): return .double(abs(number))
                default: throw .overload("math.abs", value)
                }
            }),
        .global(
            "math.sign", "(int) -> int", "(uint) -> uint", "(double) -> double",
            body: .one { (value, _) throws(EvaluationError) in
                switch value {
                case .int(let number): return .int(number.signum())
                case .uint(let number): return .uint(min(number, 1))
                case .double(let number): return .double(number > 0 ? 1 : number < 0 ? -1 : number)
                default: throw .overload("math.sign", value)
                }
            }),
        .global(
            "math.sqrt", "(int) -> double", "(uint) -> double", "(double) -> double",
            body: .one { (value, _) throws(EvaluationError) in
                switch value {
                case .int(let number): return .double(Double(number).squareRoot())
                case .uint(let number): return .double(Double(number).squareRoot())
                case .double(let number): return .double(number.squareRoot())
                default: throw .overload("math.sqrt", value)
                }
            }),
        condition("math.isNaN") { $0.isNaN }, condition("math.isInf") { $0.isInfinite },
        condition("math.isFinite") { $0.isFinite },
        bits("math.bitAnd", { $0 & $1 }, { $0 & $1 }), bits("math.bitOr", { $0 | $1 }, { $0 | $1 }),
        bits("math.bitXor", { $0 ^ $1 }, { $0 ^ $1 }),
        .global(
            "math.bitNot", "(int) -> int", "(uint) -> uint",
            body: .one { (value, _) throws(EvaluationError) in
                switch value {
                case .int(let number): return .int(~number)
                case .uint(let number): return .uint(~number)
                default: throw .overload("math.bitNot", value)
                }
            }),
        shift("math.bitShiftLeft") { $0 << $1 }, shift("math.bitShiftRight") { $0 >> $1 },
    ]

    /// The first of the numbers, or of those in a list, that no other precedes in that order.
    private static func extreme(
        _ name: String, _ values: [Value], _ order: Order, _ frame: inout Frame
    ) throws(EvaluationError) -> Value {
        var numbers = values
        if values.count == 1, case .list(let list) = values[0] {
            numbers = list.values
            guard !numbers.isEmpty else { throw .argument("\(name)() got an empty list; expected at least one number") }
        }
        try frame.spend(numbers.count)
        guard var best = numbers.first, best.isNumber else { throw .overload(name, values[0]) }
        for number in numbers.dropFirst() {
            guard number.isNumber else { throw .overload(name, number) }
            if Value.order(ofNumbers: number, best) == order { best = number }
        }
        return best
    }

    private static func rounding(_ name: String, _ rule: FloatingPointRoundingRule) -> Function {
        .global(
            name, "(double) -> double",
            body: .one { (value, _) throws(EvaluationError) in
                guard case .double(let number) = value else { throw .overload(name, value) }
                return .double(number.rounded(rule))
            })
    }

    private static func condition(_ name: String, _ test: @escaping @Sendable (Double) -> Bool) -> Function {
        .global(
            name, "(double) -> bool",
            body: .one { (value, _) throws(EvaluationError) in
                guard case .double(let number) = value else { throw .overload(name, value) }
                return .bool(test(number))
            })
    }

    private static func bits(
        _ name: String, _ signed: @escaping @Sendable (Int64, Int64) -> Int64,
        _ unsigned: @escaping @Sendable (UInt64, UInt64) -> UInt64
    ) -> Function {
        .global(
            name, "(int, int) -> int", "(uint, uint) -> uint",
            body: .two { (left, right, _) throws(EvaluationError) in
                switch (left, right) {
                case (.int(let left), .int(let right)): return .int(signed(left, right))
                case (.uint(let left), .uint(let right)): return .uint(unsigned(left, right))
                default: throw .overload(name, left, right)
                }
            })
    }

    /// Shifts fill with zeros: also an int's to the right.
    private static func shift(_ name: String, _ apply: @escaping @Sendable (UInt64, UInt64) -> UInt64) -> Function {
        .global(
            name, "(int, int) -> int", "(uint, int) -> uint",
            body: .two { (value, count, _) throws(EvaluationError) in
                guard case .int(let count) = count else { throw .overload(name, value, count) }
                guard count >= 0 else { throw .argument("\(name)() got the offset \(count); expected one from 0") }
                let places = UInt64(min(count, 64))
                switch value {
                case .int(let number): return .int(Int64(bitPattern: apply(UInt64(bitPattern: number), places)))
                case .uint(let number): return .uint(apply(number, places))
                default: throw .overload(name, value)
                }
            })
    }
}
