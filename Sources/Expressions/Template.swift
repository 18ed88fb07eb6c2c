/// A text with holes: `${{ expression }}` stands for the expression's value. `$${{` stands for `${{` itself.
public struct Template: Sendable, CustomStringConvertible, Hashable {
    /// A part of a template.
    public enum Part: Sendable {
        /// Text as it stands.
        case text(String)
        /// An expression whose value stands there.
        case hole(CELExpression)
    }

    /// The text with its holes.
    public let source: String
    /// The parts, in order; neighbouring texts are one.
    public let parts: [Part]

    /// Reads a template and checks the expressions in it.
    /// - Throws: ``ExpressionError`` with every mistake and its place in the whole text.
    public init(_ source: String, in environment: Environment = Environment()) throws(ExpressionError) {
        let bytes = Array(source.utf8)
        var parts: [Part] = []
        var mistakes: [ExpressionError] = []
        var text: [UInt8] = []
        var offset = 0
        while offset < bytes.count {
            if bytes[offset...].starts(with: "$${{".utf8) {
                text += "${{".utf8
                offset += 4
                continue
            }
            guard bytes[offset...].starts(with: "${{".utf8) else {
                text.append(bytes[offset])
                offset += 1
                continue
            }
            let start = offset + 3
            let hole: (node: Node, end: Int)
            do { hole = try Parser.parseHole(bytes, at: start) } catch { throw ExpressionError([error], in: bytes) }
            if !text.isEmpty { parts.append(.text(String(decoding: text, as: UTF8.self))) }
            text = []
            let inner = String(decoding: bytes[start..<hole.end - 2], as: UTF8.self)
            do {
                parts.append(.hole(try CELExpression(hole.node, source: inner.trimmingSpaces, in: environment, bytes)))
            } catch { mistakes.append(error) }
            offset = hole.end
        }
        if !text.isEmpty { parts.append(.text(String(decoding: text, as: UTF8.self))) }
        guard mistakes.isEmpty else { throw ExpressionError(mistakes, in: bytes) }
        self.source = source
        self.parts = parts
    }

    /// Whether there are holes.
    public var hasHoles: Bool {
        parts.contains { if case .hole = $0 { true } else { false } }
    }

    /// Whether both are written alike.
    public static func == (left: Template, right: Template) -> Bool { left.source == right.source }

    public func hash(into hasher: inout Hasher) { hasher.combine(source) }

    /// The template.
    public var description: String { source }

    /// The text with the holes filled.
    /// - Parameters:
    ///   - variables: the variables' values, in the order in which the environment lists them.
    ///   - costLimit: how much all the holes together may cost.
    ///   - write: how a value is written where it stands.
    /// - Throws: ``EvaluationError`` if an expression has no value, or `write` cannot write one.
    public func render(
        _ variables: [Value], costLimit: Int = CELExpression.defaultCostLimit,
        write: (Value) throws(EvaluationError) -> String = Template.text
    ) throws(EvaluationError) -> String {
        var result = ""
        for part in parts {
            switch part {
            case .text(let text): result += text
            case .hole(let expression):
                result += try write(try expression.evaluate(variables, costLimit: costLimit / max(1, parts.count)))
            }
        }
        return result
    }

    /// A value as plain text: a string as it is, others as JSON, `null` and an optional without a value as nothing.
    public static func text(_ value: Value) throws(EvaluationError) -> String {
        switch value {
        case .string(let text): return text
        case .null: return ""
        case .timestamp(let time): return time.description
        case .duration(let duration): return duration.description
        case .optional(let optional):
            return try optional.value.map { (inner) throws(EvaluationError) in try text(inner) } ?? ""
        default: return String(decoding: try value.json(), as: UTF8.self)
        }
    }
}

extension String {
    fileprivate var trimmingSpaces: String {
        var view = Substring(self)
        while let first = view.first, first.isWhitespace { view.removeFirst() }
        while let last = view.last, last.isWhitespace { view.removeLast() }
        return String(view)
    }
}
