import CLibrdkafka
import Logging
import NightjarCore

/// What librdkafka reports.
extension KafkaConsumer {
    func handle(_ event: OpaquePointer) {
        switch rd_kafka_event_type(event) {
        case RD_KAFKA_EVENT_REBALANCE:
            let partitions = [PartitionOffset](rd_kafka_event_topic_partition_list(event))
            if rd_kafka_event_error(event) == RD_KAFKA_RESP_ERR__ASSIGN_PARTITIONS {
                given(partitions.map(\.partition))
            } else {
                taken(partitions.map(\.partition))
            }
        case RD_KAFKA_EVENT_OFFSET_COMMIT:
            committed([PartitionOffset](rd_kafka_event_topic_partition_list(event)), rd_kafka_event_error(event))
        case RD_KAFKA_EVENT_ERROR: failed(event)
        case RD_KAFKA_EVENT_LOG: log(event)
        default: break
        }
    }

    private func failed(_ event: OpaquePointer) {
        let code = rd_kafka_event_error(event)
        let text = rd_kafka_event_error_string(event).map { String(cString: $0) } ?? ""
        if rd_kafka_event_error_is_fatal(event) != 0 || code == RD_KAFKA_RESP_ERR__FATAL {
            return fail(handle.fatalError ?? KafkaError(code, "the consumer failed", text: text))
        }
        var topic: String?
        if let partition = rd_kafka_event_topic_partition(event) {
            topic = String(cString: partition.pointee.topic)
            rd_kafka_topic_partition_destroy(partition)
        }
        failed(code, text, topic: topic ?? subscribedTopic(in: text))
    }

    /// An error of a subscribed topic names it in the text alone.
    private func subscribedTopic(in text: String) -> String? {
        options.topics.first { text.contains(": \($0):") }
    }

    /// An error of a partition stands where its messages do.
    func failed(_ message: UnsafeMutablePointer<rd_kafka_message_t>) {
        let record = message.pointee
        let topic = record.rkt.map { String(cString: rd_kafka_topic_name($0)) }
        let text = rd_kafka_message_errstr(message).map { String(cString: $0) } ?? ""
        if record.err == RD_KAFKA_RESP_ERR__AUTO_OFFSET_RESET, let topic {
            return isNotThere(PartitionID(topic: topic, number: record.partition))
        }
        failed(record.err, text, topic: topic)
    }

    private func failed(_ code: rd_kafka_resp_err_t, _ text: String, topic: String?) {
        let cause = KafkaError.Cause(code, text: text)
        switch KafkaError.code(of: code) {
        case .fatal: fail(KafkaError(code, "the consumer failed", text: text))
        case .authentication:
            tell(health.failed(.refused, "the brokers refuse this client: \(cause)"))
            add(.probe)
        case .connection where code == RD_KAFKA_RESP_ERR__ALL_BROKERS_DOWN:
            tell(health.failed(.unreachable, "no broker can be reached: \(cause)"))
            add(.probe)
        case .unknownTopic where topic != nil, .authorization where topic != nil:
            tell(health.failed(.topic(topic ?? ""), "the topic \(topic ?? "") can't be read: \(cause)"))
        case .authorization: tell(health.failed(.consumer, "the group \(options.group) can't be joined: \(cause)"))
        default:
            if code == RD_KAFKA_RESP_ERR__MAX_POLL_EXCEEDED {
                context.logger.warning("Kafka: this node was too slow, and joins the group again")
            } else {
                // The library tries again by itself, several times a second; that no broker is left is told above.
                let level: Logger.Level = KafkaError.code(of: code) == .connection ? .debug : .info
                context.logger.log(level: level, "Kafka: \(cause)")
            }
        }
    }

    private func log(_ event: OpaquePointer) {
        var (facility, text): (UnsafePointer<CChar>?, UnsafePointer<CChar>?) = (nil, nil)
        var level: Int32 = 0
        guard rd_kafka_event_log(event, &facility, &text, &level) == 0, let facility, let text else { return }
        // Errors come as such besides, and are told once.
        context.logger.debug(
            "librdkafka: \(String(cString: text))", metadata: ["facility": "\(String(cString: facility))"])
    }
}
