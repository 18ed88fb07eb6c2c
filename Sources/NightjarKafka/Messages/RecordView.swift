import CLibrdkafka

/// A record of a partition, as it lies in librdkafka's memory: valid until the message is destroyed.
struct RecordView {
    var offset: Int64
    /// Milliseconds since 1970, if the record has a time.
    var timeMilliseconds: Int64?
    var key: UnsafeRawBufferPointer?
    /// `nil` for a tombstone.
    var value: UnsafeRawBufferPointer?
    /// Its headers, in their order; a header's value may be missing.
    var headers: [(name: String, value: UnsafeRawBufferPointer?)]

    init(
        offset: Int64, timeMilliseconds: Int64? = nil, key: UnsafeRawBufferPointer? = nil,
        value: UnsafeRawBufferPointer? = nil, headers: [(name: String, value: UnsafeRawBufferPointer?)] = []
    ) {
        self.offset = offset
        self.timeMilliseconds = timeMilliseconds
        self.key = key
        self.value = value
        self.headers = headers
    }

    init(_ message: UnsafePointer<rd_kafka_message_t>) {
        let record = message.pointee
        var type = RD_KAFKA_TIMESTAMP_NOT_AVAILABLE
        let time = rd_kafka_message_timestamp(message, &type)
        self.init(
            offset: record.offset, timeMilliseconds: type == RD_KAFKA_TIMESTAMP_NOT_AVAILABLE ? nil : time,
            key: record.key.map { UnsafeRawBufferPointer(start: $0, count: record.key_len) },
            value: record.payload.map { UnsafeRawBufferPointer(start: $0, count: record.len) },
            headers: Self.headers(of: message))
    }

    /// The bytes that it holds in memory, about.
    var bytes: Int { (key?.count ?? 0) + (value?.count ?? 0) + 64 }

    private static func headers(
        of message: UnsafePointer<rd_kafka_message_t>
    ) -> [(name: String, value: UnsafeRawBufferPointer?)] {
        var list: OpaquePointer?
        guard rd_kafka_message_headers(message, &list) == RD_KAFKA_RESP_ERR_NO_ERROR, let list else { return [] }
        var headers: [(name: String, value: UnsafeRawBufferPointer?)] = []
        var (name, value, size): (UnsafePointer<CChar>?, UnsafeRawPointer?, Int) = (nil, nil, 0)
        while rd_kafka_header_get_all(list, headers.count, &name, &value, &size) == RD_KAFKA_RESP_ERR_NO_ERROR {
            headers.append(
                (
                    name.map { String(cString: $0) } ?? "",
                    value.map { UnsafeRawBufferPointer(start: $0, count: size) }
                ))
        }
        return headers
    }
}
