/// The mistakes in an expression, each with its place.
public struct ExpressionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// One mistake.
    public struct Mistake: Sendable, Hashable {
        /// The line, from 1.
        public var line: Int
        /// The column, from 1, in Unicode scalars.
        public var column: Int
        /// What is wrong and what was expected.
        public var message: String
    }

    /// The mistakes, in the order in which they stand.
    public let mistakes: [Mistake]
    private let lines: [String]

    init(_ failures: [SyntaxFailure], in source: [UInt8]) {
        let lines = source.split(separator: 0x0A, omittingEmptySubsequences: false)
        var seen: Set<Mistake> = []
        mistakes = failures.sorted { $0.offset < $1.offset }.map { failure in
            let before = source[..<min(failure.offset, source.count)]
            let start = before.lastIndex(of: 0x0A).map { $0 + 1 } ?? 0
            return Mistake(
                line: before.count { $0 == 0x0A } + 1,
                column: String(decoding: before[start...], as: UTF8.self).unicodeScalars.count + 1,
                message: failure.message)
        }.filter { seen.insert($0).inserted }
        self.lines = lines.map { String(decoding: $0, as: UTF8.self) }
    }

    /// The mistakes of several parts of one text.
    init(_ errors: [ExpressionError], in source: [UInt8]) {
        mistakes = errors.flatMap(\.mistakes)
        lines = source.split(separator: 0x0A, omittingEmptySubsequences: false).map {
            String(decoding: $0, as: UTF8.self)
        }
    }

    /// Each mistake as `line:column: message`, with its line and a caret below its place.
    public var description: String {
        mistakes.map { mistake in
            let place = "\(mistake.line):\(mistake.column): \(mistake.message)"
            guard lines.indices.contains(mistake.line - 1) else { return place }
            let line = lines[mistake.line - 1]
            // Tabs are kept, so that the caret stands below its place however wide they are drawn.
            let indent = line.unicodeScalars.prefix(mistake.column - 1).map { $0 == "\t" ? "\t" : " " }.joined()
            return "\(place)\n  \(line)\n  \(indent)^"
        }.joined(separator: "\n")
    }
}
