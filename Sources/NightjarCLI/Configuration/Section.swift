import Expressions

/// A mapping with known keys, while it is read. Asking for a key makes it known; ``finish()`` reports the rest.
struct Section {
    /// What it is, for messages: `job "send-receipt"`.
    let label: String
    /// Where it begins.
    let position: Position
    /// Where mistakes go.
    let context: ReadingContext
    /// What the file has.
    let entries: [DocumentNode.Entry]
    private var known: [String] = []
    private var refused: Set<String> = []

    /// The mapping that `node` is; `nil`, with a mistake noted, if it is something else. Nothing counts as an empty one.
    init?(_ node: DocumentNode, _ label: String, expected: String, context: ReadingContext) {
        switch node.content {
        case .map(let entries): self.entries = entries
        case _ where node.isNull: entries = []
        default:
            context.report(node.position, "\(label) holds \(node.kind); expected \(expected)")
            return nil
        }
        self.label = label
        position = node.position
        self.context = context
    }

    /// The entry of that key, which is known from now on.
    mutating func entry(_ key: String) -> DocumentNode.Entry? {
        known.append(key)
        return entries.first { $0.key == key }
    }

    /// Whether somebody asked for that key.
    func isKnown(_ key: String) -> Bool {
        known.contains(key)
    }

    /// Whether the file has that key.
    func has(_ key: String) -> Bool {
        entries.contains { $0.key == key }
    }

    /// Whether a key is one of a later version, or one of these misspelt: that is told already, and once is enough.
    func mayMean(oneOf keys: [String], orLater later: [String: String]) -> Bool {
        entries.contains { later[$0.key] != nil || NearestName.of($0.key, among: keys) != nil }
    }

    /// The value of a key; `nil` if it is absent, or wrong.
    mutating func read<Value>(_ key: String, _ reading: Reading<Value>) -> Value? {
        entry(key).flatMap { reading.read($0.value, key, context) }
    }

    /// The value of a key; `fallback` if it is absent, or wrong.
    mutating func read<Value>(_ key: String, _ reading: Reading<Value>, default fallback: Value) -> Value {
        read(key, reading) ?? fallback
    }

    /// The value of a key that must be there; `nil` if it is absent, or wrong.
    mutating func require<Value>(_ key: String, _ reading: Reading<Value>) -> Value? {
        guard let entry = entry(key) else {
            context.report(position, "\(label) has no \"\(key)\"; expected \(reading.expected)")
            return nil
        }
        return reading.read(entry.value, key, context)
    }

    /// Reports keys that are known words, but not here, or not yet.
    mutating func refuse(_ reasons: [String: String]) {
        for entry in entries {
            guard let reason = reasons[entry.key] else { continue }
            refused.insert(entry.key)
            context.report(entry.position, "\(label): \(reason)")
        }
    }

    /// Reports the keys that nobody asked for, but for these, which somebody else reads.
    mutating func finish(sparing others: [String]) {
        known += others
        finish()
    }

    /// Reports the keys that nobody asked for.
    func finish() {
        for entry in entries where !known.contains(entry.key) && !refused.contains(entry.key) {
            let hint =
                if let nearest = NearestName.of(entry.key, among: known) {
                    "did you mean \"\(nearest)\"?"
                } else {
                    "expected one of: \(known.joined(separator: ", "))"
                }
            context.report(entry.position, "\(label) has no key \"\(entry.key)\"; \(hint)")
        }
    }
}
