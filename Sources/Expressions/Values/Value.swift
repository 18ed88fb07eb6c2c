/// A value of the Common CELExpression Language ("Values" in the language definition of cel-spec).
public enum Value: Sendable {
    /// `null`.
    case null
    /// `true` or `false`.
    case bool(Bool)
    /// A signed 64-bit integer.
    case int(Int64)
    /// An unsigned 64-bit integer.
    case uint(UInt64)
    /// A 64-bit IEEE 754 number.
    case double(Double)
    /// Unicode code points. Two are equal if their code points are, whatever they look like.
    case string(String)
    /// Bytes.
    case bytes([UInt8])
    /// An ordered list.
    case list(ListValue)
    /// Keys with values.
    case map(MapValue)
    /// A point in time (`google.protobuf.Timestamp`).
    case timestamp(TimestampValue)
    /// A length of time (`google.protobuf.Duration`).
    case duration(DurationValue)
    /// A type, by its name.
    case type(String)
    /// A value that may be missing (`optional_type`).
    case optional(OptionalValue)
    /// A value of the program that evaluates.
    case object(any ObjectValue)

    /// A list of these values.
    public static func list(_ values: [Value]) -> Value { .list(ListValue(values)) }

    /// A map from strings.
    public static func map(_ members: [(String, Value)]) -> Value {
        .map(MapValue(members.map { (.string($0.0), $0.1) }))
    }

    /// An optional that has a value.
    public static func some(_ value: Value) -> Value { .optional(OptionalValue(value)) }

    /// The optional without a value.
    public static let none = Value.optional(OptionalValue(nil))

    /// The name of its type, as `type()` prints it.
    public var typeName: String {
        switch self {
        case .null: "null_type"
        case .bool: "bool"
        case .int: "int"
        case .uint: "uint"
        case .double: "double"
        case .string: "string"
        case .bytes: "bytes"
        case .list: "list"
        case .map: "map"
        case .timestamp: "google.protobuf.Timestamp"
        case .duration: "google.protobuf.Duration"
        case .type: "type"
        case .optional: "optional_type"
        case .object(let object): object.type.name
        }
    }

    /// Whether it is a number.
    var isNumber: Bool {
        switch self {
        case .int, .uint, .double: true
        default: false
        }
    }
}

/// The value of an optional, or none.
public struct OptionalValue: Sendable {
    private final class Box: Sendable {
        let value: Value
        init(_ value: Value) { self.value = value }
    }

    private let box: Box?

    /// An optional with that value.
    public init(_ value: Value?) {
        box = value.map { Box($0) }
    }

    /// The value, if there is one.
    public var value: Value? { box?.value }
}

extension Value: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByFloatLiteral,
    ExpressibleByBooleanLiteral, ExpressibleByArrayLiteral, ExpressibleByDictionaryLiteral
{
    public init(stringLiteral value: String) { self = .string(value) }
    public init(integerLiteral value: Int64) { self = .int(value) }
    public init(floatLiteral value: Double) { self = .double(value) }
    public init(booleanLiteral value: Bool) { self = .bool(value) }
    public init(arrayLiteral elements: Value...) { self = .list(ListValue(elements)) }
    public init(dictionaryLiteral elements: (Value, Value)...) { self = .map(MapValue(elements)) }
}
