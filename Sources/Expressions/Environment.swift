/// The names that an expression may use, with their types.
public struct Environment: Sendable {
    /// A name with the type of its value.
    public struct Variable: Sendable, Hashable {
        /// The name.
        public var name: String
        /// The type of its value; `dyn` if that is known only when it is evaluated.
        public var type: ValueType

        /// A variable with these values.
        public init(_ name: String, _ type: ValueType = .dyn) {
            self.name = name
            self.type = type
        }
    }

    /// The variables, in the order in which their values are given to an expression.
    public let variables: [Variable]
    private let indices: [String: Int]

    /// An environment with these variables.
    public init(_ variables: [Variable] = []) {
        self.variables = variables
        indices = Dictionary(variables.enumerated().map { ($1.name, $0) }) { first, _ in first }
    }

    func index(of name: String) -> Int? { indices[name] }
}
