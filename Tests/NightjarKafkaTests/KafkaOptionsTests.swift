import NightjarKafka
import Testing

@Suite("Kafka options")
struct KafkaOptionsTests {
    private func message(_ change: (inout KafkaOptions) -> Void) -> String? {
        var options = KafkaOptions(cluster: KafkaCluster(brokers: "a, b:9093"), topics: ["orders"], group: "g")
        change(&options)
        do throws(KafkaError) {
            _ = try KafkaSource(options)
            return nil
        } catch {
            return error.code == .configuration ? error.message : "\(error.code)"
        }
    }

    @Test("sensible ones are taken, with TLS, SASL and properties")
    func taken() {
        #expect(KafkaCluster(brokers: "a, b:9093").brokers == ["a", "b:9093"])
        #expect(message { _ in } == nil)
        let more = message { options in
            options.topics = ["orders", "^shop-.*"]
            options.cluster.sasl = KafkaSASL(.scramSHA512, username: "u", password: "p")
            options.cluster.tls = KafkaTLS(checksName: false)
            options.cluster.properties = ["socket.keepalive.enable": "true", "max.poll.interval.ms": "600000"]
        }
        #expect(more == nil)
    }

    @Test("what can't work is named, with what was expected")
    func refused() {
        #expect(message { $0.cluster.brokers = [] }?.contains("no brokers") == true)
        for broker in ["", "host:", "host:x", "a/b", "user@host", "a:1:2", "host:0"] {
            #expect(message { $0.cluster.brokers = [broker] }?.contains("host or host:port") == true, "\(broker)")
        }
        #expect(message { $0.cluster.brokers = ["[::1]:9092"] } == nil)
        #expect(message { $0.topics = [] }?.contains("no topic") == true)
        #expect(message { $0.topics = ["a b"] }?.contains("\"a b\"") == true)
        #expect(message { $0.group = "" }?.contains("group") == true)
        #expect(message { $0.windowMessages = 0 }?.contains("window") == true)
        #expect(message { $0.sessionTimeout = .milliseconds(5) }?.contains("session timeout") == true)
        #expect(message { $0.cluster.tls = KafkaTLS(certificate: "c.pem") }?.contains("its key") == true)
    }

    @Test("properties that librdkafka doesn't know or take are named; those that promises rest on can't be set")
    func properties() {
        #expect(message { $0.cluster.properties = ["no.such": "1"] }?.contains("no.such") == true)
        #expect(message { $0.cluster.properties = ["fetch.min.bytes": "x"] }?.contains("fetch.min.bytes") == true)
        for name in ["enable.auto.commit", "group.id", "auto.offset.reset", "bootstrap.servers"] {
            #expect(message { $0.cluster.properties = [name: "true"] }?.contains("\(name) can't be set") == true)
        }
    }

    @Test("a publisher's options are checked the same way")
    func publisher() {
        let cluster = KafkaCluster(brokers: "a")
        #expect(throws: KafkaError.self) { try KafkaPublisher(KafkaPublishOptions(cluster: cluster, topic: "a b")) }
        #expect(throws: KafkaError.self) {
            try KafkaPublisher(KafkaPublishOptions(cluster: cluster, topic: "a", timeout: .zero))
        }
        #expect(throws: Never.self) { try KafkaPublisher(KafkaPublishOptions(cluster: cluster, topic: "a")) }
    }
}
