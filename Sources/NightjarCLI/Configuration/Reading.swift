/// How a value is read from a part of the file. What cannot be read is noted in the context as a mistake.
struct Reading<Value> {
    /// What is expected, for messages: `a duration such as 30s`.
    let expected: String
    /// Reads the value; `nil` if a mistake was noted. The label names the key, for messages.
    let read: (_ node: DocumentNode, _ label: String, _ context: ReadingContext) -> Value?

    /// A reading of any part of the file.
    init(_ expected: String, read: @escaping (DocumentNode, String, ReadingContext) -> Value?) {
        self.expected = expected
        self.read = read
    }

    /// A reading of text, with the environment filled in.
    static func text(_ expected: String, _ parse: @escaping (String) -> Value?) -> Reading {
        Reading(expected) { node, label, context in
            guard let text = context.text(node, label, expected: expected) else { return nil }
            guard let value = parse(text) else {
                context.report(node.position, "\(label): \(node.shown) is wrong; expected \(expected)")
                return nil
            }
            return value
        }
    }

    /// A reading of a mapping with known keys. Unknown ones are mistakes.
    static func section(_ expected: String, _ body: @escaping (inout Section) -> Value?) -> Reading {
        Reading(expected) { node, label, context in
            guard var section = Section(node, label, expected: expected, context: context) else { return nil }
            let value = body(&section)
            section.finish()
            return value
        }
    }

    /// A reading that turns what this one reads into something else.
    func map<Other>(_ transform: @escaping (Value) -> Other) -> Reading<Other> {
        Reading<Other>(expected) { node, label, context in read(node, label, context).map(transform) }
    }

    /// A reading that also tries `check` on what this one reads, and reports what it throws.
    func checked(_ check: @escaping (Value) throws -> some Any) -> Reading {
        Reading(expected) { node, label, context in
            guard let value = read(node, label, context) else { return nil }
            do {
                _ = try check(value)
                return value
            } catch {
                context.report(node.position, "\(label): \(error)")
                return nil
            }
        }
    }

    /// A reading of a list of these.
    func list(atMost limit: Int = 1000) -> Reading<[Value]> {
        Reading<[Value]>("a list, each \(expected)") { node, label, context in
            guard case .list(let nodes) = node.content else {
                context.report(node.position, "\(label) holds \(node.kind); expected a list, each \(expected)")
                return nil
            }
            guard nodes.count <= limit else {
                context.report(node.position, "\(label) has \(nodes.count) members; expected at most \(limit)")
                return nil
            }
            let values = nodes.map { read($0, label, context) }
            return values.contains { $0 == nil } ? nil : values.compactMap { $0 }
        }
    }

    /// A reading of one of these or a list of at least one.
    func oneOrMore() -> Reading<[Value]> {
        Reading<[Value]>("\(expected), or a list of these") { node, label, context in
            guard case .list(let nodes) = node.content else { return read(node, label, context).map { [$0] } }
            guard !nodes.isEmpty else {
                context.report(node.position, "\(label) is an empty list; expected \(expected)")
                return nil
            }
            return list().read(node, label, context)
        }
    }

    /// A reading of a mapping from any key to these.
    func dictionary() -> Reading<[String: Value]> {
        Reading<[String: Value]>("a mapping, each value \(expected)") { node, label, context in
            if node.isNull { return [:] }
            guard case .map(let entries) = node.content else {
                context.report(node.position, "\(label) holds \(node.kind); expected a mapping, each value \(expected)")
                return nil
            }
            var values: [String: Value] = [:]
            for entry in entries { values[entry.key] = read(entry.value, "\(label).\(entry.key)", context) }
            return values.count == entries.count ? values : nil
        }
    }
}
