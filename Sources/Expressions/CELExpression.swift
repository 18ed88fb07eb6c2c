/// An expression of the Common CELExpression Language, checked once and ready to be evaluated often.
///
/// The language is that of cel-spec without messages and enumerations of protocol buffers, with the extensions for strings,
/// math, lists, sets, encoders, optionals, regular expressions, two-variable macros and `cel.bind`.
public struct CELExpression: Sendable, CustomStringConvertible, Hashable {
    /// What an evaluation may cost if nothing else is said: about 20 milliseconds of work.
    public static let defaultCostLimit = 1_000_000

    /// The text of the expression, as it is shown.
    public let source: String
    /// The type of its value, as far as that is known before it is evaluated.
    public let resultType: ValueType
    /// What it reads of its variables: paths such as `["event", "data", "total"]`, as far as they are written down.
    public let reads: Set<[String]>

    private let node: Node
    private let code: Code
    private let test: Test
    private let slots: Int

    /// Reads and checks an expression.
    /// - Parameters:
    ///   - source: the text of the expression.
    ///   - environment: the names that it may use.
    ///   - shown: how it is shown instead, if its text holds what is not to be shown.
    /// - Throws: ``ExpressionError`` with every mistake and its place.
    public init(
        _ source: String, in environment: Environment = Environment(), shownAs shown: String? = nil
    ) throws(ExpressionError) {
        let bytes = Array(source.utf8)
        let node: Node
        do { node = try Parser.parse(bytes) } catch { throw ExpressionError([error], in: bytes) }
        try self.init(node, source: shown ?? source, in: environment, bytes)
    }

    /// Checks an expression that stands in a larger text.
    init(_ node: Node, source: String, in environment: Environment, _ text: [UInt8]) throws(ExpressionError) {
        var compiler = Compiler(environment)
        let compiled = compiler.compile(node)
        guard compiler.failures.isEmpty else { throw ExpressionError(compiler.failures, in: text) }
        self.source = source
        self.node = node
        resultType = compiled.type
        code = compiled.code
        test = compiled.test
        slots = compiler.slots
        var reads: Set<[String]> = []
        Self.collect(node, environment, &reads)
        self.reads = reads
    }

    /// Whether both are written alike.
    public static func == (left: CELExpression, right: CELExpression) -> Bool { left.source == right.source }

    public func hash(into hasher: inout Hasher) { hasher.combine(source) }

    /// The names of all functions; macros and operators have none.
    public static var functionNames: [String] { FunctionTable.all.keys.sorted() }

    /// The source.
    public var description: String { source }

    /// The value.
    /// - Parameters:
    ///   - variables: the variables' values, in the order in which the environment lists them.
    ///   - costLimit: how much it may cost: about one unit for each part of a loop's body and step, and each 64 bytes of text.
    /// - Throws: ``EvaluationError`` if it has no value.
    public func evaluate(
        _ variables: [Value], costLimit: Int = CELExpression.defaultCostLimit
    ) throws(EvaluationError) -> Value {
        var frame = Frame(variables: variables, locals: slots, budget: costLimit)
        return try code(&frame)
    }

    /// The answer of a condition.
    /// - Throws: ``EvaluationError`` if it has no value, or one that is no bool.
    public func test(
        _ variables: [Value], costLimit: Int = CELExpression.defaultCostLimit
    ) throws(EvaluationError) -> Bool {
        var frame = Frame(variables: variables, locals: slots, budget: costLimit)
        return try test(&frame)
    }

    /// The strings that what stands at `path` must be one of for the expression to be true; `nil` if that cannot be told.
    ///
    /// It serves indexes: an expression need not be evaluated where the path has another value.
    public func impliedStrings(for path: [String]) -> Set<String>? {
        ImpliedStrings(path: path).strings(node)
    }

    /// The longest paths that begin with a variable.
    private static func collect(_ node: Node, _ environment: Environment, _ reads: inout Set<[String]>) {
        if let path = node.path, environment.index(of: path[0]) != nil {
            reads.insert(path)
            return
        }
        for child in node.children { collect(child, environment, &reads) }
    }
}
