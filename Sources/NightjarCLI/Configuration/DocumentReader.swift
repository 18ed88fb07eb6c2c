import Yams

/// Reads YAML into ``DocumentNode``s. The only file that knows the YAML library.
///
/// What it finds beyond plain syntax errors, such as a key that stands twice, is collected, so that the mistakes in the
/// rest of the document are told as well.
struct DocumentReader {
    /// The largest document, in nodes; aliases count each time they are used, which keeps "billion laughs" harmless.
    static let maximumNodes = 50_000
    /// The deepest nesting.
    static let maximumDepth = 64

    private(set) var diagnostics: [Diagnostic] = []
    private var nodes = 0
    private var renamed: [String: String] = [:]

    /// Reads a document.
    /// - Returns: its root, `nil` if it cannot be read, and every mistake found.
    static func read(_ text: ConfigurationText) -> (root: DocumentNode?, diagnostics: [Diagnostic]) {
        var reader = DocumentReader()
        let root = reader.root(of: text)
        return (root, reader.diagnostics)
    }

    private mutating func root(of source: ConfigurationText) -> DocumentNode? {
        if let position = AliasKeys.firstSuspicious(in: source.lines) {
            diagnostics.append(
                Diagnostic(position, "a list, a mapping or an alias stands as a key; expected a plain word as key"))
            return nil
        }
        guard let node = compose(source) else { return nil }
        return converted(node, depth: 0)
    }

    /// Parses the text. The library refuses a document in which a key stands twice and tells the place of the first one
    /// only; that one is given another name of the same length and the text parsed again, until both are known.
    private mutating func compose(_ source: ConfigurationText) -> Yams.Node? {
        var lines = source.lines
        for round in 0..<200 {
            do {
                guard let node = try Yams.compose(yaml: lines.joined(separator: "\n"), .basic, .default, .utf8) else {
                    diagnostics.append(
                        Diagnostic(.start, "the file is empty; expected a mapping with \"jobs\" and \"triggers\""))
                    return nil
                }
                return node
            } catch YamlError.duplicatedKeysInMapping(let names, let context) {
                let position = Position(line: context.mark.line, column: context.mark.column)
                guard let name = names.first, let alias = rename(name, at: position, in: &lines, round: round) else {
                    let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
                    diagnostics.append(Diagnostic(position, "the key \(list) stands twice; expected it once"))
                    return nil
                }
                renamed[alias] = name
            } catch let error as YamlError {
                diagnostics.append(YAMLMistake.diagnostic(for: error, lines: lines))
                return nil
            } catch {
                diagnostics.append(Diagnostic(.start, "the file cannot be read as YAML: \(error)"))
                return nil
            }
        }
        diagnostics.append(Diagnostic(.start, "more than 200 keys stand twice; expected each once"))
        return nil
    }

    private func rename(_ name: String, at position: Position, in lines: inout [String], round: Int) -> String? {
        guard let standIn = UnicodeScalar(0xE000 + round), lines.indices.contains(position.line - 1) else { return nil }
        var scalars = Array(lines[position.line - 1].unicodeScalars)
        var start = position.column - 1
        if scalars.indices.contains(start), scalars[start] == "\"" || scalars[start] == "'" { start += 1 }
        let wanted = Array(name.unicodeScalars)
        let end = start + wanted.count
        guard !wanted.isEmpty, end <= scalars.count, Array(scalars[start..<end]) == wanted else { return nil }
        let alias = Array(repeating: standIn, count: wanted.count)
        scalars.replaceSubrange(start..<end, with: alias)
        var line = String.UnicodeScalarView()
        line.append(contentsOf: scalars)
        lines[position.line - 1] = String(line)
        var text = String.UnicodeScalarView()
        text.append(contentsOf: alias)
        return String(text)
    }

    private mutating func converted(_ node: Yams.Node, depth: Int) -> DocumentNode? {
        let position = Position(line: node.mark?.line ?? 1, column: node.mark?.column ?? 1)
        nodes += 1
        guard nodes <= Self.maximumNodes else {
            if nodes == Self.maximumNodes + 1 {
                diagnostics.append(
                    Diagnostic(
                        position,
                        "the document has more than \(Self.maximumNodes) parts once its aliases are followed; expected fewer"
                    ))
            }
            return nil
        }
        guard depth < Self.maximumDepth else {
            diagnostics.append(
                Diagnostic(position, "nested more than \(Self.maximumDepth) deep; expected a configuration file"))
            return nil
        }
        switch node {
        case .scalar(let scalar):
            let style: DocumentNode.ScalarStyle =
                switch scalar.style {
                case .plain, .any: .plain
                case .singleQuoted, .doubleQuoted: .quoted
                case .literal, .folded: .block
                }
            return DocumentNode(content: .scalar(scalar.string, style), position: position)
        case .sequence(let sequence):
            return DocumentNode(
                content: .list(sequence.compactMap { converted($0, depth: depth + 1) }), position: position)
        case .mapping(let mapping):
            return DocumentNode(content: .map(entries(of: mapping, depth: depth)), position: position)
        case .alias:
            return nil
        }
    }

    private mutating func entries(of mapping: Yams.Node.Mapping, depth: Int) -> [DocumentNode.Entry] {
        var entries: [DocumentNode.Entry] = []
        var merged: [DocumentNode.Entry] = []
        var lines: [String: Int] = [:]
        for (key, value) in mapping {
            let position = Position(line: key.mark?.line ?? 1, column: key.mark?.column ?? 1)
            guard case .scalar(let scalar) = key else {
                diagnostics.append(
                    Diagnostic(position, "a list or a mapping stands as a key; expected a plain word as key"))
                continue
            }
            let name = renamed[scalar.string] ?? scalar.string
            guard let converted = converted(value, depth: depth + 1) else { continue }
            if name == "<<", scalar.style == .plain {
                merged += merges(of: converted)
            } else if let first = lines[name] {
                diagnostics.append(
                    Diagnostic(position, "the key \"\(name)\" stands twice, first in line \(first); expected it once"))
            } else {
                lines[name] = position.line
                entries.append(DocumentNode.Entry(key: name, position: position, value: converted))
            }
        }
        for entry in merged where lines.updateValue(entry.position.line, forKey: entry.key) == nil {
            entries.append(entry)
        }
        return entries
    }

    /// What `<<: *anchor` brings (YAML 1.1's merge key): a mapping's entries, or those of several.
    private mutating func merges(of node: DocumentNode) -> [DocumentNode.Entry] {
        switch node.content {
        case .map(let entries): return entries
        case .list(let nodes): return nodes.flatMap { merges(of: $0) }
        case .scalar:
            diagnostics.append(
                Diagnostic(node.position, "\"<<\" holds \(node.kind); expected a mapping to merge, such as *defaults"))
            return []
        }
    }
}
