import CLibrabbitmq
import CloudEvents

/// The headers of a message, as far as they are of use for an event.
struct MessageHeaders {
    private static let prefixes = ["cloudEvents:", "cloudEvents_", "ce-", "ce_"].map { Array($0.utf8) }
    /// Beside them an event has room for the message's properties.
    private static let mostExtensions = Event.Limits.extensions - 32

    private let entries: UnsafeBufferPointer<amqp_table_entry_t>
    private let isStream: Bool
    /// Whether there are headers that say that the message carries an event.
    private(set) var hasAttributes = false
    /// Where the message is in a stream.
    private(set) var offset: UInt64?
    /// Whether the message says that it comes from a stream: it may be a copy of one that did.
    private(set) var hasOffset = false
    /// How often a quorum queue delivered the message before.
    private(set) var earlierDeliveries: Int?
    /// The last time that it was dead-lettered.
    private var death: UnsafeBufferPointer<amqp_table_entry_t>?

    init(_ properties: UnsafePointer<amqp_basic_properties_t>, isStream: Bool) {
        self.isStream = isStream
        guard properties.has(AMQP_BASIC_HEADERS_FLAG) else {
            entries = UnsafeBufferPointer(start: nil, count: 0)
            return
        }
        entries = properties.pointee.headers.list
        for entry in entries {
            let key = entry.key.buffer
            if key.isEqual("x-stream-offset") {
                hasOffset = true
                if isStream { offset = entry.value.integer.flatMap { UInt64(exactly: $0) } }
            } else if key.isEqual("x-delivery-count") {
                earlierDeliveries = entry.value.integer.flatMap { Int(exactly: $0) }
            } else if key.isEqual("x-death") {
                death = Self.firstTable(entry.value)
            } else if Self.prefixBytes(key) > 0, key.dropFirst(Self.prefixBytes(key)).elementsEqual("specversion".utf8)
            {
                hasAttributes = true
            }
        }
    }

    /// The newest death stands first.
    private static func firstTable(_ value: amqp_field_value_t) -> UnsafeBufferPointer<amqp_table_entry_t>? {
        guard UInt32(value.kind) == AMQP_FIELD_KIND_ARRAY.rawValue, let first = value.value.array.list.first,
            UInt32(first.kind) == AMQP_FIELD_KIND_TABLE.rawValue
        else { return nil }
        return first.value.table.list
    }

    private static func prefixBytes(_ key: UnsafeBufferPointer<UInt8>) -> Int {
        guard key.count > 3, key[0] == UInt8(ascii: "c") else { return 0 }
        return prefixes.first { key.starts(with: $0) }?.count ?? 0
    }

    /// The headers that are attributes of an event, without their prefix. The specification wants either form of a value to
    /// be understood: native or as text (section 3.1.3.2).
    func attributes() throws(EventError) -> [(name: String, value: String)] {
        var attributes: [(name: String, value: String)] = []
        for entry in entries {
            let prefix = Self.prefixBytes(entry.key.buffer)
            guard prefix > 0 else { continue }
            let name = String(decoding: entry.key.buffer.dropFirst(prefix), as: UTF8.self)
            guard let value = entry.value.plain, let text = Self.canonical(value) else {
                throw EventError(
                    .malformedHeader,
                    "the header \(name) is no text, number, truth value or time: expected one of them",
                    attribute: name)
            }
            attributes.append((name, text))
        }
        return attributes
    }

    private static func canonical(_ value: RabbitMQValue) -> String? {
        guard case .timestamp(let seconds) = value else { return value.description }
        return Int64(exactly: seconds).flatMap { Timestamp(seconds: $0) }?.rfc3339
    }

    /// What the headers are as extensions of an event; those that cannot be are left out.
    var extensions: [String: AttributeValue] {
        guard !entries.isEmpty else { return [:] }
        var extensions: [String: AttributeValue] = [:]
        for entry in entries where extensions.count < Self.mostExtensions {
            let key = entry.key.buffer
            if isStream && key.isEqual("x-stream-offset") || key.isEqual("x-delivery-count") { continue }
            guard let value = entry.value.plain.flatMap({ Self.attribute($0) }), let header = entry.key.validText,
                let name = MessageBinding.extensionName(of: header), name.utf8.count <= Event.Limits.attributeNameBytes
            else { continue }
            extensions[name] = value
        }
        if let offset { extensions["streamoffset"] = .string("\(offset)") }
        return extensions
    }

    private static func attribute(_ value: RabbitMQValue) -> AttributeValue? {
        switch value {
        case .string(let text): return AttributeText.isAllowed(text) ? .string(text) : nil
        case .boolean(let flag): return .boolean(flag)
        case .integer(let number): return Int32(exactly: number).map { .integer($0) } ?? .string("\(number)")
        case .timestamp: return canonical(value).map { .string($0) }
        }
    }

    /// Says how often the message was delivered before, and why it was dead-lettered last, unless the event says so itself.
    func addDeliveries(to event: inout Event) {
        func set(_ name: String, _ value: AttributeValue?) {
            guard let value, event.extensions[name] == nil, event.extensions.count < Event.Limits.extensions else {
                return
            }
            event.extensions[name] = value
        }
        if let earlierDeliveries { set("deliverycount", Self.attribute(.integer(Int64(earlierDeliveries)))) }
        guard let death else { return }
        for entry in death {
            let key = entry.key.buffer
            if key.isEqual("count") {
                set("xdeathcount", entry.value.integer.flatMap { Self.attribute(.integer($0)) })
            } else if key.isEqual("queue") || key.isEqual("reason") || key.isEqual("exchange") {
                guard case .string(let text)? = entry.value.plain, !text.isEmpty else { continue }
                set("xdeath" + entry.key.text, Self.attribute(.string(text)))
            }
        }
    }
}

extension UnsafeBufferPointer<UInt8> {
    fileprivate func isEqual(_ text: StaticString) -> Bool {
        count == text.utf8CodeUnitCount && elementsEqual(UnsafeBufferPointer(start: text.utf8Start, count: count))
    }
}
