/// The value of an extension attribute, in the part of the CloudEvents type system that JSON tells apart. Binary
/// values, URIs and timestamps are their canonical strings (CloudEvents 1.0.2, "Type System").
public enum AttributeValue: Sendable, Hashable, CustomStringConvertible {
    /// `true` or `false`.
    case boolean(Bool)
    /// A whole number of 32 bits.
    case integer(Int32)
    /// Any other value, as a string.
    case string(String)

    /// The canonical string.
    public var description: String {
        switch self {
        case .boolean(let value): value ? "true" : "false"
        case .integer(let value): "\(value)"
        case .string(let value): value
        }
    }
}
