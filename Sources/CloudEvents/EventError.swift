/// Why something is not a CloudEvent.
public struct EventError: Error, Sendable, Hashable, CustomStringConvertible {
    /// What kind of mistake it is.
    public enum Code: Sendable, Hashable {
        /// A required attribute is not there, or empty.
        case missingAttribute
        /// An attribute has a value that it may not have.
        case invalidAttribute
        /// An attribute has a name that none may have.
        case invalidAttributeName
        /// Another version of CloudEvents than 1.0.
        case unsupportedSpecVersion
        /// Not a JSON text, or not one of the form that the format asks for.
        case malformedJSON
        /// The data is not what its encoding promises.
        case invalidData
        /// A media type that is not supported.
        case unsupportedContentType
        /// An HTTP header that cannot be read.
        case malformedHeader
        /// An attribute's value is longer than ``Event/Limits/attributeBytes``.
        case tooLarge
        /// More events than are allowed in a batch, or more extensions than ``Event/Limits/extensions`` in an event.
        case tooMany
    }

    /// What kind of mistake it is.
    public var code: Code
    /// The attribute that is to blame.
    public var attribute: String?
    /// What is wrong and what was expected, for people.
    public var message: String
    /// Where in the JSON text, in bytes from its beginning.
    public var byteOffset: Int?
    /// Which event of a batch, from 0.
    public var eventIndex: Int?

    /// An error with these values.
    public init(
        _ code: Code, _ message: String, attribute: String? = nil, byteOffset: Int? = nil, eventIndex: Int? = nil
    ) {
        self.code = code
        self.attribute = attribute
        self.message = message
        self.byteOffset = byteOffset
        self.eventIndex = eventIndex
    }

    /// The message, with the place where there is one.
    public var description: String {
        var text = message
        if let byteOffset { text += " (at byte \(byteOffset))" }
        if let eventIndex { text = "event \(eventIndex): " + text }
        return text
    }
}
