/// An event of CloudEvents 1.0.2. Its data is bytes, and stays as it came.
public struct Event: Sendable, Hashable {
    /// The version of the specification that every event here has.
    public static let specVersion = "1.0"

    /// Identifies the event: unique together with `source`.
    public var id: String
    /// Where it happened: a URI reference.
    public var source: String
    /// What kind of thing happened.
    public var type: String
    /// What it happened to, within the source.
    public var subject: String?
    /// When it happened.
    public var time: Timestamp?
    /// The media type of the data. `nil` means JSON, where the data is JSON.
    public var dataContentType: String?
    /// The schema of the data: a URI.
    public var dataSchema: String?
    /// Attributes that the specification does not define.
    public var extensions: [String: AttributeValue]
    /// The data, as it came.
    public var data: [UInt8]?

    /// An event with these values; ``validate()`` says whether they keep the specification's rules.
    public init(
        id: String, source: String, type: String, subject: String? = nil, time: Timestamp? = nil,
        dataContentType: String? = nil, dataSchema: String? = nil, extensions: [String: AttributeValue] = [:],
        data: [UInt8]? = nil
    ) {
        self.id = id
        self.source = source
        self.type = type
        self.subject = subject
        self.time = time
        self.dataContentType = dataContentType
        self.dataSchema = dataSchema
        self.extensions = extensions
        self.data = data
    }
}
