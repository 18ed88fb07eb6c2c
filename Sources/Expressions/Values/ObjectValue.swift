/// A value of the program that evaluates, such as an event: it has fields, which it may compute when they are read.
///
/// In expressions it is selected from like a map with string keys.
public protocol ObjectValue: AnyObject, Sendable {
    /// Its type, with the fields that are declared.
    var type: ObjectType { get }
    /// The value of a declared field, by its place in the type's list; `nil` if this object has none.
    func value(at index: Int) throws(EvaluationError) -> Value?
    /// The value of a field that is not declared; `nil` if there is none.
    func value(named name: String) throws(EvaluationError) -> Value?
    /// The names of the fields that have values and are not declared.
    var otherNames: [String] { get }
}

extension ObjectValue {
    /// None.
    public func value(named name: String) throws(EvaluationError) -> Value? { nil }
    /// None.
    public var otherNames: [String] { [] }

    /// The value of a field, declared or not.
    func field(_ name: String) throws(EvaluationError) -> Value? {
        guard let index = type.index(of: name) else { return try value(named: name) }
        return try value(at: index)
    }

    /// What the object holds, as a map.
    func members() throws(EvaluationError) -> [(String, Value)] {
        var members: [(String, Value)] = []
        for (index, field) in type.fields.enumerated() {
            if let value = try value(at: index) { members.append((field.name, value)) }
        }
        for name in otherNames {
            if let value = try value(named: name) { members.append((name, value)) }
        }
        return members
    }
}

/// What kind of object it is.
public struct ObjectType: Sendable, Hashable {
    /// A field of every object of the type.
    public struct Field: Sendable, Hashable {
        /// Its name.
        public var name: String
        /// The type of its value.
        public var type: ValueType

        /// A field with these values.
        public init(_ name: String, _ type: ValueType) {
            self.name = name
            self.type = type
        }
    }

    /// The type's name, as `type()` prints it.
    public let name: String
    /// The declared fields.
    public let fields: [Field]
    /// Whether an object may have fields that are not declared.
    public let isOpen: Bool
    private let indices: [String: Int]

    /// A type with these fields.
    public init(_ name: String, fields: [Field], isOpen: Bool = false) {
        self.name = name
        self.fields = fields
        self.isOpen = isOpen
        indices = Dictionary(fields.enumerated().map { ($1.name, $0) }) { first, _ in first }
    }

    /// The place of a declared field.
    public func index(of name: String) -> Int? { indices[name] }
}
