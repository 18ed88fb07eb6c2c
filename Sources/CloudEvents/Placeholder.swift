public struct Timestamp: Sendable, Hashable, Comparable, CustomStringConvertible {
    public var microsecondsSince1970: Int64
    public init(microsecondsSince1970: Int64) { self.microsecondsSince1970 = microsecondsSince1970 }
    public init?(rfc3339: some StringProtocol) { return nil }
    public var rfc3339: String { "\(microsecondsSince1970)" }
    public var description: String { rfc3339 }
    public static func < (a: Timestamp, b: Timestamp) -> Bool { a.microsecondsSince1970 < b.microsecondsSince1970 }
    public static func + (a: Timestamp, b: Duration) -> Timestamp {
        Timestamp(microsecondsSince1970: a.microsecondsSince1970 + b.components.seconds * 1_000_000 + b.components.attoseconds / 1_000_000_000_000)
    }
    public static func - (a: Timestamp, b: Duration) -> Timestamp { a + (.zero - b) }
    public static func - (a: Timestamp, b: Timestamp) -> Duration { .microseconds(a.microsecondsSince1970 - b.microsecondsSince1970) }
    public static let distantPast = Timestamp(microsecondsSince1970: -62_135_596_800_000_000)
    public static let distantFuture = Timestamp(microsecondsSince1970: 253_402_300_799_999_999)
}
public enum AttributeValue: Sendable, Hashable, CustomStringConvertible {
    case boolean(Bool), integer(Int32), string(String)
    public var description: String { switch self { case .boolean(let b): "\(b)"; case .integer(let i): "\(i)"; case .string(let s): s } }
}
public struct Event: Sendable, Hashable {
    public var id: String, source: String, type: String
    public var subject: String?, time: Timestamp?, dataContentType: String?, dataSchema: String?
    public var extensions: [String: AttributeValue]
    public var data: [UInt8]?
    public init(id: String, source: String, type: String, subject: String? = nil, time: Timestamp? = nil, dataContentType: String? = nil, dataSchema: String? = nil, extensions: [String: AttributeValue] = [:], data: [UInt8]? = nil) {
        self.id = id; self.source = source; self.type = type; self.subject = subject; self.time = time
        self.dataContentType = dataContentType; self.dataSchema = dataSchema; self.extensions = extensions; self.data = data
    }
    public func validate() throws(EventError) {}
}
public struct EventError: Error, Sendable, Hashable {}
