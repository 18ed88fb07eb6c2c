/// Reads an expression ("Syntax" in the language definition), from the loosest operator to the tightest.
struct Parser {
    /// How deep parentheses, brackets and operators may be nested.
    static let maximumNesting = 100
    /// How deep the tree may be: `a + b + c` is as deep as it is long.
    static let maximumDepth = 400
    /// How long a source may be, in bytes.
    static let maximumBytes = 100_000

    private static let keywords: Set<String> = ["true", "false", "null", "in"]
    private static let reserved: Set<String> = [
        "as", "break", "const", "continue", "else", "for", "function", "if", "import", "let", "loop", "package",
        "namespace", "return", "var", "void", "while",
    ]

    private var lexer: Lexer
    private var token: Token
    private var nesting = 0

    /// Reads the whole source.
    static func parse(_ source: [UInt8]) throws(SyntaxFailure) -> Node {
        guard source.count <= maximumBytes else {
            throw SyntaxFailure(offset: 0, message: "the expression is longer than \(maximumBytes) bytes")
        }
        var parser = try Parser(source, at: 0)
        let node = try parser.expression()
        guard case .end = parser.token.kind else { throw parser.unexpected("an operator or the end") }
        return node
    }

    /// Reads an expression that ends at `}}`, from `offset` on.
    /// - Returns: the expression, and where the text goes on.
    static func parseHole(_ source: [UInt8], at offset: Int) throws(SyntaxFailure) -> (node: Node, end: Int) {
        var parser = try Parser(source, at: offset)
        let node = try parser.expression()
        guard parser.token.isSymbol("}") else { throw parser.unexpected("'}}'") }
        let end = parser.token.end
        guard end < source.count, source[end] == UInt8(ascii: "}") else {
            throw SyntaxFailure(offset: end, message: "expected '}}' at the end of the expression")
        }
        return (node, end + 1)
    }

    private init(_ source: [UInt8], at offset: Int) throws(SyntaxFailure) {
        lexer = Lexer(source, at: offset)
        token = try lexer.next()
    }

    private mutating func advance() throws(SyntaxFailure) {
        token = try lexer.next()
    }

    private mutating func take(_ symbol: String) throws(SyntaxFailure) -> Bool {
        guard token.isSymbol(symbol) else { return false }
        try advance()
        return true
    }

    private mutating func expect(_ symbol: String, _ context: String) throws(SyntaxFailure) {
        guard try take(symbol) else { throw unexpected("'\(symbol)' \(context)") }
    }

    private func unexpected(_ expected: String) -> SyntaxFailure {
        SyntaxFailure(offset: token.offset, message: "got \(token.shown); expected \(expected)")
    }

    private func made(_ kind: Node.Kind, at offset: Int, over children: [Node]) throws(SyntaxFailure) -> Node {
        let node = Node(kind, at: offset, over: children)
        guard node.depth <= Self.maximumDepth else {
            throw SyntaxFailure(
                offset: offset,
                message: "the expression is too complex: its parts are nested deeper than \(Self.maximumDepth)")
        }
        return node
    }

    private mutating func expression() throws(SyntaxFailure) -> Node {
        nesting += 1
        defer { nesting -= 1 }
        guard nesting <= Self.maximumNesting else {
            throw SyntaxFailure(
                offset: token.offset, message: "the expression is nested deeper than \(Self.maximumNesting) levels")
        }
        let condition = try disjunction()
        let offset = token.offset
        guard try take("?") else { return condition }
        let first = try disjunction()
        try expect(":", "between the two values of '?'")
        let second = try expression()
        return try made(.conditional(condition, first, second), at: offset, over: [condition, first, second])
    }

    private mutating func disjunction() throws(SyntaxFailure) -> Node {
        var operands = [try conjunction()]
        let offset = token.offset
        while try take("||") { operands.append(try conjunction()) }
        return operands.count == 1 ? operands[0] : try made(.or(operands), at: offset, over: operands)
    }

    private mutating func conjunction() throws(SyntaxFailure) -> Node {
        var operands = [try relation()]
        let offset = token.offset
        while try take("&&") { operands.append(try relation()) }
        return operands.count == 1 ? operands[0] : try made(.and(operands), at: offset, over: operands)
    }

    private mutating func relation() throws(SyntaxFailure) -> Node {
        var left = try sum()
        while let name = operatorName(among: ["==", "!=", "<", "<=", ">", ">=", "in"]) {
            let offset = token.offset
            try advance()
            let right = try sum()
            left = try made(.binary(name, left, right), at: offset, over: [left, right])
        }
        return left
    }

    private mutating func sum() throws(SyntaxFailure) -> Node {
        var left = try product()
        while let name = operatorName(among: ["+", "-"]) {
            let offset = token.offset
            try advance()
            let right = try product()
            left = try made(.binary(name, left, right), at: offset, over: [left, right])
        }
        return left
    }

    private mutating func product() throws(SyntaxFailure) -> Node {
        var left = try unary()
        while let name = operatorName(among: ["*", "/", "%"]) {
            let offset = token.offset
            try advance()
            let right = try unary()
            left = try made(.binary(name, left, right), at: offset, over: [left, right])
        }
        return left
    }

    private func operatorName(among names: [String]) -> String? {
        switch token.kind {
        case .symbol(let name) where names.contains(name): name
        case .identifier("in") where names.contains("in"): "in"
        default: nil
        }
    }

