import CKafkaMock
import CLibrdkafka
import Foundation
import NightjarKafka
import TestServers

/// librdkafka's own mock of a cluster, in this process: for faults that a real broker does not have on demand.
final class MockCluster: @unchecked Sendable {
    private let owner: OpaquePointer
    private let cluster: OpaquePointer
    private let client: OpaquePointer
    let brokers: String

    init(brokers count: Int32 = 1, topics: [String: Int32] = ["orders": 1]) throws {
        owner = try Self.client(RD_KAFKA_PRODUCER, [:])
        guard let cluster = rd_kafka_mock_cluster_new(owner, count) else { throw TestServerFailure("no mock cluster") }
        self.cluster = cluster
        brokers = String(cString: rd_kafka_mock_cluster_bootstraps(cluster))
        for (topic, partitions) in topics { rd_kafka_mock_topic_create(cluster, topic, partitions, count) }
        client = try Self.client(RD_KAFKA_PRODUCER, ["bootstrap.servers": brokers, "linger.ms": "0"])
    }

    deinit {
        rd_kafka_destroy(client)
        rd_kafka_mock_cluster_destroy(cluster)
        rd_kafka_destroy(owner)
    }

    static func client(_ type: rd_kafka_type_t, _ properties: [String: String]) throws -> OpaquePointer {
        let configuration = rd_kafka_conf_new()
        for (name, value) in properties { rd_kafka_conf_set(configuration, name, value, nil, 0) }
        rd_kafka_conf_set(configuration, "log_level", "0", nil, 0)
        guard let client = rd_kafka_new(type, configuration, nil, 0) else { throw TestServerFailure("no client") }
        return client
    }

    func create(_ topic: String, partitions: Int32) { rd_kafka_mock_topic_create(cluster, topic, partitions, 1) }

    func setError(_ topic: String, _ error: rd_kafka_resp_err_t) {
        rd_kafka_mock_topic_set_error(cluster, topic, error)
    }

    func setUp(_ isUp: Bool, brokers count: Int32 = 1) {
        for broker in 1...count {
            if isUp {
                rd_kafka_mock_broker_set_up(cluster, broker)
            } else {
                rd_kafka_mock_broker_set_down(cluster, broker)
            }
        }
    }

    /// The next requests of this kind (Kafka's API key) fail so.
    func fail(_ request: Int16, _ errors: [rd_kafka_resp_err_t]) {
        rd_kafka_mock_push_request_errors_array(cluster, request, errors.count, errors)
    }

    /// Requests of this kind fail no more.
    func stopFailing(_ request: Int16) { rd_kafka_mock_clear_request_errors(cluster, request) }

    /// The next request of this kind is carried out at once, and answered so many milliseconds later.
    func answerLate(_ request: Int16, milliseconds: Int32) {
        nightjar_mock_answer_late(cluster, 1, request, milliseconds)
    }

    /// Publishes messages and waits until they are written.
    func publish(
        _ values: [String], to topic: String = "orders", partition: Int32 = 0, key: (String) -> String? = { _ in nil }
    ) throws {
        let handle = rd_kafka_topic_new(client, topic, nil)
        defer { rd_kafka_topic_destroy(handle) }
        for value in values {
            var bytes = Array(value.utf8)
            let key = key(value)
            let code = rd_kafka_produce(
                handle, partition, Int32(RD_KAFKA_MSG_F_COPY), &bytes, bytes.count, key, key?.utf8.count ?? 0, nil)
            guard code == 0 else { throw TestServerFailure("not published: \(value)") }
        }
        guard rd_kafka_flush(client, 10_000) == RD_KAFKA_RESP_ERR_NO_ERROR else {
            throw TestServerFailure("not flushed")
        }
    }

    /// What the group has committed.
    func committed(_ group: String, _ topic: String = "orders", partition: Int32 = 0) throws -> Int64 {
        let consumer = try Self.client(RD_KAFKA_CONSUMER, ["bootstrap.servers": brokers, "group.id": group])
        defer { rd_kafka_destroy(consumer) }
        let list = rd_kafka_topic_partition_list_new(1)
        defer { rd_kafka_topic_partition_list_destroy(list) }
        rd_kafka_topic_partition_list_add(list, topic, partition)
        let code = rd_kafka_committed(consumer, list, 10_000)
        guard code == RD_KAFKA_RESP_ERR_NO_ERROR, let list else {
            throw TestServerFailure("no offsets: \(code.rawValue)")
        }
        return list.pointee.elems[0].offset
    }

    /// Options for a consumer; joining takes half of the session timeout here.
    func options(
        _ offsets: KafkaOffsets = .broker, group: String = "group", topics: [String] = ["orders"],
        _ change: (inout KafkaOptions) -> Void = { _ in }
    ) -> KafkaOptions {
        var options = KafkaOptions(
            cluster: KafkaCluster(brokers: brokers), topics: topics, group: group, offsets: offsets,
            sessionTimeout: .seconds(6))
        // For whoever looks for a fault: what librdkafka says of it, with NIGHTJAR_KAFKA_LOG.
        options.cluster.properties["debug"] = ProcessInfo.processInfo.environment["NIGHTJAR_KAFKA_DEBUG"]
        change(&options)
        return options
    }
}
