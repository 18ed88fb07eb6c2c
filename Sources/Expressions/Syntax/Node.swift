/// A part of an expression, as it was written.
struct Node: Sendable {
    /// An element of a list literal.
    struct Element: Sendable {
        var value: Node
        /// `[?x]`: left out if the optional has no value.
        var isOptional: Bool
    }

    /// An entry of a map literal.
    struct Entry: Sendable {
        var key: Node
        var value: Node
        /// `{?k: v}`: left out if the optional has no value.
        var isOptional: Bool
    }

    indirect enum Kind: Sendable {
        case literal(Value)
        case identifier(String)
        /// `operand.field`, `operand.?field`
        case select(Node, String, isOptional: Bool)
        /// `operand[index]`, `operand[?index]`
        case index(Node, Node, isOptional: Bool)
        /// `name(…)`, `target.name(…)`
        case call(String, target: Node?, [Node])
        /// `!a`, `-a`
        case unary(String, Node)
        /// `a + b` and the like, but for `&&` and `||`
        case binary(String, Node, Node)
        case and([Node])
        case or([Node])
        case conditional(Node, Node, Node)
        case list([Element])
        case map([Entry])
    }

    var kind: Kind
    /// Where it stands: for an operator, where that is.
    var offset: Int
    /// How deep the tree below it is.
    var depth: Int

    init(_ kind: Kind, at offset: Int, over children: [Node] = []) {
        self.kind = kind
        self.offset = offset
        depth = 1 + (children.lazy.map(\.depth).max() ?? 0)
    }

    /// The name, if it is one.
    var identifier: String? {
        if case .identifier(let name) = kind { name } else { nil }
    }

    /// The names of `a.b.c`, if it is nothing but that.
    var path: [String]? {
        switch kind {
        case .identifier(let name): return [name]
        case .select(let operand, let field, isOptional: false): return operand.path.map { $0 + [field] }
        case .index(let operand, let index, isOptional: false):
            guard case .literal(.string(let field)) = index.kind else { return nil }
            return operand.path.map { $0 + [field] }
        default: return nil
        }
    }

    /// What it is made of.
    var children: [Node] {
        switch kind {
        case .literal, .identifier: []
        case .select(let operand, _, _): [operand]
        case .index(let operand, let index, _): [operand, index]
        case .call(_, let target, let arguments): (target.map { [$0] } ?? []) + arguments
        case .unary(_, let operand): [operand]
        case .binary(_, let left, let right): [left, right]
        case .and(let operands), .or(let operands): operands
        case .conditional(let condition, let first, let second): [condition, first, second]
        case .list(let elements): elements.map(\.value)
        case .map(let entries): entries.flatMap { [$0.key, $0.value] }
        }
    }
}
