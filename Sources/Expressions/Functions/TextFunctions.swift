/// The text of a function's argument as code points, with what working on it costs.
private func scalars(
    _ value: Value, _ name: String, _ frame: inout Frame
) throws(EvaluationError) -> [Unicode.Scalar] {
    let text = try text(value, name)
    try frame.spend(text.utf8.count / 4)
    return Array(text.unicodeScalars)
}

private func text(_ value: Value, _ name: String) throws(EvaluationError) -> String {
    guard case .string(let text) = value else { throw .overload(name, value) }
    return text
}

private func string(_ scalars: some Sequence<Unicode.Scalar>) -> Value {
    var view = String.UnicodeScalarView()
    view.append(contentsOf: scalars)
    return .string(String(view))
}

/// An index or a limit.
private func number(_ value: Value, _ name: String) throws(EvaluationError) -> Int {
    guard case .int(let number) = value else { throw .overload(name, value) }
    return Int(clamping: number)
}

private func index(_ value: Value, upTo count: Int, _ name: String) throws(EvaluationError) -> Int {
    let index = try number(value, name)
    guard (0...count).contains(index) else {
        throw EvaluationError(.indexOutOfBounds, "\(name)() got the index \(index); expected 0 to \(count)")
    }
    return index
}

extension FunctionTable {
    /// The strings extension: positions count code points, from 0.
    static let texts: [Function] = [
        .member(
            "charAt", "(string, int) -> string",
            body: .two { (value, place, frame) throws(EvaluationError) in
                let text = try scalars(value, "charAt", &frame)
                let place = try index(place, upTo: text.count, "charAt")
                return string(text[place..<min(place + 1, text.count)])
            }),
        .member(
            "indexOf", "(string, string) -> int",
            body: .two { (value, part, frame) throws(EvaluationError) in
                try find(value, part, .int(0), &frame)
            }),
        .member("indexOf", "(string, string, int) -> int", body: .three(find)),
        .member(
            "lastIndexOf", "(string, string) -> int",
            body: .two { (value, part, frame) throws(EvaluationError) in
                try findLast(value, part, nil, &frame)
            }),
        .member(
            "lastIndexOf", "(string, string, int) -> int",
            body: .three { (value, part, end, frame) throws(EvaluationError) in
                try findLast(value, part, end, &frame)
            }),
        .member(
            "lowerAscii", "(string) -> string",
            body: .one { (value, frame) throws(EvaluationError) in
                let text = try text(value, "lowerAscii")
                try frame.spend(text: text)
                let bytes = text.utf8.map { $0 &- UInt8(ascii: "A") < 26 ? $0 | 0x20 : $0 }
                return .string(String(decoding: bytes, as: UTF8.self))
            }),
        .member(
            "upperAscii", "(string) -> string",
            body: .one { (value, frame) throws(EvaluationError) in
                let text = try text(value, "upperAscii")
                try frame.spend(text: text)
                let bytes = text.utf8.map { $0 &- UInt8(ascii: "a") < 26 ? $0 & 0xDF : $0 }
                return .string(String(decoding: bytes, as: UTF8.self))
            }),
        .member(
            "replace", "(string, string, string) -> string",
            body: .three { (value, old, new, frame) throws(EvaluationError) in
                try replace(value, old, new, limit: -1, &frame)
            }),
        .member(
            "replace", "(string, string, string, int) -> string",
            body: .four { (value, old, new, limit, frame) throws(EvaluationError) in
                try replace(value, old, new, limit: try number(limit, "replace"), &frame)
            }),
        .member(
            "split", "(string, string) -> list(string)",
            body: .two { (value, separator, frame) throws(EvaluationError) in
                try split(value, separator, limit: -1, &frame)
            }),
        .member(
            "split", "(string, string, int) -> list(string)",
            body: .three { (value, separator, limit, frame) throws(EvaluationError) in
                try split(value, separator, limit: try number(limit, "split"), &frame)
            }),
        .member(
            "join", "(list(string)) -> string",
            body: .one { (value, frame) throws(EvaluationError) in try join(value, "", &frame) }),
        .member(
            "join", "(list(string), string) -> string",
            body: .two { (value, separator, frame) throws(EvaluationError) in
                try join(value, try text(separator, "join"), &frame)
            }),
        .member(
            "substring", "(string, int) -> string",
            body: .two { (value, start, frame) throws(EvaluationError) in
                let text = try scalars(value, "substring", &frame)
                return string(text[try index(start, upTo: text.count, "substring")...])
            }),
        .member(
            "substring", "(string, int, int) -> string",
            body: .three { (value, start, end, frame) throws(EvaluationError) in
                let text = try scalars(value, "substring", &frame)
                let start = try index(start, upTo: text.count, "substring")
                let end = try index(end, upTo: text.count, "substring")
                guard start <= end else {
                    throw EvaluationError(.indexOutOfBounds, "substring() begins at \(start), after its end \(end)")
                }
                return string(text[start..<end])
            }),
        .member(
            "trim", "(string) -> string",
            body: .one { (value, frame) throws(EvaluationError) in
                var text = try scalars(value, "trim", &frame)[...]
                while let first = text.first, first.properties.isWhitespace { text.removeFirst() }
                while let last = text.last, last.properties.isWhitespace { text.removeLast() }
                return string(text)
            }),
        .member(
            "reverse", "(string) -> string", "(list(A)) -> list(A)",
            body: .one { (value, frame) throws(EvaluationError) in
                if case .list(let list) = value {
                    try frame.spend(list.count)
                    return .list(ListValue(list.values.reversed()))
                }
                return string(try scalars(value, "reverse", &frame).reversed())
            }),
        .global(
            "strings.quote", "(string) -> string",
            body: .one { (value, frame) throws(EvaluationError) in
                let text = try text(value, "strings.quote")
                try frame.spend(text.utf8.count / 4)
                return .string(Value.quoted(text))
            }),
        .member(
            "format", "(string, list(dyn)) -> string",
            body: .two { (value, arguments, frame) throws(EvaluationError) in
                guard case .list(let arguments) = arguments else { throw .overload("format", value, arguments) }
                return .string(try TextFormat.apply(try text(value, "format"), arguments.values, &frame))
            }),
    ]

