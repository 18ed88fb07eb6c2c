/// A place in a configuration file. Lines and columns begin with 1; columns count Unicode scalars.
struct Position: Sendable, Hashable, Comparable, CustomStringConvertible {
    /// The line.
    var line: Int
    /// The column.
    var column: Int

    /// Where a file begins.
    static let start = Position(line: 1, column: 1)

    /// `line:column`.
    var description: String { "\(line):\(column)" }

    static func < (left: Position, right: Position) -> Bool {
        (left.line, left.column) < (right.line, right.column)
    }
}

/// One mistake in a configuration file.
struct Diagnostic: Sendable, Hashable {
    /// Where it stands.
    var position: Position
    /// What is wrong, and after a semicolon what was expected.
    var message: String

    /// A mistake at `position`.
    init(_ position: Position, _ message: String) {
        self.position = position
        self.message = message
    }
}

/// Every mistake in a configuration file, in the order in which they stand there.
struct ConfigurationError: Error, Sendable, CustomStringConvertible {
    /// The file, as the user named it.
    var file: String
    /// The mistakes.
    var diagnostics: [Diagnostic]
    /// The file's lines, with the secrets in them made unreadable.
    var lines: [String]

    /// An error made of these mistakes; each is told once.
    /// - Parameters:
    ///   - file: the file, as the user named it.
    ///   - diagnostics: the mistakes, in any order.
    ///   - lines: the file's lines.
    ///   - secrets: what is not to be shown of the lines.
    init(file: String, diagnostics: [Diagnostic], lines: [String] = [], hiding secrets: Set<String> = []) {
        self.file = file
        var seen: Set<Diagnostic> = []
        self.diagnostics = diagnostics.sorted { $0.position < $1.position }.filter { seen.insert($0).inserted }
        self.lines = lines.map { Self.hide(secrets, in: $0) }
    }

    /// One line for each mistake: `file:line:column: message`.
    var description: String {
        diagnostics.map { line(for: $0) }.joined(separator: "\n")
    }

    /// `file:line:column: message`, with the number of mistakes at the end; with each mistake the line it stands in, and
    /// a mark below its place.
    func rendered(style: TerminalStyle) -> String {
        var text = ""
        for diagnostic in diagnostics {
            text += style.bold("\(file):\(diagnostic.position): ") + diagnostic.message + "\n"
            let index = diagnostic.position.line - 1
            guard style.isTerminal, lines.indices.contains(index), !lines[index].isEmpty else { continue }
            let number = String(diagnostic.position.line)
            let margin = String(repeating: " ", count: number.count)
            // Tabs are kept, so that the mark stands below its place however wide the terminal draws them.
            let indent = lines[index].unicodeScalars.prefix(diagnostic.position.column - 1).map {
                $0 == "\t" ? "\t" : " "
            }
            text += style.dim(" \(number) | ") + lines[index] + "\n"
            text += style.dim(" \(margin) | ") + indent.joined() + style.red("^") + "\n"
        }
        let count = diagnostics.count
        return text + style.red(count == 1 ? "1 mistake" : "\(count) mistakes") + " in \(file)\n"
    }

    private func line(for diagnostic: Diagnostic) -> String {
        "\(file):\(diagnostic.position): \(diagnostic.message)"
    }

    /// Replaces every secret by dots, one for each character, so that columns stay where they are.
    private static func hide(_ secrets: Set<String>, in line: String) -> String {
        secrets.reduce(line) { line, secret in
            line.split(separator: secret, omittingEmptySubsequences: false)
                .joined(separator: String(repeating: "•", count: secret.unicodeScalars.count))
        }
    }
}
