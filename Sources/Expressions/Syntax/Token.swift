/// A token of the source ("Lexis" in the language definition).
struct Token: Sendable {
    enum Kind: Sendable {
        case identifier(String)
        /// A field's name in backticks.
        case quotedIdentifier(String)
        case literal(Value)
        /// A whole number without a sign: with a minus before it, it may be one larger than an int.
        case integer(UInt64)
        case symbol(String)
        case end
    }

    var kind: Kind
    /// Where it begins, in bytes.
    var offset: Int
    /// Where it ends.
    var end: Int

    /// As it is shown in messages.
    var shown: String {
        switch kind {
        case .identifier(let name), .quotedIdentifier(let name): "\"\(name)\""
        case .literal(let value): value.description
        case .integer(let number): String(number)
        case .symbol(let symbol): "'\(symbol)'"
        case .end: "the end"
        }
    }

    func isSymbol(_ symbol: String) -> Bool {
        if case .symbol(let own) = kind { own == symbol } else { false }
    }
}

/// A mistake at a place of the source.
struct SyntaxFailure: Error {
    var offset: Int
    var message: String
}
