/// Why an action cannot be made of these settings.
public struct ActionError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What is wrong and what was expected, for people.
    public var message: String

    /// An error with this message.
    public init(_ message: String) {
        self.message = message
    }

    /// The message.
    public var description: String { message }
}
