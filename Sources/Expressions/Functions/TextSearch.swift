/// Finds texts in texts, in time linear in both (Knuth, Morris and Pratt).
struct TextSearch<Element: Equatable> {
    private let pattern: [Element]
    /// For each length of a match so far, how much of it is left when the next element does not fit.
    private let fallback: [Int]

    init(_ pattern: [Element]) {
        self.pattern = pattern
        var fallback = Array(repeating: 0, count: pattern.count)
        var length = 0
        for index in pattern.indices.dropFirst() {
            while length > 0, pattern[index] != pattern[length] { length = fallback[length - 1] }
            if pattern[index] == pattern[length] { length += 1 }
            fallback[index] = length
        }
        self.fallback = fallback
    }

    /// Where the pattern begins, at `start` or later; an empty one stands everywhere.
    func first(in text: [Element], from start: Int = 0) -> Int? {
        guard start <= text.count else { return nil }
        guard !pattern.isEmpty else { return start }
        var length = 0
        for index in start..<text.count {
            while length > 0, text[index] != pattern[length] { length = fallback[length - 1] }
            if text[index] == pattern[length] { length += 1 }
            if length == pattern.count { return index - length + 1 }
        }
        return nil
    }

    /// Where the pattern begins last, at `end` or earlier.
    func last(in text: [Element], upTo end: Int) -> Int? {
        let reversed = TextSearch(pattern.reversed())
        let skipped = max(0, text.count - pattern.count - end)
        return reversed.first(in: text.reversed(), from: skipped).map { text.count - pattern.count - $0 }
    }
}

extension String {
    /// Whether these bytes stand in it, in order.
    func contains(bytesOf other: String) -> Bool {
        guard other.utf8.count <= utf8.count else { return false }
        return TextSearch(Array(other.utf8)).first(in: Array(utf8)) != nil
    }
}
