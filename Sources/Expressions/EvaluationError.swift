/// Why an expression has no value.
public struct EvaluationError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of error it is.
    public enum Code: String, Sendable, Hashable {
        /// A field that the value does not have.
        case noSuchField
        /// A key that the map does not have.
        case noSuchKey
        /// An index beyond the ends of a list or string.
        case indexOutOfBounds
        /// A function or operator that is not there for values of these types.
        case noMatchingOverload
        /// A result that its type cannot hold.
        case overflow
        /// Division or remainder by zero.
        case divisionByZero
        /// An argument of the right type with a value that cannot be used.
        case invalidArgument
        /// An optional without a value was asked for it.
        case noValue
        /// Two entries of a map literal have one key.
        case duplicateKey
        /// The evaluation would cost more than it may.
        case costLimit
        /// The program that evaluates could not give a value.
        case host
    }

    /// What kind of error it is.
    public var code: Code
    /// What is wrong and what was expected, for people.
    public var message: String
    /// Where in the expression, in bytes from its beginning.
    public var offset: Int?

    /// An error with these values.
    public init(_ code: Code, _ message: String, offset: Int? = nil) {
        self.code = code
        self.message = message
        self.offset = offset
    }

    /// The message.
    public var description: String { message }

    func at(_ offset: Int) -> EvaluationError {
        self.offset == nil ? EvaluationError(code, message, offset: offset) : self
    }

    static func overload(_ name: String, _ arguments: Value...) -> EvaluationError {
        EvaluationError(
            .noMatchingOverload, "\(name) is not there for (\(arguments.map(\.typeName).joined(separator: ", ")))")
    }

    static func overflow(_ what: String) -> EvaluationError {
        EvaluationError(.overflow, "\(what) is beyond what its type can hold")
    }

    static func argument(_ message: String) -> EvaluationError { EvaluationError(.invalidArgument, message) }
}
