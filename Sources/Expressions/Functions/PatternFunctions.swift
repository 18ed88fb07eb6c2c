extension FunctionTable {
    /// `matches()` of the list of standard definitions, and the regex extension: RE2 syntax, linear time.
    static let patterns: [Function] = [
        .global("matches", "(string, string) -> bool", body: .two(matches)),
        .member("matches", "(string, string) -> bool", body: .two(matches)),
        .global(
            "regex.extract", "(string, string) -> optional(string)",
            body: .two { (value, pattern, frame) throws(EvaluationError) in
                let (regex, text) = try prepare("regex.extract", value, pattern, &frame)
                guard regex.groups <= 1 else {
                    throw .argument("regex.extract() expects a pattern with at most one group")
                }
                guard let match = try regex.firstMatch(in: text.scalars, from: 0, &frame) else { return .none }
                guard let range = match[regex.groups] else { return .none }
                return .some(.string(text.part(range)))
            }),
        .global(
            "regex.extractAll", "(string, string) -> list(string)",
            body: .two { (value, pattern, frame) throws(EvaluationError) in
                let (regex, text) = try prepare("regex.extractAll", value, pattern, &frame)
                guard regex.groups <= 1 else {
                    throw .argument("regex.extractAll() expects a pattern with at most one group")
                }
                var parts: [Value] = []
                try regex.forEachMatch(in: text, &frame) { match in
                    if let range = match[regex.groups] { parts.append(.string(text.part(range))) }
                }
                return .list(parts)
            }),
        .global(
            "regex.replace", "(string, string, string) -> string",
            body: .three { (value, pattern, new, frame) throws(EvaluationError) in
                try replace(value, pattern, new, limit: -1, &frame)
            }),
        .global(
            "regex.replace", "(string, string, string, int) -> string",
            body: .four { (value, pattern, new, limit, frame) throws(EvaluationError) in
                guard case .int(let limit) = limit else { throw .overload("regex.replace", value, pattern, new, limit) }
                return try replace(value, pattern, new, limit: Int(clamping: limit), &frame)
            }),
    ]

    private static let matches: @Sendable (Value, Value, inout Frame) throws(EvaluationError) -> Value = {
        (value, pattern, frame) throws(EvaluationError) in
        let (regex, text) = try prepare("matches", value, pattern, &frame)
        return .bool(try regex.firstMatch(in: text.scalars, from: 0, &frame) != nil)
    }

    /// The pattern ready for use, paid for with what looking through the text takes at most.
    private static func prepare(
        _ name: String, _ value: Value, _ pattern: Value, _ frame: inout Frame
    ) throws(EvaluationError) -> (LinearRegex, ScalarText) {
        guard case .string(let text) = value, case .string(let pattern) = pattern else {
            throw .overload(name, value, pattern)
        }
        try frame.spend(10 + pattern.utf8.count)
        let regex: LinearRegex
        do { regex = try LinearRegex(pattern) } catch { throw .argument("the pattern is wrong: \(error)") }
        try frame.spend(text.utf8.count / 4)
        return (regex, ScalarText(text))
    }

    /// Replaces the first `limit` matches, all for a negative one; `\1` to `\9` stand for groups, `\0` for the match.
    private static func replace(
        _ value: Value, _ pattern: Value, _ new: Value, limit: Int, _ frame: inout Frame
    ) throws(EvaluationError) -> Value {
        guard case .string(let new) = new else { throw .overload("regex.replace", value, pattern, new) }
        let (regex, text) = try prepare("regex.replace", value, pattern, &frame)
        let pieces = try pieces(new, groups: regex.groups)
        var result = ""
        var position = 0
        var left = limit < 0 ? Int.max : limit
        try regex.forEachMatch(in: text, &frame) { match in
            guard left > 0, let whole = match[0] else { return }
            left -= 1
            result += text.part(position..<whole.lowerBound)
            for piece in pieces {
                switch piece {
                case .text(let text): result += text
                case .group(let group): result += match[group].map { text.part($0) } ?? ""
                }
            }
            position = whole.upperBound
        }
        try frame.spend(result.utf8.count / 64)
        return .string(result + text.part(position..<text.scalars.count))
    }

    private enum Piece {
        case text(String)
        case group(Int)
    }

    private static func pieces(_ text: String, groups: Int) throws(EvaluationError) -> [Piece] {
        var pieces: [Piece] = []
        var rest = Substring(text).unicodeScalars
        var plain = ""
        while let scalar = rest.popFirst() {
            guard scalar == "\\" else {
                plain.unicodeScalars.append(scalar)
                continue
            }
            guard let mark = rest.popFirst() else { throw .argument("the replacement ends with a backslash") }
            if mark == "\\" {
                plain += "\\"
                continue
            }
            guard ("0"..."9").contains(mark), Int(mark.value) - 48 <= groups else {
                throw .argument("the replacement has '\\\(mark)'; expected '\\\\', or '\\0' to '\\\(min(groups, 9))'")
            }
            pieces.append(.text(plain))
            plain = ""
            pieces.append(.group(Int(mark.value) - 48))
        }
        return pieces + [.text(plain)]
    }
}

/// A text as code points, with its parts as texts.
struct ScalarText {
    let scalars: [Unicode.Scalar]

    init(_ text: String) { scalars = Array(text.unicodeScalars) }

    func part(_ range: Range<Int>) -> String {
        var view = String.UnicodeScalarView()
        view.append(contentsOf: scalars[range])
        return String(view)
    }
}

extension LinearRegex {
    /// Calls `body` with each match that begins after the one before; each costs as much as looking through the rest.
    fileprivate func forEachMatch(
        in text: ScalarText, _ frame: inout Frame, _ body: ([Range<Int>?]) -> Void
    ) throws(EvaluationError) {
        var position = 0
        while position <= text.scalars.count,
            let match = try firstMatch(in: text.scalars, from: position, &frame),
            let whole = match[0]
        {
            try frame.spend(1)
            body(match)
            position = whole.isEmpty ? whole.upperBound + 1 : whole.upperBound
        }
    }
}
