import CloudEvents
import NightjarCore
import NightjarKafka
import TestServers
import Testing
import Waiting

@Suite(.enabled(if: Preload.isDone, Preload.skip), .serialized, .timeLimit(.minutes(3)))
struct TansuSecurityTests {
    private let event = Event(id: "e", source: "/", type: "t", data: Array("secret".utf8))

    private func expectRefusal(_ options: KafkaOptions, _ part: String = "refuse") async throws {
        let intake = FakeIntake()
        try await consuming(options, intake) {
            try await intake.state.wait("refused") { $0.health.last?.isFailing(part) == true }
        }
    }

    private func expectMessage(_ options: KafkaOptions) async throws {
        let publisher = try KafkaPublisher(KafkaPublishOptions(cluster: options.cluster, topic: "orders"))
        _ = try await publisher.publish(event)
        await publisher.close()
        let intake = FakeIntake()
        try await consuming(options, intake) {
            try await intake.state.wait("the message") { $0.answered.contains("secret") }
        }
    }

    @Test("TLS: authority, name and the client's own certificate are checked")
    func tls() async throws {
        let proxy = try TLSProxy(certificateFor: "DNS:elsewhere.example")
        let broker = try await TansuBroker(advertised: proxy.port)
        try proxy.start(before: broker)
        try await broker.create("orders", partitions: 1)
        let (authorities, certificate, key) = (
            proxy.folder + "/ca.pem", proxy.folder + "/client-cert.pem", proxy.folder + "/client-key.pem"
        )
        func options(_ tls: KafkaTLS) -> KafkaOptions {
            broker.options(.broker, ["orders"]) { options in
                options.cluster.brokers = ["127.0.0.1:\(proxy.port)"]
                options.cluster.tls = tls
            }
        }
        try await expectRefusal(options(KafkaTLS(certificate: certificate, key: key, checksName: false)))
        try await expectRefusal(options(KafkaTLS(authorities: authorities, certificate: certificate, key: key)))
        try await expectRefusal(options(KafkaTLS(authorities: authorities, checksName: false)), "")
        try await expectMessage(
            options(KafkaTLS(authorities: authorities, certificate: certificate, key: key, checksName: false)))
    }

    @Test("TLS with the right name needs no exception")
    func name() async throws {
        let proxy = try TLSProxy(certificateFor: "IP:127.0.0.1")
        let broker = try await TansuBroker(advertised: proxy.port)
        try proxy.start(before: broker)
        try await broker.create("orders", partitions: 1)
        try await expectMessage(
            broker.options(.store, ["orders"]) { options in
                options.cluster.brokers = ["127.0.0.1:\(proxy.port)"]
                options.cluster.tls = KafkaTLS(
                    authorities: proxy.folder + "/ca.pem", certificate: proxy.folder + "/client-cert.pem",
                    key: proxy.folder + "/client-key.pem")
            })
    }

    @Test("SASL: a wrong password is told, in the source's health and in a run's failure, and never shown")
    func sasl() async throws {
        // It knows no users after a restart, so that the right password can't be tried.
        let broker = try await TansuBroker()
        broker.kill()
        try await broker.start(["--authentication"])
        func options(_ password: String) -> KafkaOptions {
            broker.options(.store, ["orders"]) {
                $0.cluster.sasl = KafkaSASL(.scramSHA512, username: "alice", password: password)
            }
        }
        let intake = FakeIntake()
        try await consuming(options("wr0ng"), intake) {
            let state = try await intake.state.wait("refused") { $0.health.last?.isFailing("refuse") == true }
            #expect(!"\(state.health)".contains("wr0ng"))
        }
        let publisher = try KafkaPublisher(
            KafkaPublishOptions(cluster: options("wr0ng").cluster, topic: "orders", timeout: .seconds(10)))
        do {
            _ = try await publisher.publish(event)
            Issue.record("published")
        } catch let error as KafkaError {
            #expect(error.code == .authentication && !error.message.contains("wr0ng"))
        }
        await publisher.close()
    }
}