    private mutating func unary() throws(SyntaxFailure) -> Node {
        guard token.isSymbol("!") || token.isSymbol("-") else { return try member() }
        let name = token.isSymbol("!") ? "!" : "-"
        var offsets: [Int] = []
        while token.isSymbol(name) {
            offsets.append(token.offset)
            try advance()
        }
        // The smallest int has no positive counterpart: its minus belongs to the literal.
        var node: Node
        if name == "-", let literal = try negativeLiteral(offsets) {
            offsets.removeLast()
            node = literal
        } else {
            node = try member()
        }
        for offset in offsets.reversed() { node = try made(.unary(name, node), at: offset, over: [node]) }
        return node
    }

    private mutating func negativeLiteral(_ offsets: [Int]) throws(SyntaxFailure) -> Node? {
        guard let offset = offsets.last else { return nil }
        switch token.kind {
        case .integer(let magnitude):
            guard magnitude <= UInt64(Int64.max) + 1 else {
                throw SyntaxFailure(offset: token.offset, message: "-\(magnitude) is too small for an int")
            }
            let literal = Node(.literal(.int(Int64(truncatingIfNeeded: ~magnitude &+ 1))), at: offset)
            try advance()
            return try postfix(literal)
        case .literal(.double(let value)):
            try advance()
            return try postfix(Node(.literal(.double(-value)), at: offset))
        default: return nil
        }
    }

    private mutating func member() throws(SyntaxFailure) -> Node {
        try postfix(try primary())
    }

    private mutating func postfix(_ operand: Node) throws(SyntaxFailure) -> Node {
        var node = operand
        while true {
            let offset = token.offset
            if try take(".") {
                let isOptional = try take("?")
                let place = token.offset
                let name = try fieldName()
                if !isOptional, try take("(") {
                    let arguments = try arguments()
                    node = try made(.call(name, target: node, arguments), at: place, over: [node] + arguments)
                } else {
                    node = try made(.select(node, name, isOptional: isOptional), at: place, over: [node])
                }
            } else if try take("[") {
                let isOptional = try take("?")
                let index = try expression()
                try expect("]", "after the index")
                node = try made(.index(node, index, isOptional: isOptional), at: offset, over: [node, index])
            } else if token.isSymbol("{"), node.path != nil {
                throw SyntaxFailure(
                    offset: offset,
                    message: "messages of protocol buffers are not supported; expected an operator or the end")
            } else {
                return node
            }
        }
    }

    private mutating func fieldName() throws(SyntaxFailure) -> String {
        switch token.kind {
        case .identifier(let name) where !Self.keywords.contains(name), .quotedIdentifier(let name):
            try advance()
            return name
        default: throw unexpected("the name of a field or function after '.'")
        }
    }

    private mutating func arguments() throws(SyntaxFailure) -> [Node] {
        var arguments: [Node] = []
        if try take(")") { return arguments }
        repeat { arguments.append(try expression()) } while try take(",")
        try expect(")", "or ',' after the argument")
        return arguments
    }

    private mutating func primary() throws(SyntaxFailure) -> Node {
        let offset = token.offset
        switch token.kind {
        case .literal(let value):
            try advance()
            return Node(.literal(value), at: offset)
        case .integer(let magnitude):
            guard let value = Int64(exactly: magnitude) else {
                throw SyntaxFailure(
                    offset: offset, message: "\(magnitude) is too large for an int; expected \(magnitude)u for a uint")
            }
            try advance()
            return Node(.literal(.int(value)), at: offset)
        case .identifier: return try name()
        case .symbol("("):
            try advance()
            let node = try expression()
            try expect(")", "after the expression in parentheses")
            return node
        case .symbol("["): return try list()
        case .symbol("{"): return try map()
        case .symbol("."):
            try advance()
            return try name()
        case .end: throw unexpected("a value")
        default: throw unexpected("a value, a name, '(', '[', '{', '!' or '-'")
        }
    }

    private mutating func name() throws(SyntaxFailure) -> Node {
        let offset = token.offset
        guard case .identifier(let name) = token.kind else { throw unexpected("a name after '.'") }
        guard !Self.reserved.contains(name), name != "in" else {
            throw SyntaxFailure(
                offset: offset, message: "\"\(name)\" is a reserved word; expected a value or another name")
        }
        try advance()
        switch name {
        case "true": return Node(.literal(.bool(true)), at: offset)
        case "false": return Node(.literal(.bool(false)), at: offset)
        case "null": return Node(.literal(.null), at: offset)
        default: break
        }
        guard try take("(") else { return Node(.identifier(name), at: offset) }
        let arguments = try arguments()
        return try made(.call(name, target: nil, arguments), at: offset, over: arguments)
    }

    private mutating func list() throws(SyntaxFailure) -> Node {
        let offset = token.offset
        try advance()
        var elements: [Node.Element] = []
        while !token.isSymbol("]") {
            let isOptional = try take("?")
            elements.append(Node.Element(value: try expression(), isOptional: isOptional))
            guard try take(",") else { break }
        }
        try expect("]", "or ',' in the list")
        return try made(.list(elements), at: offset, over: elements.map(\.value))
    }

    private mutating func map() throws(SyntaxFailure) -> Node {
        let offset = token.offset
        try advance()
        var entries: [Node.Entry] = []
        while !token.isSymbol("}") {
            let isOptional = try take("?")
            let key = try expression()
            try expect(":", "after the key")
            entries.append(Node.Entry(key: key, value: try expression(), isOptional: isOptional))
            guard try take(",") else { break }
        }
        try expect("}", "or ',' in the map")
        return try made(.map(entries), at: offset, over: entries.flatMap { [$0.key, $0.value] })
    }
}
