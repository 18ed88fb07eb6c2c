public import CloudEvents
import Foundation

extension KafkaCluster {
    /// Shows what comes in these topics from now on, as the events that ``KafkaSource`` would make, without disturbing anyone: no
    /// consumer group is joined, and no offset is committed. Records that carry no valid CloudEvent are left out.
    ///
    /// Partitions and topics that are added later are not seen.
    /// - Parameter topics: names, or regular expressions that begin with `^`.
    /// - Throws: from the stream, ``KafkaError``: no such topic, no broker that answers, no permission. A connection that is lost
    ///   later is made again.
    public func tail(topics: [String]) -> AsyncThrowingStream<Event, any Error> {
        let session = TailSession(cluster: self, topics: topics)
        // Pulled, so that a slow reader holds up librdkafka and no memory grows.
        return AsyncThrowingStream { try await session.next() }
    }
}

/// Ends the reader when the stream is gone.
private final class TailSession: Sendable {
    private let cluster: KafkaCluster
    private let topics: [String]
    private let opening = TailOpening()

    init(cluster: KafkaCluster, topics: [String]) {
        self.cluster = cluster
        self.topics = topics
    }

    deinit { opening.reader?.abandon() }

    func next() async throws -> Event? {
        let reader = try await opened()
        return try await withTaskCancellationHandler {
            try await reader.next()
        } onCancel: {
            reader.stop()
        }
    }

    private func opened() async throws -> TailReader {
        if let reader = opening.reader { return reader }
        let reader = try TailReader(cluster)
        opening.set(reader)
        try await reader.open(topics)
        return reader
    }
}
