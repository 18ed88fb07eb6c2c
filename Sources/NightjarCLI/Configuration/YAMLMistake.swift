import Yams

/// Says in plain words what the YAML library found wrong.
enum YAMLMistake {
    /// The mistake that `error` tells of.
    static func diagnostic(for error: YamlError, lines: [String]) -> Diagnostic {
        switch error {
        case .scanner(let context, let problem, let mark, _), .parser(let context, let problem, let mark, _),
            .composer(let context, let problem, let mark, _):
            let position = Position(line: mark.line, column: mark.column)
            return Diagnostic(position, message(problem, context: context, at: position, lines: lines))
        case .reader(let problem, let offset, _, let yaml):
            return Diagnostic(
                self.position(ofCharacter: offset ?? 0, in: yaml),
                "\(problem); expected UTF-8 text without control characters")
        case .duplicatedKeysInMapping(let names, let context):
            let list = names.map { "\"\($0)\"" }.joined(separator: ", ")
            return Diagnostic(
                Position(line: context.mark.line, column: context.mark.column),
                "the key \(list) stands twice; expected it once")
        case .memory:
            return Diagnostic(.start, "there is not enough memory to read the file; expected a smaller one")
        case .no, .writer, .emitter, .representer, .dataCouldNotBeDecoded:
            return Diagnostic(.start, "the file cannot be read as YAML: \(error)")
        }
    }

    private static func message(
        _ problem: String, context: YamlError.Context?, at position: Position, lines: [String]
    ) -> String {
        let line = lines.indices.contains(position.line - 1) ? lines[position.line - 1] : ""
        let rest = line.unicodeScalars.dropFirst(position.column - 1)
        if rest.first == "\t" || line.prefix(while: \.isWhitespace).contains("\t") {
            return "a tab cannot indent YAML; expected spaces"
        }
        switch problem {
        case "mapping values are not allowed in this context":
            return
                "a ':' is not allowed here; expected one \"key: value\" in a line, and quotes around a value that holds ': '"
        case "did not find expected key":
            return "this does not fit the lines above; expected \"key: value\", indented as its neighbours are"
        case "could not find expected ':'":
            return "this is no \"key: value\"; expected a ':' and a space after the key"
        case "found unexpected end of stream":
            return "the file ends inside a quoted text; expected a closing quote"
        case "found undefined alias":
            return "no anchor of this name stands above; expected an alias such as *name after its anchor &name"
        case "but found another document":
            return "a second document begins here; expected one document in the file"
        case "did not find expected alphabetic or numeric character" where rest.first == "*" || rest.first == "&":
            return "a text that begins with '\(rest.first ?? "*")' is an alias or anchor; expected quotes around it"
        default:
            if rest.first == "%" || rest.first == "@" || rest.first == "`" {
                return "a text cannot begin with '\(rest.first ?? "@")'; expected quotes around it"
            }
            if let context, context.text.contains("flow"), problem.contains("',' or") {
                return
                    "the bracket of line \(context.mark.line) is not closed properly; expected ',' or the closing bracket"
            }
            let where_ = context.map { " (\($0.text), line \($0.mark.line))" } ?? ""
            return "not valid YAML: \(problem)\(where_); expected well-formed YAML"
        }
    }

    private static func position(ofCharacter offset: Int, in yaml: String) -> Position {
        var position = Position.start
        for character in yaml.prefix(offset) {
            position =
                character.isNewline
                ? Position(line: position.line + 1, column: 1)
                : Position(line: position.line, column: position.column + 1)
        }
        return position
    }
}
