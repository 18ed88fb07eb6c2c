extension KafkaOptions {
    /// Says what is wrong with these options.
    /// - Throws: ``KafkaError`` with what was expected; also for properties that librdkafka doesn't know or take.
    public func validate() throws(KafkaError) {
        try cluster.check()
        guard !topics.isEmpty else {
            throw KafkaError(
                .configuration, "no topic is given: expected at least one name, or ^ and a regular expression")
        }
        for topic in topics where !topic.hasPrefix("^") && !Self.isTopic(topic) {
            throw KafkaError(
                .configuration,
                "\"\(topic)\" can't be a topic: expected 1 to 249 letters, digits, '.', '_' and '-', or ^ and a regular expression"
            )
        }
        guard !group.isEmpty else {
            throw KafkaError(.configuration, "no consumer group is given: expected a name that all nodes share")
        }
        guard windowMessages > 0, windowBytes > 0, readAheadBytes >= 1 << 10, readAheadBytes <= 2_000_000_000 else {
            throw KafkaError(
                .configuration,
                "the window must be at least 1 message and 1 byte, and what is read ahead from 1 KiB to 2 GB; they are \(windowMessages), \(windowBytes) and \(readAheadBytes)"
            )
        }
        guard (Duration.seconds(1)...Duration.seconds(1800)).contains(sessionTimeout) else {
            throw KafkaError(
                .configuration, "the session timeout is \(sessionTimeout): expected 1 s to 30 min")
        }
        try KafkaHandle.check(consumerProperties(), of: .consumer)
    }

    static func isTopic(_ name: String) -> Bool {
        (1...249).contains(name.utf8.count) && name != "." && name != ".."
            && name.utf8.allSatisfy { byte in
                switch byte {
                case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                    UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "_"), UInt8(ascii: "-"):
                    true
                default: false
                }
            }
    }

    /// What the consumer is made with; later ones go before earlier ones.
    func consumerProperties() -> [(name: String, value: String)] {
        let sessionMilliseconds = sessionTimeout.milliseconds
        var properties = cluster.clientProperties()
        properties += [
            ("session.timeout.ms", "\(sessionMilliseconds)"),
            ("heartbeat.interval.ms", "\(max(300, min(3000, sessionMilliseconds / 3)))"),
            ("partition.assignment.strategy", "cooperative-sticky"),
            ("queued.max.messages.kbytes", "\(max(1, readAheadBytes >> 10))"),
            ("fetch.max.bytes", "\(max(1 << 20, min(50 << 20, readAheadBytes)))"),
            // Bytes are the limit, whatever the messages' size.
            ("queued.min.messages", "10000000"),
            ("allow.auto.create.topics", "false"),
            ("fetch.wait.max.ms", "100"),
        ]
        // Once enough is read ahead the library pauses, for a second if it is not told otherwise; older ones can't be told.
        if KafkaHandle.canSetFetchBackoff { properties.append(("fetch.queue.backoff.ms", "10")) }
        // The poll interval may not be shorter than the session; a user who sets it knows that.
        if cluster.properties["max.poll.interval.ms"] == nil {
            properties.append(("max.poll.interval.ms", "\(max(300_000, sessionMilliseconds))"))
        }
        properties += cluster.properties.sorted { $0.key < $1.key }.map { ($0.key, $0.value) }
        properties += [
            ("group.id", group),
            ("isolation.level", isolation.rawValue),
            ("enable.auto.commit", "false"),
            ("enable.auto.offset.store", "false"),
            // Where a partition goes on whose messages are gone is decided by the source, which says so aloud.
            ("auto.offset.reset", "error"),
        ]
        return properties
    }

    /// How long this node may take to let partitions go before the group does without it.
    var longestRevocation: Duration {
        let limit = cluster.properties["max.poll.interval.ms"].flatMap { Int64($0) }.map { Duration.milliseconds($0) }
        // A margin for the commit and the answer.
        return (limit ?? max(.seconds(300), sessionTimeout)) * 0.8
    }
}

extension Duration {
    /// Whole milliseconds.
    var milliseconds: Int64 { components.seconds * 1000 + components.attoseconds / 1_000_000_000_000_000 }
}
