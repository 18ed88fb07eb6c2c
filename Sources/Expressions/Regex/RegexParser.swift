/// A part of a pattern.
indirect enum RegexNode: Sendable {
    case empty
    case set(ScalarSet)
    case sequence([RegexNode])
    case choice([RegexNode])
    case loop(RegexNode, least: Int, most: Int?, isGreedy: Bool)
    /// A group whose match is kept, by its number.
    case group(RegexNode, Int)
    case assertion(RegexAssertion)
}

/// What must hold between two code points.
enum RegexAssertion: Sendable, Hashable {
    case textStart, textEnd, lineStart, lineEnd, wordBoundary, noWordBoundary
}

/// Reads a pattern in the syntax of RE2, which leaves out what cannot be matched in linear time.
struct RegexParser {
    private struct Flags {
        var ignoresCase = false
        var isMultiline = false
        var dotMatchesNewline = false
        var isUngreedy = false
    }

    private static let maximumRepetition = 1000
    private static let maximumDepth = 100

    private let scalars: [Unicode.Scalar]
    private var offset = 0
    private var flags = Flags()
    private var depth = 0
    private(set) var groups = 0

    init(_ pattern: String) {
        scalars = Array(pattern.unicodeScalars)
    }

    mutating func parse() throws(LinearRegex.SyntaxError) -> RegexNode {
        let node = try choice()
        guard offset == scalars.count else { throw error("a ')' without its '('") }
        return node
    }

    private func error(_ message: String) -> LinearRegex.SyntaxError {
        LinearRegex.SyntaxError(message: message, offset: offset)
    }

    private var next: Unicode.Scalar? { offset < scalars.count ? scalars[offset] : nil }

    private mutating func take(_ scalar: Unicode.Scalar) -> Bool {
        guard next == scalar else { return false }
        offset += 1
        return true
    }

    private mutating func take(_ text: String) -> Bool {
        let expected = Array(text.unicodeScalars)
        guard scalars[offset...].starts(with: expected) else { return false }
        offset += expected.count
        return true
    }

    private mutating func choice() throws(LinearRegex.SyntaxError) -> RegexNode {
        depth += 1
        defer { depth -= 1 }
        guard depth <= Self.maximumDepth else { throw error("it is nested deeper than \(Self.maximumDepth) levels") }
        let outer = flags
        defer { flags = outer }
        var branches = [try sequence()]
        while take("|" as Unicode.Scalar) { branches.append(try sequence()) }
        return branches.count == 1 ? branches[0] : .choice(branches)
    }

    private mutating func sequence() throws(LinearRegex.SyntaxError) -> RegexNode {
        var parts: [RegexNode] = []
        while let scalar = next, scalar != "|", scalar != ")" {
            guard let part = try atom() else { continue }
            parts.append(try repeated(part))
        }
        return parts.isEmpty ? .empty : parts.count == 1 ? parts[0] : .sequence(parts)
    }

    private mutating func repeated(_ part: RegexNode) throws(LinearRegex.SyntaxError) -> RegexNode {
        var node = part
        var isFirst = true
        while let scalar = next {
            let bounds: (Int, Int?)
            switch scalar {
            case "*": bounds = (0, nil)
            case "+": bounds = (1, nil)
            case "?": bounds = (0, 1)
            case "{":
                guard let counted = try counts() else { return node }
                bounds = counted
                offset -= 1
            default: return node
            }
            guard isFirst else {
                throw error("'\(scalar)' follows another repetition; expected parentheses around that")
            }
            isFirst = false
            offset += 1
            let isLazy = take("?" as Unicode.Scalar)
            node = .loop(node, least: bounds.0, most: bounds.1, isGreedy: isLazy == flags.isUngreedy)
        }
        return node
    }

