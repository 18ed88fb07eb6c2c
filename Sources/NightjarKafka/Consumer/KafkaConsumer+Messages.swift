import CLibrdkafka
import CloudEvents
import NightjarCore

/// Receiving, handing over, and learning what became of it.
extension KafkaConsumer {
    private static let receivedAtOnce = 256
    private static let batchBytes = 4 << 20

    /// How many messages are taken together. Stored batches are one transaction; of direct ones the slowest message holds up the
    /// others' lanes.
    private var batchMessages: Int { options.offsets == .store ? 1000 : 256 }

    /// What may be handed over now; `nil` if there is nothing.
    func gather() -> KafkaBatch? {
        var batch = handover.begin(most: batchMessages, bytes: Self.batchBytes)
        var messages = [UnsafeMutablePointer<rd_kafka_message_t>?](repeating: nil, count: Self.receivedAtOnce)
        while batch.messages.count < batchMessages, batch.bytes < Self.batchBytes, !handover.hasReleased {
            let room = min(window.room, Self.receivedAtOnce, batchMessages - batch.messages.count)
            guard room > 0 else { break }
            let count = rd_kafka_consume_batch_queue(fetched, 0, &messages, room)
            guard count > 0 else { break }
            for message in messages.prefix(count) {
                guard let message else { continue }
                receive(message, into: &batch)
                rd_kafka_message_destroy(message)
            }
        }
        guard !batch.messages.isEmpty else { return nil }
        if options.offsets == .store { rememberOffsets(in: &batch) }
        batchesInHand += 1
        return batch
    }

    private func receive(_ message: UnsafeMutablePointer<rd_kafka_message_t>, into batch: inout KafkaBatch) {
        guard message.pointee.err == RD_KAFKA_RESP_ERR_NO_ERROR else { return failed(message) }
        let assignment = routes.assignment(of: message.pointee) { assignments[$0] }
        guard let assignment, !assignment.isLeaving else { return }
        if !health.isWell { tell(health.received(topic: assignment.partition.topic)) }
        let record = RecordView(message)
        let bytes = record.bytes
        window.add(bytes: bytes)
        let ticket = Ticket(
            assignment: assignment.number, number: assignment.ledger.enter(record.offset),
            lane: lane(of: record, assignment), bytes: bytes)
        let content: SourceMessage
        do throws(EventError) {
            let event = try assignment.reader.event(of: record)
            content = .event(
                IncomingEvent(event, to: .trigger(context.trigger), order: order(of: record, assignment)))
        } catch {
            content = .unreadable(assignment.reader.unreadable(record, error))
        }
        handover.add(content, ticket, to: &batch)
    }

    private func lane(of record: RecordView, _ assignment: Assignment) -> Int? {
        if options.offsets == .store { return assignment.lane }
        switch options.order {
        case .none: return nil
        case .partition: return assignment.lane
        case .key: return record.key.map { Handover.lane(of: $0) }
        }
    }

    private func order(of record: RecordView, _ assignment: Assignment) -> [UInt8]? {
        switch options.order {
        case .none: return nil
        case .partition: return assignment.orderPrefix
        case .key: return record.key.map { assignment.orderPrefix + $0 }
        }
    }

    /// The last message of each partition carries how far the partition is taken with it.
    private func rememberOffsets(in batch: inout KafkaBatch) {
        let cluster = handle.clusterID
        var told: Set<Int> = []
        for index in batch.tickets.indices.reversed() {
            let ticket = batch.tickets[index]
            guard told.insert(ticket.assignment).inserted, let assignment = numbered[ticket.assignment] else {
                continue
            }
            let offset = StoredOffset(assignment.ledger.offset(of: ticket.number) + 1, cluster: cluster)
            let change = SourceStateChange(
                trigger: context.trigger, key: "\(assignment.partition)", value: offset.stored)
            batch.messages[index].add(change)
        }
    }

    /// The messages were taken, or rejected: their offsets may move.
    func answered(_ batch: KafkaBatch) {
        for ticket in batch.tickets { numbered[ticket.assignment]?.ledger.finish(ticket.number) }
        putDown(batch)
        serve()
    }

    /// The messages were not taken: their offsets may not move, and nothing more is taken, for what follows might.
    func refused(_ batch: KafkaBatch) {
        beginToStop()
        putDown(batch)
        serve()
    }

    private func putDown(_ batch: KafkaBatch) {
        batchesInHand -= 1
        window.remove(messages: batch.tickets.count, bytes: batch.bytes)
        handover.end(lanes: batch.lanes)
    }
}

extension SourceMessage {
    /// Lets the store remember something with it.
    fileprivate mutating func add(_ change: SourceStateChange) {
        switch self {
        case .event(var event):
            event.stateChanges.append(change)
            self = .event(event)
        case .unreadable(var message):
            message.stateChanges.append(change)
            self = .unreadable(message)
        }
    }
}
