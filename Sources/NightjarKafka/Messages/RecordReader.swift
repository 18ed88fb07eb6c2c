import CloudEvents
import NightjarCore

/// Makes events of one partition's records.
///
/// A record that carries a CloudEvent (Kafka Protocol Binding for CloudEvents 1.0.2) is taken as such. Any other becomes an
/// event of the type `nightjar.kafka.message`: with the topic's URI as source, the record's time and value, and as id the
/// partition, the offset and the time, so that a record of a topic that was deleted and made anew is another event.
struct RecordReader {
    static let eventType = "nightjar.kafka.message"
    /// Headers beyond these are left out.
    private static let mostHeaders = 200

    private let source: String
    private let partition: PartitionID
    /// What all events of the partition have in common, with room for what they have not.
    private let extensions: [String: AttributeValue]

    init(_ partition: PartitionID, source: String) {
        self.partition = partition
        self.source = source
        var extensions = [String: AttributeValue](minimumCapacity: 6)
        extensions["topic"] = .string(partition.topic)
        extensions["partition"] = .string("\(partition.number)")
        self.extensions = extensions
    }

    /// The event that the record carries, or that is made of it.
    /// - Throws: ``/CloudEvents/EventError`` if it says that it carries an event, and does not carry a valid one.
    func event(of record: RecordView) throws(EventError) -> Event {
        var contentType: String?
        if !record.headers.isEmpty {
            contentType = record.headers.last { Self.isContentType($0.name) }.flatMap { Self.text($0.value) }
            if let event = try carried(record, contentType) { return event }
        }
        var event = Event(id: id(of: record), source: source, type: Self.eventType)
        event.time = record.timeMilliseconds.flatMap(Self.timestamp)
        event.dataContentType = contentType.flatMap { MediaType($0) == nil ? nil : $0 }
        event.extensions = extensions
        event.extensions["offset"] = .string("\(record.offset)")
        if let key = record.key, !key.isEmpty { Self.add(key: key, to: &event) }
        if let value = record.value {
            event.data = Array(value)
        } else {
            event.extensions["tombstone"] = .string("true")
        }
        if !record.headers.isEmpty { Self.add(headers: record.headers, to: &event) }
        return event
    }

    /// What stands for a record that carries no valid event.
    func unreadable(_ record: RecordView, _ error: EventError) -> UnreadableMessage {
        UnreadableMessage(
            id: id(of: record), source: source,
            reason: "the message at offset \(record.offset) of \(partition) is no valid CloudEvent: \(error)",
            data: record.value.map { Array($0) } ?? [])
    }

    /// The same for the same record, however often it is read.
    func id(of record: RecordView) -> String {
        guard let time = record.timeMilliseconds else { return "\(partition.number)-\(record.offset)" }
        return DecimalText.joined(Int64(partition.number), record.offset, time)
    }

    private func carried(_ record: RecordView, _ contentType: String?) throws(EventError) -> Event? {
        let isStructured = contentType.map { Self.begins($0, "application/cloudevents") } ?? false
        let isBinary = !isStructured && record.headers.contains { $0.name == "ce_specversion" }
        guard isStructured || isBinary else { return nil }
        var attributes: [(name: String, value: String)] = []
        if isBinary {
            for (name, value) in record.headers where name.hasPrefix("ce_") {
                guard let text = Self.text(value) else {
                    throw EventError(
                        .malformedHeader, "the header \(name) has no text as its value; expected UTF-8",
                        attribute: String(name.dropFirst(3)))
                }
                attributes.append((String(name.dropFirst(3)), text))
            }
        }
        return try MessageBinding.event(
            contentType: contentType, attributes: attributes, data: record.value.map { Array($0) })
    }

    /// A header without a value has an empty one as text; one that is not UTF-8 has none.
    private static func text(_ value: UnsafeRawBufferPointer?) -> String? {
        guard let value else { return "" }
        return String(validating: value, as: UTF8.self)
    }

    private static func isContentType(_ name: String) -> Bool {
        name == "content-type" || name.utf8.count == 12 && name.lowercased() == "content-type"
    }

    private static func begins(_ text: String, _ prefix: String) -> Bool {
        text.prefix(prefix.utf8.count).lowercased() == prefix
    }

    private static func timestamp(milliseconds: Int64) -> Timestamp? {
        let (microseconds, overflow) = milliseconds.multipliedReportingOverflow(by: 1000)
        let time = Timestamp(microsecondsSince1970: microseconds)
        return overflow || time < .distantPast || time > .distantFuture ? nil : time
    }
}

extension RecordReader {
    /// CloudEvents' extension "Partitioning" calls a key `partitionkey`; one that is no text stands in Base64 beside it.
    private static func add(key: UnsafeRawBufferPointer, to event: inout Event) {
        if let text = String(validating: key, as: UTF8.self), isAllowed(text, name: "partitionkey") {
            event.extensions["partitionkey"] = .string(text)
        } else if key.count <= Event.Limits.attributeBytes / 2 {
            event.extensions["keybase64"] = .string(Base64.encode(Array(key)))
        }
    }

    private static func add(headers: [(name: String, value: UnsafeRawBufferPointer?)], to event: inout Event) {
        var names: Set<String> = []
        // The last one of a name counts, as everywhere with Kafka.
        for (name, value) in headers.reversed() where !isContentType(name) && names.count < mostHeaders {
            guard var attribute = MessageBinding.extensionName(of: name), let text = text(value) else { continue }
            if ownNames.contains(attribute) { attribute = "x" + attribute }
            guard names.insert(attribute).inserted, isAllowed(text, name: attribute) else { continue }
            event.extensions[attribute] = .string(text)
        }
    }

    private static let ownNames: Set<String> = [
        "topic", "partition", "offset", "partitionkey", "keybase64", "tombstone",
    ]

    /// Whether an event may have this extension.
    private static func isAllowed(_ text: String, name: String) -> Bool {
        let isPlain =
            text.utf8.count <= 1024 && name.utf8.count <= 20 && text.utf8.allSatisfy { $0 &- 0x20 < 0x5F }
        if isPlain { return true }
        let probe = Event(id: "1", source: "/", type: "probe", extensions: [name: .string(text)])
        return (try? probe.validate()) != nil
    }
}
