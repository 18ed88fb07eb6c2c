import CLibrdkafka
import CloudEvents
import NightjarCore
import NightjarKafka
import Testing
import Waiting

@Suite("Kafka source, beginnings and ends", .timeLimit(.minutes(3)))
struct MockStartTests {
    private let intake = FakeIntake()

    @Test(
        "with latest nothing old is taken, and nothing is passed over that comes while no node runs",
        arguments: KafkaOffsets.allCases)
    func latest(_ offsets: KafkaOffsets) async throws {
        let cluster = try MockCluster()
        try cluster.publish(["old"])
        let options = cluster.options(offsets) { $0.from = .latest }
        try await consuming(options, intake) {
            try await intake.state.wait("running") { $0.health.contains(.running) }
        }
        try cluster.publish(["meanwhile"])
        try await consuming(options, intake) {
            try await intake.state.wait("meanwhile") { $0.answered.contains("meanwhile") }
        }
        #expect(!intake.state.value.texts.contains("old"))
        let notes = intake.state.value.events.map(\.event).filter { $0.type == "nightjar.kafka.started" }
        #expect(notes.map(\.subject) == (offsets == .store ? ["orders/0"] : []))
    }

    @Test("partitions that come while it is not known where others begin are read, and the others too")
    func moreMeanwhile() async throws {
        let cluster = try MockCluster(topics: ["orders-a": 1])
        cluster.fail(2, Array(repeating: RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION, count: 10_000))
        let options = cluster.options(.broker, topics: ["^orders-.*"]) { options in
            options.from = .latest
            options.cluster.properties["topic.metadata.refresh.interval.ms"] = "200"
        }
        try await consuming(options, intake) {
            try await intake.state.wait("the first can't begin", within: .seconds(60)) {
                $0.health.last?.isFailing("orders-a/0") == true
            }
            cluster.create("orders-b", partitions: 1)
            try await intake.state.wait("nor can the second", within: .seconds(60)) {
                $0.health.last?.isFailing("orders-b/0") == true
            }
            cluster.stopFailing(2)
            try await intake.state.wait("both have begun", within: .seconds(60)) { $0.health.last == .running }
            try cluster.publish(["a"], to: "orders-a")
            try cluster.publish(["b"], to: "orders-b")
            try await intake.state.wait("both are read") { $0.answered == ["a", "b"] }
        }
        #expect(try cluster.committed("group", "orders-a") == 1 && cluster.committed("group", "orders-b") == 1)
    }

    @Test("an offset beyond the end, of a topic that was made anew, begins at its beginning")
    func beyondTheEnd() async throws {
        let cluster = try MockCluster()
        try cluster.publish(["a", "b"])
        intake.state.change { $0.stored = ["orders/0": Array("1000".utf8)] }
        try await consuming(cluster.options(.store), intake) {
            try await intake.state.wait("all") { $0.answered == ["a", "b"] }
            try cluster.publish(["c"])
            try await intake.state.wait("c") { $0.answered.contains("c") }
        }
        #expect(intake.state.value.texts == ["a", "b", "c"])
        #expect(
            intake.state.value.stored["orders/0"].map { String(decoding: $0, as: UTF8.self).hasPrefix("3 ") } == true)
    }

    @Test("what is remembered of another cluster does not count here")
    func otherCluster() async throws {
        let cluster = try MockCluster()
        try cluster.publish(["a", "b"])
        intake.state.change { $0.stored = ["orders/0": Array("1 elsewhere".utf8)] }
        try await consuming(cluster.options(.store), intake) {
            try await intake.state.wait("all") { $0.answered == ["a", "b"] }
        }
    }

    @Test("a topic that does not exist is waited for, and told")
    func unknownTopic() async throws {
        let cluster = try MockCluster()
        cluster.setError("later", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        try await consuming(cluster.options(topics: ["orders", "later"]), intake) {
            try await intake.state.wait("failing") { $0.health.last?.isFailing("later") == true }
            try cluster.publish(["a"])
            try await intake.state.wait("the other topic") { $0.answered == ["a"] }
            cluster.setError("later", RD_KAFKA_RESP_ERR_NO_ERROR)
            cluster.create("later", partitions: 1)
            try cluster.publish(["b"], to: "later")
            try await intake.state.wait("b", within: .seconds(60)) { $0.answered.contains("b") }
            try await intake.state.wait("running") { $0.health.last == .running }
        }
    }

    @Test("what the intake does not take is not committed, and taken when it takes again")
    func refused() async throws {
        let cluster = try MockCluster()
        try cluster.publish(["a", "b"])
        intake.state.change { $0.refusal = IntakeError(.unknownTrigger, "unknown") }
        try await consuming(cluster.options(), intake) {
            try await intake.state.wait("failing") { $0.health.contains(.failing("unknown")) }
            #expect(intake.state.value.events.isEmpty)
            #expect(try cluster.committed("group") <= 0)
            intake.state.change { $0.refusal = nil }
            try await intake.state.wait("all") { $0.answered == ["a", "b"] }
        }
        #expect(try cluster.committed("group") == 2)
    }

    @Test("what is to be delivered again is, before its offset moves")
    func redelivered() async throws {
        let cluster = try MockCluster()
        intake.state.change { $0.redelivered = ["b": 3] }
        try cluster.publish(["a", "b", "c"])
        try await consuming(cluster.options(), intake) {
            try await intake.state.wait("all") { $0.answered == ["a", "b", "c"] }
        }
        #expect(intake.state.value.texts.filter { $0 == "b" }.count == 4)
        #expect(try cluster.committed("group") == 3)
    }

    @Test("a source that is cancelled waits for what is in hand, commits it, and takes nothing more")
    func cancelled() async throws {
        let cluster = try MockCluster()
        try cluster.publish((0..<100).map { "m\($0)" }) { $0 }
        intake.state.change { $0.held = nil }
        async let released: Void = {
            try await intake.state.wait("the end") { $0.isEnding }
            #expect(intake.state.value.inHand == 20)
            intake.letGo()
        }()
        try await consuming(cluster.options { $0.windowMessages = 20 }, intake) {
            try await intake.state.wait("in hand") { $0.inHand == 20 }
        }
        try await released
        #expect(intake.state.value.events.count == 20 && intake.state.value.inHand == 0)
        #expect(try cluster.committed("group") == 20)
    }
}