    /// `{n}`, `{n,}` or `{n,m}`; anything else in braces is text.
    private mutating func counts() throws(LinearRegex.SyntaxError) -> (Int, Int?)? {
        guard let end = scalars[offset...].firstIndex(of: "}") else { return nil }
        let text = String(String.UnicodeScalarView(scalars[offset + 1..<end]))
        let parts = text.split(separator: ",", omittingEmptySubsequences: false)
        let isCount = { (part: Substring) in !part.isEmpty && part.utf8.allSatisfy { $0 &- 48 < 10 } }
        guard (1...2).contains(parts.count), isCount(parts[0]),
            parts.count == 1 || parts[1].isEmpty || isCount(parts[1])
        else { return nil }
        let least = Int(parts[0]) ?? .max
        let most = parts.count == 1 ? least : parts[1].isEmpty ? nil : Int(parts[1]) ?? .max
        guard max(least, most ?? 0) <= Self.maximumRepetition, least <= most ?? least else {
            throw error("{\(text)}: expected counts up to \(Self.maximumRepetition), the smaller first")
        }
        offset = end + 1
        return (least, most)
    }

    /// `nil` for what only sets flags.
    private mutating func atom() throws(LinearRegex.SyntaxError) -> RegexNode? {
        guard let scalar = next else { return .empty }
        switch scalar {
        case "(": return try group()
        case "[": return .set(try characterClass())
        case "*", "+", "?": throw error("'\(scalar)' has nothing to repeat")
        case "\\": return try escape()
        default: offset += 1
        }
        switch scalar {
        case ".": return .set(ScalarSet(flags.dotMatchesNewline ? [] : [0x0A...0x0A], isNegated: true))
        case "^": return .assertion(flags.isMultiline ? .lineStart : .textStart)
        case "$": return .assertion(flags.isMultiline ? .lineEnd : .textEnd)
        default: return .set(ScalarSet(scalar, ignoresCase: flags.ignoresCase))
        }
    }

    private mutating func group() throws(LinearRegex.SyntaxError) -> RegexNode? {
        let start = offset
        offset += 1
        var number: Int?
        if take("?") {
            if take("P<")
                || (next == "<" && !"=!".unicodeScalars.contains(scalars[min(offset + 1, scalars.count - 1)])
                    && take("<"))
            {
                let name = scalars[offset...].prefix { $0 != ">" }
                guard !name.isEmpty, name.allSatisfy({ ScalarSet(ScalarSet.word).contains($0) }),
                    offset + name.count < scalars.count
                else { throw error("expected a name of letters, digits and '_' for the group, then '>'") }
                offset += name.count + 1
                groups += 1
                number = groups
            } else if !take(":" as Unicode.Scalar) {
                let outer = flags
                guard try setFlags(start) else { return nil }
                let node = try choice()
                guard take(")" as Unicode.Scalar) else { throw error("expected ')' at the end of the group") }
                flags = outer
                return node
            }
        } else {
            groups += 1
            number = groups
        }
        let node = try choice()
        guard take(")" as Unicode.Scalar) else {
            offset = start
            throw error("the group does not end; expected ')'")
        }
        return number.map { .group(node, $0) } ?? node
    }

    /// `(?i)`, `(?i-s:…)`.
    /// - Returns: whether a group follows, in which alone they count.
    private mutating func setFlags(_ start: Int) throws(LinearRegex.SyntaxError) -> Bool {
        var isOn = true
        while let scalar = next {
            offset += 1
            switch scalar {
            case "i": flags.ignoresCase = isOn
            case "m": flags.isMultiline = isOn
            case "s": flags.dotMatchesNewline = isOn
            case "U": flags.isUngreedy = isOn
            case "-" where isOn: isOn = false
            case ")": return false
            case ":": return true
            case "=", "!", "<":
                offset = start
                throw error("looking ahead or behind cannot be matched in linear time, and is not supported")
            default:
                offset = start
                throw error("'(?\(scalar)' is no group; expected '(?:', '(?P<name>' or flags out of i, m, s and U")
            }
        }
        offset = start
        throw error("the group does not end; expected ')'")
    }

