import CloudEvents
import NightjarCore

/// A record as it is published (Kafka Protocol Binding for CloudEvents 1.0.2, section 3).
struct ProducedRecord: Sendable, Hashable {
    struct Header: Sendable, Hashable {
        var name: String
        var value: String
    }

    var topic: String
    var partition: Int32?
    var key: [UInt8]?
    /// `nil` for a tombstone.
    var value: [UInt8]?
    var headers: [Header]

    /// The record that carries the event.
    /// - Throws: ``/CloudEvents/EventError`` if the event breaks a rule of CloudEvents.
    init(_ event: Event, _ format: MessageFormat, topic: String, _ options: KafkaMessageOptions) throws(EventError) {
        try event.validate()
        self.topic = options.topic ?? topic
        partition = options.partition
        key = options.key ?? event.extensions["partitionkey"].map { Array($0.description.utf8) }
        headers = options.headers.sorted { $0.key < $1.key }.map { Header(name: $0.key, value: $0.value) }
        switch format {
        case .binary:
            value = event.data
            if let type = event.dataContentType { headers.append(Header(name: "content-type", value: type)) }
            for (name, value) in MessageBinding.attributes(of: event) {
                headers.append(Header(name: "ce_" + name, value: value))
            }
        case .structured:
            value = JSONEventFormat.encode(event)
            headers.append(Header(name: "content-type", value: JSONEventFormat.contentType))
        case .raw:
            value = event.data
            if let type = event.dataContentType { headers.append(Header(name: "content-type", value: type)) }
        }
    }
}
