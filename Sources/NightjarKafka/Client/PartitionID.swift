import CLibrdkafka

/// A partition of a topic.
struct PartitionID: Sendable, Hashable, CustomStringConvertible {
    var topic: String
    var number: Int32

    /// `topic/number`: what it is called in the store.
    var description: String { "\(topic)/\(number)" }
}

/// A partition with an offset: where to begin, or how far it was done.
struct PartitionOffset: Sendable, Hashable {
    var partition: PartitionID
    /// An offset, or one of librdkafka's for "beginning" and "end".
    var offset: Int64

    static let beginning: Int64 = -2
    static let end: Int64 = -1
    /// None.
    static let invalid: Int64 = -1001
}

extension [PartitionOffset] {
    /// Copies what librdkafka tells.
    init(_ list: UnsafePointer<rd_kafka_topic_partition_list_t>?) {
        self = (0..<Int(list?.pointee.cnt ?? 0)).compactMap { index in
            guard let element = list?.pointee.elems[index] else { return nil }
            return PartitionOffset(
                partition: PartitionID(topic: String(cString: element.topic), number: element.partition),
                offset: element.offset)
        }
    }

    /// Lends a list of librdkafka's that says the same.
    func withList<Value>(_ body: (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) -> Value) -> Value? {
        guard let list = rd_kafka_topic_partition_list_new(Int32(count)) else { return nil }
        defer { rd_kafka_topic_partition_list_destroy(list) }
        for element in self {
            guard
                let added = rd_kafka_topic_partition_list_add(
                    list, element.partition.topic, element.partition.number)
            else { return nil }
            added.pointee.offset = element.offset
        }
        return body(list)
    }
}
