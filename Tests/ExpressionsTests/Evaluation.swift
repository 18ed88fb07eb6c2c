import Expressions
import Testing

/// A case of a table: an expression and what comes of it, as it could be written, or `error:` and the error's code.
struct Case: Sendable, CustomTestStringConvertible {
    var expression: String
    var expected: String

    init(_ expression: String, _ expected: String) {
        self.expression = expression
        self.expected = expected
    }

    var testDescription: String { "\(expression) → \(expected)" }

    /// What came of it.
    func outcome(_ variables: [(String, Value)] = []) -> String {
        let environment = Environment(variables.map { Environment.Variable($0.0) })
        do {
            let compiled = try CELExpression(expression, in: environment)
            return try compiled.evaluate(variables.map(\.1)).description
        } catch let error as EvaluationError {
            return "error: \(error.code)"
        } catch let error as ExpressionError {
            return "mistake: \(error.mistakes.map(\.message).joined(separator: " | "))"
        } catch {
            return "\(error)"
        }
    }
}
