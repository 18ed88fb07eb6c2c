/// A value in a table of AMQP 0-9-1: an argument of a queue, a binding or a consumer, or a header of a message.
public enum RabbitMQValue: Sendable, Hashable, CustomStringConvertible {
    /// A text.
    case string(String)
    /// A whole number of 64 bits.
    case integer(Int64)
    /// `true` or `false`.
    case boolean(Bool)
    /// Seconds since 1970-01-01T00:00:00Z.
    case timestamp(UInt64)

    /// The value as text.
    public var description: String {
        switch self {
        case .string(let text): text
        case .integer(let number): "\(number)"
        case .boolean(let flag): "\(flag)"
        case .timestamp(let seconds): "\(seconds)"
        }
    }
}

extension RabbitMQValue: ExpressibleByStringLiteral, ExpressibleByIntegerLiteral, ExpressibleByBooleanLiteral {
    /// A text.
    public init(stringLiteral value: String) { self = .string(value) }
    /// A whole number.
    public init(integerLiteral value: Int64) { self = .integer(value) }
    /// `true` or `false`.
    public init(booleanLiteral value: Bool) { self = .boolean(value) }
}