    // MARK: Escapes

    private mutating func escape() throws(LinearRegex.SyntaxError) -> RegexNode? {
        let start = offset
        offset += 1
        guard let mark = next else { throw error("the pattern ends with a backslash") }
        switch mark {
        case "A": return assertion(.textStart)
        case "z": return assertion(.textEnd)
        case "b": return assertion(.wordBoundary)
        case "B": return assertion(.noWordBoundary)
        case "Q":
            offset += 1
            var quoted: [RegexNode] = []
            while offset < scalars.count, !take("\\E") {
                quoted.append(.set(ScalarSet(scalars[offset], ignoresCase: flags.ignoresCase)))
                offset += 1
            }
            return quoted.isEmpty ? nil : .sequence(quoted)
        case "E":
            offset += 1
            return nil
        default:
            offset = start
            let part = try classEscape()
            return .set(ScalarSet(part.ranges, categories: part.categories, ignoresCase: flags.ignoresCase))
        }
    }

    private mutating func assertion(_ assertion: RegexAssertion) -> RegexNode {
        offset += 1
        return .assertion(assertion)
    }

    private typealias Part = (ranges: [ClosedRange<UInt32>], categories: [ScalarSet.Categories])

    /// An escape that stands for code points, in a class or outside.
    private mutating func classEscape() throws(LinearRegex.SyntaxError) -> Part {
        let start = offset
        offset += 1
        guard let mark = next else { throw error("the pattern ends with a backslash") }
        offset += 1
        switch mark {
        case "d": return (ScalarSet.digits, [])
        case "D": return (ScalarSet.complement(ScalarSet.digits), [])
        case "w": return (ScalarSet.word, [])
        case "W": return (ScalarSet.complement(ScalarSet.word), [])
        case "s": return (ScalarSet.space, [])
        case "S": return (ScalarSet.complement(ScalarSet.space), [])
        case "p", "P": return ([], [try category(isNegated: mark == "P")])
        case "t": return one(0x09)
        case "n": return one(0x0A)
        case "v": return one(0x0B)
        case "f": return one(0x0C)
        case "r": return one(0x0D)
        case "a": return one(0x07)
        case "x": return one(try hexadecimal())
        case "0":
            let digits = scalars[offset...].prefix(2).prefix { ("0"..."7").contains($0) }
            offset += digits.count
            return one(digits.reduce(0) { $0 * 8 + $1.value - 48 })
        case "1"..."9":
            offset = start
            throw error("a reference to a group cannot be matched in linear time, and is not supported")
        default:
            guard mark.value < 0x80, !ScalarSet(ScalarSet.word).contains(mark) else {
                offset = start
                throw error("'\\\(mark)' is no escape")
            }
            return one(mark.value)
        }
    }

    private func one(_ code: UInt32) -> Part { ([code...code], []) }

    private mutating func hexadecimal() throws(LinearRegex.SyntaxError) -> UInt32 {
        let isBraced = take("{" as Unicode.Scalar)
        let digits = scalars[offset...].prefix(isBraced ? 6 : 2).prefix { $0.properties.isASCIIHexDigit }
        guard digits.count == 2 || (isBraced && !digits.isEmpty),
            let code = UInt32(String(String.UnicodeScalarView(digits)), radix: 16), Unicode.Scalar(code) != nil
        else { throw error("expected two hexadecimal digits after \\x, or a code point in braces") }
        offset += digits.count
        guard !isBraced || take("}" as Unicode.Scalar) else { throw error("expected '}' after the code point") }
        return code
    }

