extension KafkaCluster {
    /// Says what is wrong with these options; librdkafka checks the properties besides, when a client is made.
    func check() throws(KafkaError) {
        guard !brokers.isEmpty else {
            throw KafkaError(
                .configuration, "no brokers are given: expected at least one, such as kafka.example.com:9092")
        }
        for broker in brokers where !Self.isBroker(broker) {
            throw KafkaError(.configuration, "\"\(broker)\" is no broker: expected host or host:port")
        }
        if let tls, (tls.certificate == nil) != (tls.key == nil) {
            throw KafkaError(
                .configuration, "a client's certificate needs its key, and the key its certificate: give both, or none")
        }
        for name in properties.keys.sorted() where Self.ownProperties[name] != nil {
            throw KafkaError(
                .configuration, "the property \(name) can't be set: \(Self.ownProperties[name] ?? "")")
        }
    }

    private static func isBroker(_ text: String) -> Bool {
        let parts = text.split(separator: ":", omittingEmptySubsequences: false)
        let isPlain = text.utf8.allSatisfy { byte in
            switch byte {
            case UInt8(ascii: "a")...UInt8(ascii: "z"), UInt8(ascii: "A")...UInt8(ascii: "Z"),
                UInt8(ascii: "0")...UInt8(ascii: "9"), UInt8(ascii: "."), UInt8(ascii: "-"), UInt8(ascii: "_"),
                UInt8(ascii: ":"), UInt8(ascii: "["), UInt8(ascii: "]"):
                true
            default: false
            }
        }
        guard isPlain, let first = parts.first, !first.isEmpty else { return false }
        // More colons than one belong to an IPv6 address, in brackets.
        if text.hasPrefix("[") { return text.contains("]") }
        return parts.count == 1 || parts.count == 2 && (UInt16(parts[1]) ?? 0) > 0
    }

    /// Properties that a user may not set, and why.
    private static let ownProperties = [
        "bootstrap.servers": "the option for brokers says it",
        "metadata.broker.list": "the option for brokers says it",
        "group.id": "the option for the group says it",
        "isolation.level": "the option for the isolation says it",
        "enable.auto.commit": "offsets move only after messages were taken",
        "enable.auto.offset.store": "offsets move only after messages were taken",
        "auto.offset.reset": "the option for the start says where a partition begins",
        "enable.partition.eof": "the source does not look for a partition's end",
        "enable.idempotence": "a retried message must not be written twice",
        "acks": "a message counts as published when all replicas in sync have it",
        "request.required.acks": "a message counts as published when all replicas in sync have it",
        "transactional.id": "messages are published one by one",
        "delivery.report.only.error": "a publish action waits for the broker's confirmation",
        "log.queue": "the library's log goes to Nightjar's",
    ]

    /// The properties of every client of this cluster.
    func clientProperties() -> [(name: String, value: String)] {
        var properties = [
            ("bootstrap.servers", brokers.joined(separator: ",")), ("client.id", clientID), ("log.queue", "true"),
            ("reconnect.backoff.ms", "250"), ("reconnect.backoff.max.ms", "10000"),
            // New topics and partitions, and those that are gone, are seen within this time.
            ("topic.metadata.refresh.interval.ms", "10000"),
        ]
        switch (tls, sasl) {
        case (nil, nil): break
        case (_?, nil): properties.append(("security.protocol", "ssl"))
        case (nil, _?): properties.append(("security.protocol", "sasl_plaintext"))
        case (_?, _?): properties.append(("security.protocol", "sasl_ssl"))
        }
        if let tls {
            properties.append(("ssl.endpoint.identification.algorithm", tls.checksName ? "https" : "none"))
            if let authorities = tls.authorities { properties.append(("ssl.ca.location", authorities)) }
            if let certificate = tls.certificate { properties.append(("ssl.certificate.location", certificate)) }
            if let key = tls.key { properties.append(("ssl.key.location", key)) }
            if let password = tls.keyPassword { properties.append(("ssl.key.password", password)) }
        }
        if let sasl {
            properties.append(("sasl.mechanism", sasl.mechanism.rawValue))
            properties.append(("sasl.username", sasl.username))
            properties.append(("sasl.password", sasl.password))
        }
        return properties
    }

    /// A URI reference that names a topic of this cluster, without credentials.
    func uri(ofTopic topic: String) -> String { "kafka://\(brokers.first ?? "")/\(topic)" }
}
