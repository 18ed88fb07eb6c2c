import NightjarCore

/// The sections `jobs` and `triggers`: mappings from names to definitions.
enum NamedEntries {
    /// The names in the section, also of what cannot be read.
    static func names(in node: DocumentNode) -> [String] {
        guard case .map(let entries) = node.content else { return [] }
        return entries.map(\.key)
    }

    /// Reads what each definition has, without asking for more: what cannot be a definition is left out.
    static func each<Value>(
        _ node: DocumentNode?, _ context: ReadingContext, _ read: (inout Section, _ name: String) -> Value
    ) -> [Value] {
        guard case .map(let entries)? = node?.content else { return [] }
        return entries.compactMap { entry in
            guard
                var section = Section(entry.value, "\"\(entry.key)\"", expected: "its settings", context: context)
            else { return nil }
            return read(&section, entry.key)
        }
    }

    /// Reads each definition.
    /// - Parameters:
    ///   - kind: what is named: `job`, `trigger`.
    ///   - define: reads a definition; gets the section and the place of its name.
    static func reading<Definition>(
        _ kind: String, _ define: @escaping (inout Section, _ name: String, _ position: Position) -> Definition?
    ) -> Reading<[Definition]> {
        let expected = "a mapping from names to \(kind)s"
        return Reading<[Definition]>(expected) { node, label, context in
            if node.isNull { return [] }
            guard case .map(let entries) = node.content else {
                context.report(node.position, "\(label) holds \(node.kind); expected \(expected)")
                return nil
            }
            return entries.compactMap { entry in
                if !Job.isValidName(entry.key) {
                    context.report(
                        entry.position,
                        "\"\(entry.key)\" cannot name a \(kind); expected 1 to 128 letters, digits, '-', '_' and '.', beginning with a letter or digit"
                    )
                }
                let label = "\(kind) \"\(entry.key)\""
                guard var section = Section(entry.value, label, expected: "its settings", context: context) else {
                    return nil
                }
                let definition = define(&section, entry.key, entry.position)
                section.finish()
                return definition
            }
        }
    }
}