    private static let find: @Sendable (Value, Value, Value, inout Frame) throws(EvaluationError) -> Value = {
        (value, part, start, frame) throws(EvaluationError) in
        let text = try scalars(value, "indexOf", &frame)
        let search = TextSearch(try scalars(part, "indexOf", &frame))
        return .int(Int64(search.first(in: text, from: try index(start, upTo: text.count, "indexOf")) ?? -1))
    }

    private static func findLast(
        _ value: Value, _ part: Value, _ end: Value?, _ frame: inout Frame
    ) throws(EvaluationError) -> Value {
        let text = try scalars(value, "lastIndexOf", &frame)
        let part = try scalars(part, "lastIndexOf", &frame)
        var limit = text.count
        if let end { limit = try index(end, upTo: text.count, "lastIndexOf") }
        guard part.count <= text.count else { return .int(-1) }
        return .int(Int64(TextSearch(part).last(in: text, upTo: limit) ?? -1))
    }

    /// Replaces the first `limit` places, all for a negative one. An empty text stands before each code point and at the end.
    private static func replace(
        _ value: Value, _ old: Value, _ new: Value, limit: Int, _ frame: inout Frame
    ) throws(EvaluationError) -> Value {
        let text = try scalars(value, "replace", &frame)
        let old = try scalars(old, "replace", &frame)
        let new = try scalars(new, "replace", &frame)
        let search = TextSearch(old)
        var result: [Unicode.Scalar] = []
        var position = 0
        var left = limit < 0 ? Int.max : limit
        while left > 0, let found = search.first(in: text, from: position) {
            try frame.spend(1 + new.count / 4)
            result += text[position..<found] + new
            position = found + old.count
            left -= 1
            if old.isEmpty {
                guard position < text.count else { return string(result) }
                result.append(text[position])
                position += 1
            }
        }
        return string(result + text[min(position, text.count)...])
    }

    /// At most `limit` parts, any number for a negative one; an empty separator parts all code points.
    private static func split(
        _ value: Value, _ separator: Value, limit: Int, _ frame: inout Frame
    ) throws(EvaluationError) -> Value {
        let text = try scalars(value, "split", &frame)
        let separator = try scalars(separator, "split", &frame)
        guard limit != 0 else { return .list([]) }
        var left = limit < 0 ? Int.max : limit
        var parts: [Value] = []
        var position = 0
        if separator.isEmpty {
            while position < text.count, left > 1 {
                try frame.spend(1)
                parts.append(string([text[position]]))
                position += 1
                left -= 1
            }
            if position < text.count { parts.append(string(text[position...])) }
            return .list(parts)
        }
        let search = TextSearch(separator)
        while left > 1, let found = search.first(in: text, from: position) {
            try frame.spend(1)
            parts.append(string(text[position..<found]))
            position = found + separator.count
            left -= 1
        }
        parts.append(string(text[position...]))
        return .list(parts)
    }

    private static func join(
        _ value: Value, _ separator: String, _ frame: inout Frame
    ) throws(EvaluationError) -> Value {
        guard case .list(let list) = value else { throw .overload("join", value) }
        var result = ""
        var isFirst = true
        for element in list.values {
            let part = try text(element, "join")
            try frame.spend(1 + (part.utf8.count + separator.utf8.count) / 64)
            if !isFirst { result += separator }
            isFirst = false
            result += part
        }
        return .string(result)
    }
}
