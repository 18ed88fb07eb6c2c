extension FunctionTable {
    /// The encoders extension.
    static let encoders: [Function] = [
        .global(
            "base64.encode", "(bytes) -> string",
            body: .one { (value, frame) throws(EvaluationError) in
                guard case .bytes(let bytes) = value else { throw .overload("base64.encode", value) }
                try frame.spend(bytes.count / 4)
                return .string(Base64.encode(bytes))
            }),
        .global(
            "base64.decode", "(string) -> bytes",
            body: .one { (value, frame) throws(EvaluationError) in
                guard case .string(let text) = value else { throw .overload("base64.decode", value) }
                try frame.spend(text.utf8.count / 4)
                guard let bytes = Base64.decode(text) else { throw .argument("the text is not base64") }
                return .bytes(bytes)
            }),
    ]
}
