import CLibrdkafka

/// Questions to brokers. All of them wait for the answer, on a thread of their own.
extension KafkaHandle {
    /// So long an answer is waited for.
    private static let patienceMilliseconds: Int32 = 5000

    /// The offsets that the group has committed; partitions without one are left out.
    func committed(_ partitions: [PartitionID]) async throws(KafkaError) -> [PartitionID: Int64] {
        let offsets = try await asked(partitions, "the group's offsets can't be read") { list in
            rd_kafka_committed(pointer, list, Self.patienceMilliseconds)
        }
        return offsets.filter { $0.value >= 0 }
    }

    /// The first offsets with this time, in milliseconds since 1970, or a later one; ``PartitionOffset/end`` where there is none.
    func offsets(_ partitions: [PartitionID], fromMilliseconds time: Int64) async throws(KafkaError) -> [PartitionID:
        Int64]
    {
        try await asked(partitions, offset: time, "the offsets of that time can't be read") { list in
            rd_kafka_offsets_for_times(pointer, list, Self.patienceMilliseconds)
        }
    }

    private func asked(
        _ partitions: [PartitionID], offset: Int64 = PartitionOffset.invalid, _ what: String,
        _ ask: @escaping @Sendable (UnsafeMutablePointer<rd_kafka_topic_partition_list_t>) -> rd_kafka_resp_err_t
    ) async throws(KafkaError) -> [PartitionID: Int64] {
        let answer = await Self.blocking { () -> Result<[PartitionID: Int64], KafkaError> in
            let list = partitions.map { PartitionOffset(partition: $0, offset: offset) }
            return list.withList { list in
                let code = ask(list)
                guard code == RD_KAFKA_RESP_ERR_NO_ERROR else { return .failure(KafkaError(code, what)) }
                for index in 0..<Int(list.pointee.cnt) {
                    let error = list.pointee.elems[index].err
                    if error != RD_KAFKA_RESP_ERR_NO_ERROR { return .failure(KafkaError(error, what)) }
                }
                let pairs = [PartitionOffset](list).map { ($0.partition, $0.offset) }
                return .success(Dictionary(pairs) { $1 })
            } ?? .failure(KafkaError(.other, "\(what): out of memory"))
        }
        return try answer.get()
    }

    /// The first offset that is there, and the one that the next message will have.
    func bounds(of partition: PartitionID) async throws(KafkaError) -> Range<Int64> {
        let answer = await Self.blocking { () -> Result<Range<Int64>, KafkaError> in
            var (low, high): (Int64, Int64) = (0, 0)
            let code = rd_kafka_query_watermark_offsets(
                pointer, partition.topic, partition.number, &low, &high, Self.patienceMilliseconds)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR else {
                return .failure(KafkaError(code, "the offsets of \(partition) can't be read"))
            }
            return .success(low..<max(low, high))
        }
        return try answer.get()
    }

    /// The partitions of all topics that are there.
    func partitions() async throws(KafkaError) -> [PartitionID] {
        let answer = await Self.blocking { () -> Result<[PartitionID], KafkaError> in
            var metadata: UnsafePointer<rd_kafka_metadata>?
            let code = rd_kafka_metadata(pointer, 1, nil, &metadata, Self.patienceMilliseconds)
            guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let metadata else {
                return .failure(KafkaError(code, "the cluster's topics can't be read"))
            }
            defer { rd_kafka_metadata_destroy(metadata) }
            var found: [PartitionID] = []
            for topic in UnsafeBufferPointer(start: metadata.pointee.topics, count: Int(metadata.pointee.topic_cnt))
            where topic.err == RD_KAFKA_RESP_ERR_NO_ERROR {
                let name = String(cString: topic.topic)
                for partition in UnsafeBufferPointer(start: topic.partitions, count: Int(topic.partition_cnt)) {
                    found.append(PartitionID(topic: name, number: partition.id))
                }
            }
            return .success(found)
        }
        return try answer.get()
    }

    /// Whether a broker answers, within 2 seconds.
    func isAnswered() async -> Bool {
        await Self.blocking {
            var metadata: UnsafePointer<rd_kafka_metadata>?
            let code = rd_kafka_metadata(pointer, 0, nil, &metadata, 2000)
            if let metadata { rd_kafka_metadata_destroy(metadata) }
            return code == RD_KAFKA_RESP_ERR_NO_ERROR
        }
    }
}
