import Foundation
import NightjarKafka
import TestServers

/// A message as a client that is not ours publishes it.
struct ForeignMessage: Encodable {
    var value: String?
    var key: String?
    var headers: [String: String] = [:]
    var partition: Int?
    /// Milliseconds since 1970.
    var timestamp: Int?
}

extension TansuBroker {
    private static let producer = """
        import sys, json
        from confluent_kafka import Producer
        p = Producer({'bootstrap.servers': sys.argv[1], 'linger.ms': 5})
        failed = []
        def done(error, message):
            if error: failed.append(str(error))
        for line in open(sys.argv[3]):
            m = json.loads(line)
            more = {k: m[k] for k in ('partition', 'timestamp') if m.get(k) is not None}
            value = m.get('value'); key = m.get('key')
            while True:
                try:
                    p.produce(sys.argv[2], None if value is None else value.encode(), None if key is None else key.encode(),
                        headers={k: v.encode() for k, v in m['headers'].items()}, on_delivery=done, **more)
                    break
                except BufferError:
                    p.poll(1)
            p.poll(0)
        p.flush(30)
        sys.exit(failed[0] if failed else len(p))
        """

    /// Publishes by `confluent-kafka`.
    func publish(_ messages: [ForeignMessage], to topic: String) async throws {
        let file = folder.path + "/\(UUID().uuidString).json"
        let encoder = JSONEncoder()
        let lines = try messages.map { String(decoding: try encoder.encode($0), as: UTF8.self) }
        try lines.joined(separator: "\n").write(toFile: file, atomically: true, encoding: .utf8)
        try await python(Self.producer, [address, topic, file])
    }

    func publish(_ values: [String], to topic: String, key: (String) -> String? = { $0 }) async throws {
        try await publish(values.map { ForeignMessage(value: $0, key: key($0)) }, to: topic)
    }

    /// Publishes lines by `kcat`.
    func publishByKcat(_ lines: [String], _ arguments: [String], to topic: String) async throws {
        let file = folder.path + "/\(UUID().uuidString).txt"
        try (lines.joined(separator: "\n") + "\n").write(toFile: file, atomically: true, encoding: .utf8)
        try await run(
            "kcat", ["-P", "-b", address, "-t", topic] + arguments, input: file, variables: try Preload.variables())
    }

    /// What stands in the topic, as `kcat` reads it.
    func readByKcat(_ topic: String, format: String = "%s\\n", _ arguments: [String] = []) async throws -> [String] {
        try await run(
            "kcat", ["-C", "-b", address, "-t", topic, "-e", "-q", "-f", format] + arguments,
            variables: try Preload.variables()
        ).split(separator: "\n").map(String.init)
    }

    /// What the group has committed, by partition.
    func committed(_ group: String, _ topic: String, partitions: Int) async throws -> [Int] {
        let text = try await python(
            """
            import sys
            from confluent_kafka import Consumer, TopicPartition
            c = Consumer({'bootstrap.servers': sys.argv[1], 'group.id': sys.argv[2]})
            print([p.offset for p in c.committed([TopicPartition(sys.argv[3], i) for i in range(int(sys.argv[4]))], 10)])
            c.close()
            """, [address, group, topic, "\(partitions)"])
        return text.split { !"-0123456789".contains($0) }.compactMap { Int($0) }
    }

    func options(
        _ offsets: KafkaOffsets, _ topics: [String], group: String = UUID().uuidString,
        _ change: (inout KafkaOptions) -> Void = { _ in }
    ) -> KafkaOptions {
        // Joining takes half of the session timeout here.
        var options = KafkaOptions(
            cluster: KafkaCluster(brokers: address), topics: topics, group: group, offsets: offsets,
            sessionTimeout: .seconds(2))
        options.cluster.properties["debug"] = ProcessInfo.processInfo.environment["NIGHTJAR_KAFKA_DEBUG"]
        change(&options)
        return options
    }
}
