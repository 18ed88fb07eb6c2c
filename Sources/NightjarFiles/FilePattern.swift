/// A pattern for paths, as shells and `.gitignore` know them.
///
/// `*` stands for any characters but `/`, `?` for one, `[a-z]` and `[!a-z]` for one of a set or not of it, `{a,b}` for
/// either, `**` between slashes for any folders, none included; `\` takes the next character as it is. A pattern without
/// `/` is compared with a file's name, one with `/` with its whole path below the watched folder. Case matters.
struct FilePattern: Sendable, Hashable {
    private enum Part: Sendable, Hashable {
        case anyFolders
        case name([Token])
    }

    private enum Token: Sendable, Hashable {
        case one
        case many
        case literal(Character)
        case set([ClosedRange<Character>], isNegated: Bool)
    }

    /// How many patterns braces may stand for; what goes beyond is left out.
    private static let maximumAlternatives = 1000

    private let alternatives: [[Part]]
    private let isForNames: Bool

    init(_ pattern: String) {
        var text = Array(pattern)
        isForNames = !text.contains("/")
        if text.first == "/" { text.removeFirst() }
        alternatives = Self.expand(text).prefix(Self.maximumAlternatives).map { alternative in
            Self.split(alternative).map { $0 == ["*", "*"] ? .anyFolders : .name(Self.tokens($0)) }
        }
    }

    /// Whether a path fits, given the names that it consists of.
    func matches(_ names: ArraySlice<[Character]>) -> Bool {
        let compared = isForNames ? names.suffix(1) : names
        return alternatives.contains { Self.fits($0[...], compared) }
    }

    private static func fits(_ pattern: ArraySlice<Part>, _ parts: ArraySlice<[Character]>) -> Bool {
        switch pattern.first {
        case nil:
            return parts.isEmpty
        case .anyFolders?:
            let rest = pattern.drop { $0 == .anyFolders }
            if rest.isEmpty { return !parts.isEmpty }
            return parts.indices.contains { fits(rest, parts[$0...]) }
        case .name(let tokens)?:
            guard let part = parts.first, fits(tokens, part) else { return false }
            return fits(pattern.dropFirst(), parts.dropFirst())
        }
    }

    /// Goes back to the last `*` only, which is enough and keeps the work within length times length.
    private static func fits(_ tokens: [Token], _ name: [Character]) -> Bool {
        var token = 0
        var character = 0
        var retry: (token: Int, character: Int)?
        while character < name.count {
            if token < tokens.count, tokens[token] == .many {
                retry = (token, character)
                token += 1
            } else if token < tokens.count, fits(tokens[token], name[character]) {
                token += 1
                character += 1
            } else if let last = retry {
                retry = (last.token, last.character + 1)
                token = last.token + 1
                character = last.character + 1
            } else {
                return false
            }
        }
        return tokens[token...].allSatisfy { $0 == .many }
    }

    private static func fits(_ token: Token, _ character: Character) -> Bool {
        switch token {
        case .one, .many: true
        case .literal(let literal): literal == character
        case .set(let ranges, let isNegated): ranges.contains { $0.contains(character) } != isNegated
        }
    }
}

extension FilePattern {
    /// The patterns that one with braces stands for.
    private static func expand(_ text: [Character]) -> [[Character]] {
        var finished: [[Character]] = []
        var waiting = [text]
        while let next = waiting.popLast(), finished.count + waiting.count < maximumAlternatives {
            guard let (open, commas, close) = braces(in: next) else {
                finished.append(next)
                continue
            }
            let ends = commas + [close]
            let starts = [open + 1] + commas.map { $0 + 1 }
            for (start, end) in zip(starts, ends) {
                waiting.append(Array(next[..<open] + next[start..<end] + next[(close + 1)...]))
            }
        }
        return finished
    }

    /// The first pair of braces with at least one comma of its own between.
    private static func braces(in text: [Character]) -> (open: Int, commas: [Int], close: Int)? {
        for start in text.indices where text[start] == "{" && !isEscaped(start, text) {
            var depth = 0
            var commas: [Int] = []
            for index in start..<text.count where !isEscaped(index, text) {
                if text[index] == "{" { depth += 1 }
                if text[index] == ",", depth == 1 { commas.append(index) }
                if text[index] == "}" { depth -= 1 }
                if depth == 0 {
                    if commas.isEmpty { break }
                    return (start, commas, index)
                }
            }
        }
        return nil
    }

    private static func isEscaped(_ index: Int, _ text: [Character]) -> Bool {
        !text[..<index].reversed().prefix { $0 == "\\" }.count.isMultiple(of: 2)
    }

    private static func split(_ text: [Character]) -> [[Character]] {
        text.split(separator: "/").map(Array.init)
    }

    private static func tokens(_ text: [Character]) -> [Token] {
        var result: [Token] = []
        var index = 0
        while index < text.count {
            switch text[index] {
            case "*": if result.last != .many { result.append(.many) }
            case "?": result.append(.one)
            case "\\" where index + 1 < text.count:
                index += 1
                result.append(.literal(text[index]))
            case "[":
                if let (set, end) = set(text, from: index) {
                    result.append(set)
                    index = end
                } else {
                    result.append(.literal("["))
                }
            default: result.append(.literal(text[index]))
            }
            index += 1
        }
        return result
    }

    /// The set that begins with the bracket at `start`, and where its closing bracket is; `nil` if there is none.
    private static func set(_ text: [Character], from start: Int) -> (Token, end: Int)? {
        var index = start + 1
        let isNegated = index < text.count && (text[index] == "!" || text[index] == "^")
        if isNegated { index += 1 }
        let first = index
        var ranges: [ClosedRange<Character>] = []
        while index < text.count {
            if text[index] == "]", index > first { return (.set(ranges, isNegated: isNegated), index) }
            let low = text[index]
            if index + 2 < text.count, text[index + 1] == "-", text[index + 2] != "]" {
                let high = text[index + 2]
                if low <= high { ranges.append(low...high) }
                index += 3
            } else {
                ranges.append(low...low)
                index += 1
            }
        }
        return nil
    }
}
