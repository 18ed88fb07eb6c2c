import Foundation

/// `format()` of the strings extension: `%s`, `%d`, `%f`, `%e`, `%b`, `%o`, `%x`, `%X` and `%%`.
enum TextFormat {
    /// The largest precision of `%f` and `%e`.
    private static let maximumPrecision = 100

    static func apply(_ format: String, _ arguments: [Value], _ frame: inout Frame) throws(EvaluationError) -> String {
        try frame.spend(format.utf8.count / 4)
        var result = ""
        var rest = Substring(format).unicodeScalars
        var used = 0
        while let percent = rest.firstIndex(of: "%") {
            result += String(rest[..<percent])
            rest = rest[rest.index(after: percent)...]
            if rest.first == "%" {
                result += "%"
                rest.removeFirst()
                continue
            }
            var precision: Int?
            if rest.first == "." {
                rest.removeFirst()
                let digits = rest.prefix { ("0"..."9").contains($0) }
                guard let number = Int(String(digits)), number <= maximumPrecision else {
                    throw .argument("format() expects a precision from 0 to \(maximumPrecision) after '%.'")
                }
                precision = number
                rest = rest.dropFirst(digits.count)
            }
            guard let verb = rest.popFirst() else {
                throw .argument("the format ends after '%'; expected %s, %d or the like")
            }
            guard used < arguments.count else {
                throw EvaluationError(
                    .indexOutOfBounds, "the format asks for more than the \(arguments.count) values it has")
            }
            let part = try clause(verb, precision, arguments[used], &frame)
            try frame.spend(1 + part.utf8.count / 64)
            result += part
            used += 1
        }
        return result + String(rest)
    }

    private static func clause(
        _ verb: Unicode.Scalar, _ precision: Int?, _ value: Value, _ frame: inout Frame
    ) throws(EvaluationError) -> String {
        switch (verb, value) {
        case ("s", _): return try plain(value, &frame, depth: 0)
        case ("d", .int(let number)): return String(number)
        case ("d", .uint(let number)): return String(number)
        case ("d", .double(let number)) where !number.isFinite: return NumberText.of(number)
        case ("f", _), ("e", _):
            guard let number = double(value) else { break }
            guard number.isFinite else { return NumberText.of(number) }
            return String(format: "%.\(precision ?? 6)\(verb)", number)
        case ("b", .int(let number)): return String(number, radix: 2)
        case ("b", .uint(let number)): return String(number, radix: 2)
        case ("b", .bool(let value)): return value ? "1" : "0"
        case ("o", .int(let number)): return String(number, radix: 8)
        case ("o", .uint(let number)): return String(number, radix: 8)
        case ("x", _), ("X", _):
            guard let text = hexadecimal(value, isUppercase: verb == "X") else { break }
            return text
        default: break
        }
        guard "sdfeboxX".unicodeScalars.contains(verb) else {
            throw .argument("format() does not know '%\(verb)'; expected %s, %d, %f, %e, %b, %o, %x or %X")
        }
        throw .argument("'%\(verb)' cannot show a \(value.typeName)")
    }

    private static func double(_ value: Value) -> Double? {
        switch value {
        case .double(let number): number
        case .int(let number): Double(number)
        case .uint(let number): Double(number)
        default: nil
        }
    }

    private static func hexadecimal(_ value: Value, isUppercase: Bool) -> String? {
        switch value {
        case .int(let number): String(number, radix: 16, uppercase: isUppercase)
        case .uint(let number): String(number, radix: 16, uppercase: isUppercase)
        case .string(let text): hexadecimal(Array(text.utf8), isUppercase)
        case .bytes(let bytes): hexadecimal(bytes, isUppercase)
        default: nil
        }
    }

    private static func hexadecimal(_ bytes: [UInt8], _ isUppercase: Bool) -> String {
        bytes.map { ($0 < 16 ? "0" : "") + String($0, radix: 16, uppercase: isUppercase) }.joined()
    }

    /// A value as `%s` shows it: texts without quotes, keys in order.
    static func plain(_ value: Value, _ frame: inout Frame, depth: Int) throws(EvaluationError) -> String {
        guard depth < 64 else { throw .argument("format() cannot show what is nested deeper than 64 levels") }
        try frame.spend(1)
        switch value {
        case .string(let text):
            try frame.spend(text: text)
            return text
        case .double(let number): return NumberText.of(number)
        case .uint(let number): return String(number)
        case .bytes(let bytes):
            try frame.spend(bytes.count / 64)
            return String(decoding: bytes, as: UTF8.self)
        case .timestamp(let time): return time.description
        case .duration(let duration): return duration.description
        case .list(let list):
            var parts: [String] = []
            for element in list.values { parts.append(try plain(element, &frame, depth: depth + 1)) }
            return "[" + parts.joined(separator: ", ") + "]"
        case .map(let map):
            var parts: [(String, String)] = []
            for (key, value) in map.entries {
                parts.append((try plain(key, &frame, depth: depth + 1), try plain(value, &frame, depth: depth + 1)))
            }
            parts.sort { $0.0 < $1.0 }
            return "{" + parts.map { "\($0): \($1)" }.joined(separator: ", ") + "}"
        case .optional(let optional):
            guard let inner = optional.value else { return "optional.none()" }
            return "optional.of(\(try plain(inner, &frame, depth: depth + 1)))"
        case .null, .bool, .int, .type, .object: return value.description
        }
    }
}
