import CLibrdkafka
import Logging
import NightjarCore

/// Partitions that are to be given up.
struct Revocation {
    var partitions: [PartitionID]
    /// In ticks.
    var deadline: Int
    var isCommitted = false
}

/// Rebalances: partitions come and go.
extension KafkaConsumer {
    private var isCooperative: Bool {
        guard let protocolName = rd_kafka_rebalance_protocol(handle.pointer) else { return false }
        return String(cString: protocolName) == "COOPERATIVE"
    }

    /// The group gives partitions to this consumer.
    func given(_ partitions: [PartitionID]) {
        guard phase == .running, !partitions.isEmpty else {
            assign(partitions.map { PartitionOffset(partition: $0, offset: PartitionOffset.end) })
            tell(health.assigned())
            return
        }
        unassigned = partitions
        add(.begin(partitions))
    }

    /// Where the partitions begin is known.
    /// - Parameter known: what the broker itself knows of them.
    func begin(_ starts: [PartitionOffset], known: [PartitionID: Int64] = [:]) {
        guard unassigned != nil else { return }
        unassigned = nil
        for start in starts { enter(start, committed: known[start.partition]) }
        assign(starts)
        context.logger.info(
            "Kafka: partitions were assigned",
            metadata: ["partitions": "\(starts.map { "\($0.partition)" }.sorted().joined(separator: " "))"])
        tell(health.found(topics: Set(starts.map(\.partition.topic))))
        tell(health.assigned())
        tell(health.settled(starts.map(\.partition)))
        serve()
    }

    private func enter(_ start: PartitionOffset, committed: Int64?) {
        lastNumber += 1
        let assignment = Assignment(
            lastNumber, start.partition, start: start.offset >= 0 ? start.offset : nil, committed: committed,
            source: options.cluster.uri(ofTopic: start.partition.topic))
        if let former = assignments.updateValue(assignment, forKey: start.partition) {
            numbered[former.number] = nil
        }
        numbered[assignment.number] = assignment
        routes.forget()
    }

    private func assign(_ partitions: [PartitionOffset]) {
        // Messages go by their own queue, so that the other one is always served.
        for start in partitions { forward(start.partition, to: fetched) }
        let isCooperative = isCooperative
        let error = partitions.withList { list -> KafkaError? in
            if isCooperative {
                return KafkaError(
                    consuming: rd_kafka_incremental_assign(handle.pointer, list), "partitions can't be assigned")
            }
            let code = rd_kafka_assign(handle.pointer, list)
            return code == RD_KAFKA_RESP_ERR_NO_ERROR ? nil : KafkaError(code, "partitions can't be assigned")
        }
        if let error = error ?? nil { context.logger.warning("Kafka: \(error)") }
    }

    private func unassign(_ partitions: [PartitionID]) {
        let list = partitions.map { PartitionOffset(partition: $0, offset: PartitionOffset.invalid) }
        if isCooperative {
            let error = list.withList {
                KafkaError(consuming: rd_kafka_incremental_unassign(handle.pointer, $0), "partitions can't be given up")
            }
            if let error = error ?? nil { context.logger.debug("Kafka: \(error)") }
        } else {
            rd_kafka_assign(handle.pointer, nil)
        }
    }

    /// The group takes partitions away.
    func taken(_ partitions: [PartitionID]) {
        let isLost = rd_kafka_assignment_lost(handle.pointer) != 0
        for partition in partitions { assignments[partition]?.isLeaving = true }
        drop(Set(partitions.compactMap { assignments[$0]?.number }))
        if isLost {
            // They may be another's by now: nothing may be committed.
            context.logger.warning(
                "Kafka: partitions were lost, and come again", metadata: ["count": "\(partitions.count)"])
            return giveUp(partitions)
        }
        let patience = Int(options.longestRevocation.components.seconds)
        revocation = Revocation(partitions: partitions, deadline: ticks + max(1, patience))
        goOnRevoking()
    }

    /// Forgets what waits to be handed over.
    func drop(_ numbers: Set<Int>) {
        let dropped = handover.drop { numbers.contains($0) }
        for (number, count) in dropped.messages { numbered[number]?.dropped += count }
        window.remove(messages: dropped.messages.values.reduce(0, +), bytes: dropped.bytes)
    }

    /// Waits for the answers of what is in hand, commits, and gives the partitions up.
    func goOnRevoking() {
        guard var current = revocation else { return }
        let isLate = ticks >= current.deadline
        let isOpen = current.partitions.contains { assignments[$0]?.isInHand ?? false }
        if isOpen, !isLate, phase != .leaving { return }
        if isCommitting, !isLate, phase != .leaving { return }
        if !current.isCommitted, phase != .leaving {
            current.isCommitted = true
            revocation = current
            commit()
            if isCommitting { return }
        }
        if isOpen {
            context.logger.warning(
                "Kafka: partitions are given up with messages in hand: another node does these again")
        }
        revocation = nil
        giveUp(current.partitions)
    }

    private func giveUp(_ partitions: [PartitionID]) {
        for partition in partitions {
            if let assignment = assignments.removeValue(forKey: partition) { numbered[assignment.number] = nil }
        }
        tell(health.settled(partitions))
        routes.forget()
        unassign(partitions)
        for partition in partitions { forward(partition, to: nil) }
    }

    private func forward(_ partition: PartitionID, to queue: OpaquePointer?) {
        guard let own = rd_kafka_queue_get_partition(handle.pointer, partition.topic, partition.number) else { return }
        rd_kafka_queue_forward(own, queue)
        rd_kafka_queue_destroy(own)
    }

    /// A partition's next message is not there: it was deleted before it was read, or the topic is another one.
    func isNotThere(_ partition: PartitionID) {
        guard phase == .running, let assignment = assignments[partition], !assignment.isLeaving else { return }
        add(.find(PartitionOffset(partition: partition, offset: assignment.ledger.next ?? 0)))
    }

    /// Where the partition goes on is known.
    func goOn(_ partition: PartitionID, at offset: Int64) {
        tell(health.settled([partition]))
        guard phase == .running, let assignment = assignments[partition], !assignment.isLeaving else { return }
        let start = PartitionOffset(partition: partition, offset: offset)
        drop([assignment.number])
        unassign([partition])
        enter(start, committed: nil)
        assign(isCooperative ? [start] : assignments.values.map(\.resumed))
        serve()
    }
}

extension Assignment {
    /// Where it would go on.
    fileprivate var resumed: PartitionOffset {
        PartitionOffset(partition: partition, offset: ledger.next ?? PartitionOffset.end)
    }
}
