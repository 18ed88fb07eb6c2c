/// Why something with RabbitMQ cannot be, or failed.
public struct RabbitMQError: Error, Sendable, CustomStringConvertible {
    /// What kind of failure it is.
    public enum Code: Sendable, Hashable {
        /// The settings cannot be used.
        case invalidOptions
        /// The server cannot be reached, or was lost.
        case connection
        /// TLS failed: an unknown certificate, another server's name.
        case tls
        /// The server does not know this user with this password, or does not let it use this virtual host.
        case authentication
        /// The user may not do this (403).
        case accessRefused
        /// No such queue, exchange or virtual host (404).
        case notFound
        /// Somebody else has it for themselves (405, and 403 for exclusive consumers).
        case locked
        /// It exists with other properties, or the server does not do this (406, 540).
        case precondition
        /// The message reached no queue.
        case unroutable
        /// The server did not take the message.
        case notConfirmed
        /// The message is larger than the server, or the protocol, allows.
        case tooLarge
        /// It was not done in time.
        case timeout
        /// Whoever was asked is closed.
        case closed
        /// Anything else that the server said.
        case server
    }

    /// What kind of failure it is.
    public var code: Code
    /// What was wrong, where, and what was expected; without passwords.
    public var message: String
    /// The server's reply code (AMQP 0-9-1, section 1.2), if it gave one.
    public var replyCode: Int?
    /// What caused it.
    public var underlying: (any Error)?

    /// An error with these values.
    public init(_ code: Code, _ message: String, replyCode: Int? = nil, underlying: (any Error)? = nil) {
        self.code = code
        self.message = message
        self.replyCode = replyCode
        self.underlying = underlying
    }

    /// The message.
    public var description: String { message }

    /// Whether the server said that there is no such queue; a queue whose node is away has the same code.
    var saysNoQueue: Bool { replyCode == 404 && message.contains("NOT_FOUND - no queue ") }

    /// What the server says when it closes a channel or a connection.
    static func server(_ replyCode: Int, _ text: String, while doing: String) -> RabbitMQError {
        let code: Code =
            switch replyCode {
            case 403: text.contains("exclusive") ? .locked : .accessRefused
            case 404: .notFound
            case 405: .locked
            case 406: text.contains("larger than") ? .tooLarge : .precondition
            case 311: .tooLarge
            case 530: .accessRefused
            case 540: .precondition
            case 320, 541: .connection
            default: .server
            }
        // The server repeats its code in words: "NOT_FOUND - no queue …".
        return RabbitMQError(code, "\(doing): \(text) (\(replyCode))", replyCode: replyCode)
    }
}
