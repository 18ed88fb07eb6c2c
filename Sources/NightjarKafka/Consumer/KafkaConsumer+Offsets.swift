import CLibrdkafka
import Logging
import NightjarCore

/// Offsets go to the broker, and the lag is measured.
extension KafkaConsumer {
    /// In seconds: at the broker they say what is done, or only let tools show how far the group is.
    private var commitInterval: Int { options.offsets == .broker ? 1 : 5 }
    private static let lagInterval = 5
    private static let lookInterval = 5

    /// Called each second.
    func tick() {
        if ticks % commitInterval == 0, phase == .running || phase == .draining { commit() }
        if ticks % Self.lagInterval == 1 { measureLag() }
        if ticks % Self.lookInterval == 0, health.lacksTopics { add(.look) }
        serve()
    }

    /// Lets the broker know how far each partition is done, if that has changed. The answer comes as an event.
    func commit() {
        guard !isCommitting else { return }
        isCommitFailed = false
        var offsets: [PartitionOffset] = []
        for assignment in assignments.values {
            guard let position = assignment.ledger.position, position != assignment.committed else { continue }
            assignment.committed = position
            offsets.append(PartitionOffset(partition: assignment.partition, offset: position))
        }
        guard !offsets.isEmpty else { return }
        lastCommit = ticks
        let code = offsets.withList { rd_kafka_commit_queue(handle.pointer, $0, control, nil, nil) }
        isCommitting = code == RD_KAFKA_RESP_ERR_NO_ERROR
        if !isCommitting { forgetCommitted(offsets) }
    }

    /// The answer to a commit.
    func committed(_ offsets: [PartitionOffset], _ code: rd_kafka_resp_err_t) {
        isCommitting = false
        isCommitFailed = false
        guard code != RD_KAFKA_RESP_ERR_NO_ERROR, code != RD_KAFKA_RESP_ERR__NO_OFFSET else { return }
        // A rebalance is no mistake: what was not committed is committed later, or done again by another node.
        context.logger.info("Kafka: offsets were not committed: \(KafkaError.Cause(code))")
        forgetCommitted(offsets)
        switch code {
        case RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID, RD_KAFKA_RESP_ERR_ILLEGAL_GENERATION,
            RD_KAFKA_RESP_ERR_FENCED_INSTANCE_ID, RD_KAFKA_RESP_ERR_GROUP_AUTHORIZATION_FAILED:
            break
        default: isCommitFailed = true
        }
    }

    private func forgetCommitted(_ offsets: [PartitionOffset]) {
        for offset in offsets where assignments[offset.partition]?.committed == offset.offset {
            assignments[offset.partition]?.committed = nil
        }
    }

    /// How many messages are not done, as far as the library knows the partitions' ends.
    private func measureLag() {
        guard !assignments.isEmpty else { return }
        var waiting: Int64 = 0
        for assignment in assignments.values {
            var (low, high): (Int64, Int64) = (PartitionOffset.invalid, PartitionOffset.invalid)
            let partition = assignment.partition
            rd_kafka_get_watermark_offsets(handle.pointer, partition.topic, partition.number, &low, &high)
            guard high >= 0 else { continue }
            let begin = assignment.ledger.position ?? (options.from == .latest ? high : max(0, low))
            waiting += max(0, high - begin)
        }
        context.measure(.waiting(Int(clamping: waiting)))
    }
}
