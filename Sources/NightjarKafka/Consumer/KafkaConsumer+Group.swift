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
        // The group may give more while it is looked for where the last ones begin.
        lookForStarts(of: isCooperative ? (unassigned ?? []) + partitions : partitions)
    }

    private func lookForStarts(of partitions: [PartitionID]) {
        unassigned = partitions
        lastLook += 1
        add(.begin(partitions, look: lastLook))
    }

    /// Where the partitions begin is known.
    /// - Parameter known: what the broker itself knows of them.
    func begin(_ starts: [PartitionOffset], known: [PartitionID: Int64] = [:], look: Int) {
        // Else the group has changed its mind meanwhile.
        guard unassigned != nil, look == lastLook else { return }
        // What comes back before it was given up begins when it was.
        if let revocation, starts.contains(where: { revocation.partitions.contains($0.partition) }) { return }
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
        if let error = error ?? nil { return context.logger.warning("Kafka: \(error)") }
        if !isCooperative { read = [] }
        read.formUnion(partitions.map(\.partition))
    }

    private func unassign(_ partitions: [PartitionID]) {
        // The library refuses a list with anything that it does not read, and waits for an answer even if it reads none of them.
        let list = partitions.filter(read.contains).map {
            PartitionOffset(partition: $0, offset: PartitionOffset.invalid)
        }
        read.subtract(partitions)
        if isCooperative {
            let error = list.withList {
                KafkaError(consuming: rd_kafka_incremental_unassign(handle.pointer, $0), "partitions can't be given up")
            }
            if let error = error ?? nil { context.logger.debug("Kafka: \(error)") }
        } else {
            read = []
            rd_kafka_assign(handle.pointer, nil)
        }
    }

    /// The group takes partitions away.
    func taken(_ partitions: [PartitionID]) {
        let isLost = rd_kafka_assignment_lost(handle.pointer) != 0
        if let waiting = unassigned {
            let left = waiting.filter { !partitions.contains($0) }
            if left.isEmpty {
                unassigned = nil
            } else if left.count < waiting.count {
                lookForStarts(of: left)
            }
        }
        for partition in partitions { assignments[partition]?.isLeaving = true }
        drop(Set(partitions.compactMap { assignments[$0]?.number }))
        // The group may take more while earlier ones are waited for: all are given up together, as the library asks once.
        let earlier = revocation?.partitions.filter { !partitions.contains($0) } ?? []
        if isLost {
            // They may be another's by now: nothing may be committed.
            context.logger.warning(
                "Kafka: partitions were lost, and come again", metadata: ["count": "\(partitions.count)"])
            forget(partitions)
            if !earlier.isEmpty {
                revocation?.partitions = earlier + partitions
                return
            }
            revocation = nil
            return giveUp(partitions)
        }
        let patience = Int(options.longestRevocation.components.seconds)
        let deadline = revocation?.deadline ?? ticks + max(1, patience)
        revocation = Revocation(partitions: earlier + partitions, deadline: deadline)
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
            // One that is not answered until now knows nothing of what was done since.
            if isLate { isCommitting = false }
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
        forget(partitions)
        tell(health.settled(partitions))
        unassign(partitions)
        for partition in partitions { forward(partition, to: nil) }
        // Some of them may have come back meanwhile.
        if phase == .running, let waiting = unassigned, waiting.contains(where: partitions.contains) {
            lookForStarts(of: waiting)
        }
    }

    private func forget(_ partitions: [PartitionID]) {
        for partition in partitions {
            if let assignment = assignments.removeValue(forKey: partition) { numbered[assignment.number] = nil }
        }
        routes.forget()
    }

    private func forward(_ partition: PartitionID, to queue: OpaquePointer?) {
        guard let own = rd_kafka_queue_get_partition(handle.pointer, partition.topic, partition.number) else { return }
        rd_kafka_queue_forward(own, queue)
        rd_kafka_queue_destroy(own)
    }

    /// A partition's next message is not there: it was deleted before it was read, or the topic is another one.
    func isNotThere(_ partition: PartitionID) {
        guard phase == .running, let assignment = assignments[partition], !assignment.isLeaving else { return }
        let position = PartitionOffset(partition: partition, offset: assignment.ledger.next ?? 0)
        add(.find(position, assignment: assignment.number))
    }

    /// Where the assignment with that number goes on is known.
    func goOn(_ number: Int, at offset: Int64) {
        postponed[number] = offset
        // What the group asks by now comes first.
        serve()
    }

    /// Lets partitions go on, unless the group takes some: what the library is told now it would take for the answer that it waits
    /// for.
    func goOnPostponed() {
        guard !postponed.isEmpty, revocation == nil, isCooperative || unassigned == nil else { return }
        let due = postponed
        postponed = [:]
        for (number, offset) in due { move(number, to: offset) }
    }

    private func move(_ number: Int, to offset: Int64) {
        guard phase == .running, let assignment = numbered[number], !assignment.isLeaving else { return }
        let partition = assignment.partition
        tell(health.settled([partition]))
        let start = PartitionOffset(partition: partition, offset: offset)
        drop([assignment.number])
        unassign([partition])
        enter(start, committed: nil)
        assign(isCooperative ? [start] : assignments.values.map(\.resumed))
    }
}

extension Assignment {
    /// Where it would go on.
    fileprivate var resumed: PartitionOffset {
        PartitionOffset(partition: partition, offset: ledger.next ?? PartitionOffset.end)
    }
}
