extension FunctionTable {
    /// `size()` and the string functions of the list of standard definitions.
    static let strings: [Function] = [
        .global(
            "size", "(string) -> int", "(bytes) -> int", "(list(A)) -> int", "(map(A, B)) -> int", body: .one(size)),
        .member(
            "size", "(string) -> int", "(bytes) -> int", "(list(A)) -> int", "(map(A, B)) -> int", body: .one(size)),
        .member(
            "contains", "(string, string) -> bool",
            body: .two { (text, part, frame) throws(EvaluationError) in
                guard case .string(let text) = text, case .string(let part) = part else {
                    throw .overload("contains", text, part)
                }
                try frame.spend((text.utf8.count + part.utf8.count) / 4)
                return .bool(text.contains(bytesOf: part))
            }),
        .member(
            "startsWith", "(string, string) -> bool",
            body: .two { (text, part, frame) throws(EvaluationError) in
                guard case .string(let text) = text, case .string(let part) = part else {
                    throw .overload("startsWith", text, part)
                }
                try frame.spend(text: part)
                return .bool(text.utf8.starts(with: part.utf8))
            }),
        .member(
            "endsWith", "(string, string) -> bool",
            body: .two { (text, part, frame) throws(EvaluationError) in
                guard case .string(let text) = text, case .string(let part) = part else {
                    throw .overload("endsWith", text, part)
                }
                try frame.spend(text: part)
                guard text.utf8.count >= part.utf8.count else { return .bool(false) }
                return .bool(text.utf8.suffix(part.utf8.count).elementsEqual(part.utf8))
            }),
    ]

    /// The size of a text is that in code points.
    private static let size: @Sendable (Value, inout Frame) throws(EvaluationError) -> Value = {
        (value, frame) throws(EvaluationError) in
        switch value {
        case .string(let text):
            try frame.spend(text: text)
            return .int(Int64(text.unicodeScalars.count))
        case .bytes(let bytes): return .int(Int64(bytes.count))
        case .list(let list): return .int(Int64(list.count))
        case .map(let map): return .int(Int64(map.count))
        case .object(let object): return .int(Int64(try object.members().count))
        default: throw .overload("size", value)
        }
    }
}
