extension FunctionTable {
    /// `int()`, `string()` and the others ("Type Conversions" in the list of standard definitions), `type()` and `dyn()`.
    static let conversions: [Function] = [
        .global("dyn", "(A) -> dyn", body: .one { value, _ in value }),
        .global("type", "(A) -> type", body: .one { value, _ in .type(value.typeName) }),
        .global(
            "bool", "(bool) -> bool", "(string) -> bool",
            body: .one { (value, _) throws(EvaluationError) in
                switch value {
                case .bool: return value
                case .string("1"), .string("t"), .string("T"), .string("true"), .string("TRUE"), .string("True"):
                    return .bool(true)
                case .string("0"), .string("f"), .string("F"), .string("false"), .string("FALSE"), .string("False"):
                    return .bool(false)
                case .string(let text): throw .argument("\(Value.quoted(text)) is no bool; expected true or false")
                default: throw .overload("bool", value)
                }
            }),
        .global(
            "int", "(int) -> int", "(uint) -> int", "(double) -> int", "(string) -> int", "(timestamp) -> int",
            "(duration) -> int",
            body: .one { (value, _) throws(EvaluationError) in
                switch value {
                case .int: return value
                case .uint(let number):
                    guard let exact = Int64(exactly: number) else { throw .overflow("int(\(number)u)") }
                    return .int(exact)
                case .double(let number):
                    // The limits themselves round to doubles beyond them.
                    guard number > -0x1p63, number < 0x1p63 else { throw .overflow("int(\(NumberText.of(number)))") }
                    return .int(Int64(number))
                case .string(let text):
                    guard text.utf8.first != UInt8(ascii: "+"), let number = Int64(text) else {
                        throw .argument("\(Value.quoted(text)) is no int; expected decimal digits")
                    }
                    return .int(number)
                case .timestamp(let time): return .int(time.seconds)
                case .duration(let duration):
                    return .int(duration.seconds)
                default: throw .overload("int", value)
                }
            }),
        .global(
            "uint", "(uint) -> uint", "(int) -> uint", "(double) -> uint", "(string) -> uint",
            body: .one { (value, _) throws(EvaluationError) in
                switch value {
                case .uint: return value
                case .int(let number):
                    guard let exact = UInt64(exactly: number) else { throw .overflow("uint(\(number))") }
                    return .uint(exact)
                case .double(let number):
                    guard number > -1, number < 0x1p64 else { throw .overflow("uint(\(NumberText.of(number)))") }
                    return .uint(UInt64(number))
                case .string(let text):
                    guard text.utf8.first != UInt8(ascii: "+"), let number = UInt64(text) else {
                        throw .argument("\(Value.quoted(text)) is no uint; expected decimal digits")
                    }
                    return .uint(number)
                default: throw .overload("uint", value)
                }
            }),
        .global(
            "double", "(double) -> double", "(int) -> double", "(uint) -> double", "(string) -> double",
            body: .one { (value, _) throws(EvaluationError) in
                switch value {
                case .double: return value
                case .int(let number): return .double(Double(number))
                case .uint(let number): return .double(Double(number))
                case .string(let text):
                    let isHexadecimal = text.utf8.contains { $0 | 0x20 == UInt8(ascii: "x") }
                    guard !isHexadecimal, let number = Double(text) else {
                        throw .argument("\(Value.quoted(text)) is no double; expected a number such as 1.5")
                    }
                    return .double(number)
                default: throw .overload("double", value)
                }
            }),
        .global(
            "string", "(string) -> string", "(bool) -> string", "(int) -> string", "(uint) -> string",
            "(double) -> string", "(bytes) -> string", "(timestamp) -> string", "(duration) -> string",
            "(type) -> string",
            body: .one { (value, frame) throws(EvaluationError) in
                switch value {
                case .string: return value
                case .bool(let value): return .string(value ? "true" : "false")
                case .int(let number): return .string(String(number))
                case .uint(let number): return .string(String(number))
                case .double(let number): return .string(NumberText.of(number))
                case .bytes(let bytes):
                    try frame.spend(bytes.count / 64)
                    guard let text = String(validating: bytes, as: UTF8.self) else {
                        throw .argument("the bytes are not UTF-8")
                    }
                    return .string(text)
                case .timestamp(let time): return .string(time.description)
                case .duration(let duration): return .string(duration.description)
                case .type(let name): return .string(name)
                default: throw .overload("string", value)
                }
            }),
        .global(
            "bytes", "(bytes) -> bytes", "(string) -> bytes",
            body: .one { (value, frame) throws(EvaluationError) in
                switch value {
                case .bytes: return value
                case .string(let text):
                    try frame.spend(text: text)
                    return .bytes(Array(text.utf8))
                default: throw .overload("bytes", value)
                }
            }),
        .global(
            "timestamp", "(timestamp) -> timestamp", "(string) -> timestamp", "(int) -> timestamp",
            body: .one { (value, _) throws(EvaluationError) in
                switch value {
                case .timestamp: return value
                case .string(let text):
                    guard let time = TimestampValue(text) else {
                        throw .argument(
                            "\(Value.quoted(text)) is no timestamp; expected RFC 3339 such as 2026-01-31T08:00:00Z")
                    }
                    return .timestamp(time)
                case .int(let seconds):
                    guard let time = TimestampValue(seconds: seconds) else { throw .overflow("timestamp(\(seconds))") }
                    return .timestamp(time)
                default: throw .overload("timestamp", value)
                }
            }),
        .global(
            "duration", "(duration) -> duration", "(string) -> duration", "(int) -> duration",
            body: .one { (value, _) throws(EvaluationError) in
                switch value {
                case .duration: return value
                case .string(let text):
                    guard let duration = DurationValue(text) else {
                        throw .argument(
                            "\(Value.quoted(text)) is no duration; expected one such as 1h30m, 1.5s or 100ms")
                    }
                    return .duration(duration)
                case .int(let seconds):
                    guard let duration = DurationValue(seconds: seconds) else {
                        throw .overflow("duration(\(seconds))")
                    }
                    return .duration(duration)
                default: throw .overload("duration", value)
                }
            }),
    ]
}
