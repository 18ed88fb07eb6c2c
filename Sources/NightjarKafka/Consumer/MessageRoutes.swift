import CLibrdkafka

/// Finds the assignment of a message by librdkafka's own names for its topic and partition: no text is compared.
struct MessageRoutes {
    private struct Route: Hashable {
        var topic: OpaquePointer
        var partition: Int32
    }

    private var known: [Route: Assignment] = [:]
    /// Messages come in runs of one partition.
    private var last: (route: Route, assignment: Assignment)?

    /// The assignment; `find` is asked for one that was not met before.
    mutating func assignment(
        of message: rd_kafka_message_t, _ find: (PartitionID) -> Assignment?
    ) -> Assignment? {
        guard let topic = message.rkt else { return nil }
        let route = Route(topic: topic, partition: message.partition)
        if let last, last.route == route { return last.assignment }
        let assignment =
            known[route]
            ?? find(PartitionID(topic: String(cString: rd_kafka_topic_name(topic)), number: route.partition))
        guard let assignment else { return nil }
        known[route] = assignment
        last = (route, assignment)
        return assignment
    }

    /// What was found is not true any more.
    mutating func forget() {
        known.removeAll(keepingCapacity: true)
        last = nil
    }
}
