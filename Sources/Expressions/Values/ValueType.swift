/// The type of an expression as it is known before it is evaluated ("Gradual Type Checking" in the language definition).
public indirect enum ValueType: Sendable, Hashable, CustomStringConvertible {
    /// Known only when evaluated.
    case dyn
    /// The type of `null`.
    case null
    /// `true` or `false`.
    case bool
    /// A signed 64-bit integer.
    case int
    /// An unsigned 64-bit integer.
    case uint
    /// A 64-bit IEEE 754 number.
    case double
    /// Unicode code points.
    case string
    /// Bytes.
    case bytes
    /// A list of elements of a type.
    case list(ValueType)
    /// A map with keys of one type and values of another.
    case map(ValueType, ValueType)
    /// A point in time.
    case timestamp
    /// A length of time.
    case duration
    /// A type.
    case type
    /// A value of that type, or none.
    case optional(ValueType)
    /// A value of the program that evaluates.
    case object(ObjectType)
    /// Any type, the same wherever the name stands in one signature.
    case parameter(String)

    /// The type as it is written in messages and signatures.
    public var description: String {
        switch self {
        case .dyn: "dyn"
        case .null: "null"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .list(let element): "list(\(element))"
        case .map(let key, let value): "map(\(key), \(value))"
        case .timestamp: "timestamp"
        case .duration: "duration"
        case .type: "type"
        case .optional(let value): "optional(\(value))"
        case .object(let type): type.name
        case .parameter(let name): name
        }
    }

    /// Whether a value of this type may be one of `other`: one of them is dynamic, or they are of one kind.
    public func mayBe(_ other: ValueType) -> Bool {
        switch (self, other) {
        case (.dyn, _), (_, .dyn), (.parameter, _), (_, .parameter): true
        case (.list(let left), .list(let right)), (.optional(let left), .optional(let right)): left.mayBe(right)
        case (.map(let leftKey, let left), .map(let rightKey, let right)):
            leftKey.mayBe(rightKey) && left.mayBe(right)
        case (.object, .map(let key, _)), (.map(let key, _), .object): key.mayBe(.string)
        default: self == other
        }
    }

    /// The type that covers both.
    func joined(_ other: ValueType) -> ValueType {
        if self == other { return self }
        switch (self, other) {
        case (.list(let left), .list(let right)): return .list(left.joined(right))
        case (.map(let leftKey, let left), .map(let rightKey, let right)):
            return .map(leftKey.joined(rightKey), left.joined(right))
        case (.optional(let left), .optional(let right)): return .optional(left.joined(right))
        default: return .dyn
        }
    }

    /// Fits a parameter of a signature, and notes what the signature's type parameters stand for.
    func fits(_ pattern: ValueType, _ bindings: inout [String: ValueType]) -> Bool {
        switch (pattern, self) {
        case (.parameter(let name), _):
            bindings[name] = bindings[name].map { $0.joined(self) } ?? self
            return true
        case (.dyn, _), (_, .dyn): return true
        case (.list(let pattern), .list(let own)), (.optional(let pattern), .optional(let own)):
            return own.fits(pattern, &bindings)
        case (.map(let patternKey, let pattern), .map(let key, let own)):
            return key.fits(patternKey, &bindings) && own.fits(pattern, &bindings)
        case (.map(let patternKey, let pattern), .object):
            return ValueType.string.fits(patternKey, &bindings) && ValueType.dyn.fits(pattern, &bindings)
        default: return pattern == self
        }
    }

    /// The type with its parameters replaced; `dyn` where nothing is known.
    func replacing(_ bindings: [String: ValueType]) -> ValueType {
        switch self {
        case .parameter(let name): bindings[name] ?? .dyn
        case .list(let element): .list(element.replacing(bindings))
        case .optional(let value): .optional(value.replacing(bindings))
        case .map(let key, let value): .map(key.replacing(bindings), value.replacing(bindings))
        default: self
        }
    }
}
