/// A part of a configuration file, as YAML gives it: text, a list or a mapping, with the place where it stands.
struct DocumentNode: Sendable {
    /// What it holds.
    enum Content: Sendable {
        /// Text: numbers and words are not told apart yet.
        case scalar(String, ScalarStyle)
        /// A list.
        case list([DocumentNode])
        /// A mapping, in the order of the file, no key twice.
        case map([Entry])
    }

    /// How a text was written.
    enum ScalarStyle: Sendable, Hashable {
        /// Without quotes.
        case plain
        /// In single or double quotes.
        case quoted
        /// As a block, after `|` or `>`.
        case block
    }

    /// One line of a mapping.
    struct Entry: Sendable {
        /// The key.
        var key: String
        /// Where the key stands.
        var position: Position
        /// What the key holds.
        var value: DocumentNode
    }

    /// What it holds.
    var content: Content
    /// Where it begins.
    var position: Position

    /// Nothing was written, or YAML's `null`.
    var isNull: Bool {
        guard case .scalar(let text, .plain) = content else { return false }
        return text.isEmpty || text == "~" || text == "null"
    }

    /// Its text as it was written, if it is one.
    var text: String? {
        if case .scalar(let text, _) = content { text } else { nil }
    }

    /// What it is, for messages.
    var kind: String {
        switch content {
        case .scalar: isNull ? "nothing" : "text"
        case .list: "a list"
        case .map: "a mapping"
        }
    }

    /// The text as the file has it, shortened, or what it is: for messages. It never shows the environment.
    var shown: String {
        guard case .scalar(let text, _) = content, !isNull else { return kind }
        let line = text.split(whereSeparator: \.isNewline).first.map(String.init) ?? ""
        return line.count > 60 || line.count < text.count ? "\"\(line.prefix(60))…\"" : "\"\(line)\""
    }
}