    private mutating func category(isNegated: Bool) throws(LinearRegex.SyntaxError) -> ScalarSet.Categories {
        var isNegated = isNegated
        var name: String
        if take("{" as Unicode.Scalar) {
            if take("^" as Unicode.Scalar) { isNegated.toggle() }
            name = String(String.UnicodeScalarView(scalars[offset...].prefix { $0 != "}" }))
            offset += name.unicodeScalars.count
            guard take("}" as Unicode.Scalar) else { throw error("expected '}' after the category") }
        } else {
            name = next.map { String(Character($0)) } ?? ""
            offset += name.isEmpty ? 0 : 1
        }
        guard let categories = UnicodeCategories.named(name) else {
            throw error(
                "\"\(name)\" is no general category of Unicode; expected one such as L, Lu, N or P (scripts are not supported)"
            )
        }
        return ScalarSet.Categories(categories: categories, isNegated: isNegated)
    }

    // MARK: Classes

    private mutating func characterClass() throws(LinearRegex.SyntaxError) -> ScalarSet {
        let start = offset
        offset += 1
        let isNegated = take("^" as Unicode.Scalar)
        var ranges: [ClosedRange<UInt32>] = []
        var categories: [ScalarSet.Categories] = []
        var isFirst = true
        while true {
            guard let scalar = next else {
                offset = start
                throw error("the class does not end; expected ']'")
            }
            if scalar == "]", !isFirst { break }
            isFirst = false
            if let posix = try posixClass() {
                ranges += posix
                continue
            }
            let place = offset
            let low = try classMember()
            categories += low.categories
            guard low.ranges.count == 1, let first = low.ranges.first, first.count == 1, next == "-",
                offset + 1 < scalars.count, scalars[offset + 1] != "]"
            else {
                ranges += low.ranges
                continue
            }
            offset += 1
            let high = try classMember()
            guard high.ranges.count == 1, let last = high.ranges.first, last.count == 1,
                first.lowerBound <= last.lowerBound
            else {
                offset = place
                throw error("it is no range; expected two code points in order, such as a-z")
            }
            ranges.append(first.lowerBound...last.lowerBound)
        }
        offset += 1
        return ScalarSet(ranges, categories: categories, isNegated: isNegated, ignoresCase: flags.ignoresCase)
    }

    private mutating func classMember() throws(LinearRegex.SyntaxError) -> Part {
        guard let scalar = next else { throw error("the class does not end; expected ']'") }
        if scalar == "\\" { return try classEscape() }
        offset += 1
        return one(scalar.value)
    }

    /// `[:alpha:]` or `[:^alpha:]`.
    private mutating func posixClass() throws(LinearRegex.SyntaxError) -> [ClosedRange<UInt32>]? {
        guard scalars[offset...].starts(with: ["[", ":"]) else { return nil }
        let classes: [String: [ClosedRange<UInt32>]] = [
            "alnum": [0x30...0x39, 0x41...0x5A, 0x61...0x7A], "alpha": [0x41...0x5A, 0x61...0x7A],
            "ascii": [0...0x7F], "blank": [0x09...0x09, 0x20...0x20], "cntrl": [0...0x1F, 0x7F...0x7F],
            "digit": ScalarSet.digits, "graph": [0x21...0x7E], "lower": [0x61...0x7A], "print": [0x20...0x7E],
            "punct": [0x21...0x2F, 0x3A...0x40, 0x5B...0x60, 0x7B...0x7E], "space": [0x09...0x0D, 0x20...0x20],
            "upper": [0x41...0x5A], "word": ScalarSet.word, "xdigit": [0x30...0x39, 0x41...0x46, 0x61...0x66],
        ]
        let name = scalars[(offset + 2)...].prefix { $0 != ":" && $0 != "]" }
        guard scalars[(offset + 2 + name.count)...].starts(with: [":", "]"]) else { return nil }
        let isNegated = name.first == "^"
        let key = String(String.UnicodeScalarView(isNegated ? name.dropFirst() : name))
        guard let ranges = classes[key] else { throw error("[:\(key):] is no class; expected one such as [:alpha:]") }
        offset += name.count + 4
        return isNegated ? ScalarSet.complement(ranges) : ranges
    }
}
