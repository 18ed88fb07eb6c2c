import CloudEvents
import Logging
import NightjarCore

/// Finds out where partitions begin, or go on.
struct StartFinder: Sendable {
    /// Where partitions begin, and what the broker knows of them.
    struct Starts: Sendable {
        var offsets: [PartitionOffset]
        var committed: [PartitionID: Int64]
    }

    let handle: KafkaHandle
    let options: KafkaOptions
    let context: SourceContext

    /// Where the partitions begin: as the store or the broker knows, else as the options say.
    func starts(of partitions: [PartitionID]) async throws -> Starts {
        let isStored = options.offsets == .store
        let known = isStored ? try await stored(partitions) : try await handle.committed(partitions)
        let unknown = partitions.filter { known[$0] == nil }
        let found = try await beginnings(of: unknown)
        // A beginning that depends on the present moment is remembered at once: what comes while no node runs is not passed over.
        if isStored, options.from != .earliest { try await remember(found) }
        let offsets = partitions.map { partition in
            PartitionOffset(
                partition: partition, offset: known[partition] ?? found[partition] ?? PartitionOffset.beginning)
        }
        return Starts(offsets: offsets, committed: isStored ? [:] : known)
    }

    private func stored(_ partitions: [PartitionID]) async throws -> [PartitionID: Int64] {
        let state = try await context.state()
        let cluster = handle.clusterID
        var known: [PartitionID: Int64] = [:]
        for partition in partitions {
            guard let bytes = state["\(partition)"] else { continue }
            guard let stored = StoredOffset(stored: bytes) else {
                context.logger.warning("Kafka: what is remembered of \(partition) can't be read: it begins anew")
                continue
            }
            if stored.isOf(anotherThan: cluster) {
                context.logger.warning(
                    "Kafka: \(partition) is remembered of another cluster: it begins anew",
                    metadata: ["before": "\(stored.cluster ?? "")", "now": "\(cluster ?? "")"])
                continue
            }
            known[partition] = stored.offset
        }
        return known
    }

    private func beginnings(of partitions: [PartitionID]) async throws -> [PartitionID: Int64] {
        switch options.from {
        case .earliest: return [:]
        case .latest: return try await ends(of: partitions)
        case .time(let time):
            if partitions.isEmpty { return [:] }
            let milliseconds = max(0, (time.microsecondsSince1970 + 999) / 1000)
            var found = try await handle.offsets(partitions, fromMilliseconds: milliseconds).filter { $0.value >= 0 }
            // Where nothing is so new, it begins with what comes next.
            found.merge(try await ends(of: partitions.filter { found[$0] == nil })) { $1 }
            return found
        }
    }

    private func ends(of partitions: [PartitionID]) async throws -> [PartitionID: Int64] {
        var ends: [PartitionID: Int64] = [:]
        for partition in partitions { ends[partition] = try await handle.bounds(of: partition).upperBound }
        return ends
    }

    private func remember(_ beginnings: [PartitionID: Int64]) async throws {
        let cluster = handle.clusterID
        let notes = beginnings.sorted { $0.key.description < $1.key.description }.map { partition, offset in
            let event = Event(
                id: "started:\(partition):\(offset):\(context.time.now.rfc3339)",
                source: options.cluster.uri(ofTopic: partition.topic), type: "nightjar.kafka.started",
                subject: "\(partition)", time: context.time.now)
            let change = SourceStateChange(
                trigger: context.trigger, key: "\(partition)",
                value: StoredOffset(offset, cluster: cluster).stored)
            return SourceMessage.event(
                IncomingEvent(
                    event, to: .nobody(trigger: context.trigger, reason: "the partition begins at offset \(offset)"),
                    stateChanges: [change]))
        }
        _ = try await context.take(notes)
    }

    /// Where a partition goes on whose next message is not there. Says aloud what was lost.
    func continuation(of position: PartitionOffset) async throws -> Int64 {
        let bounds = try await handle.bounds(of: position.partition)
        let offset = Self.continuation(of: position.offset, in: bounds, options)
        let partition = position.partition
        if position.offset < bounds.lowerBound {
            context.logger.error(
                "Kafka: messages were deleted from \(partition) before they were read, by the topic's retention or by hand",
                metadata: ["next": "\(position.offset)", "first": "\(offset)", "lost": "\(offset - position.offset)"])
        } else {
            context.logger.error(
                "Kafka: \(partition) ends before the offset that is known: the topic was made anew, or the broker has lost messages",
                metadata: ["next": "\(position.offset)", "end": "\(bounds.upperBound)", "goesOnAt": "\(offset)"])
        }
        return offset
    }

    /// From an end that lies before what was read, all of what is there may be new. In stored delivery what was taken already is
    /// known by its id; in direct delivery it would be done again, so only those who want old messages get them.
    static func continuation(of next: Int64, in bounds: Range<Int64>, _ options: KafkaOptions) -> Int64 {
        if next < bounds.lowerBound { return bounds.lowerBound }
        if bounds.contains(next) || next == bounds.upperBound { return next }
        return options.offsets == .broker && options.from == .latest ? bounds.upperBound : bounds.lowerBound
    }
}
