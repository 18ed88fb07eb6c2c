import CLibrdkafka
import NightjarCore
import NightjarKafka
import Testing
import Waiting

@Suite("Kafka source, faults", .timeLimit(.minutes(3)))
struct MockFaultTests {
    private let intake = FakeIntake()

    @Test("the window is never exceeded, and what is beyond it comes later")
    func window() async throws {
        let cluster = try MockCluster()
        try cluster.publish((0..<500).map { "m\($0)" }) { $0 }
        intake.state.change { $0.held = nil }
        try await consuming(cluster.options { $0.windowMessages = 50 }, intake) {
            try await intake.state.wait("a full window") { $0.inHand == 50 }
            // The lag is measured meanwhile: the consumer is alive.
            try await intake.state.wait("the lag") { $0.measures.contains(.waiting(500)) }
            #expect(intake.state.value.events.count == 50)
            intake.letGo()
            try await intake.state.wait("all") { $0.answered.count == 500 }
        }
        #expect(intake.state.value.mostInHand == 50 && intake.state.value.events.count == 500)
    }

    @Test("offsets move only up to the first message that is not done")
    func watermark() async throws {
        let cluster = try MockCluster()
        intake.state.change { $0.held = ["slow"] }
        try await consuming(cluster.options(), intake) {
            try cluster.publish(["a", "b"]) { $0 }
            try await intake.state.wait("before") { $0.answered == ["a", "b"] }
            try cluster.publish(["slow"]) { $0 }
            try await intake.state.wait("slow") { $0.texts.contains("slow") }
            try cluster.publish(["c", "d"]) { $0 }
            try await intake.state.wait("after") { $0.answered == ["a", "b", "c", "d"] }
            try await eventually("the first two are committed") { try cluster.committed("group") >= 2 }
            #expect(try cluster.committed("group") == 2)
            intake.letGo()
        }
        #expect(try cluster.committed("group") == 5)
    }

    @Test("messages with one key go one after the other, others meanwhile; without order nobody waits")
    func order() async throws {
        let cluster = try MockCluster()
        func key(_ text: String) -> String { String(text.prefix(1)) }
        intake.state.change { $0.held = ["a1"] }
        try await consuming(cluster.options(), intake) {
            try cluster.publish(["a1"], key: key)
            try await intake.state.wait("a1") { $0.texts == ["a1"] }
            try cluster.publish(["a2", "b1", "a3", "b2"], key: key)
            try await intake.state.wait("b") { $0.answered == ["b1", "b2"] }
            #expect(intake.state.value.texts == ["a1", "b1", "b2"])
            let orders = Set(intake.state.value.events.map(\.order))
            #expect(orders == [Array("orders/0/a".utf8), Array("orders/0/b".utf8)])
            intake.letGo()
            try await intake.state.wait("all") { $0.answered.count == 5 }
        }
        #expect(intake.state.value.texts == ["a1", "b1", "b2", "a2", "a3"])
        let other = FakeIntake()
        other.state.change { $0.held = ["a1"] }
        try await consuming(cluster.options(group: "other") { $0.order = .none }, other) {
            try await other.state.wait("a1") { $0.texts.contains("a1") }
            try cluster.publish(["a4"], key: key)
            try await other.state.wait("a4") { $0.answered.contains("a4") }
            other.letGo()
        }
    }

    @Test("a handler that takes longer than the poll interval causes no rebalance")
    func longHandler() async throws {
        let cluster = try MockCluster()
        try cluster.publish(["long"])
        intake.state.change { $0.held = nil }
        let options = cluster.options { $0.cluster.properties["max.poll.interval.ms"] = "6000" }
        try await consuming(options, intake) {
            try await intake.state.wait("long") { $0.texts == ["long"] }
            let before = intake.state.value.measures.count
            try await intake.state.wait("more than ten seconds") { $0.measures.count >= before + 3 }
            intake.letGo()
            try await intake.state.wait("done") { $0.answered == ["long"] }
            try cluster.publish(["next"])
            try await intake.state.wait("next") { $0.answered.contains("next") }
        }
        #expect(intake.state.value.texts == ["long", "next"])
        #expect(!intake.state.value.health.contains { if case .failing = $0 { true } else { false } })
    }

    @Test("brokers that go away are told, and their return; nothing is lost")
    func brokersDown() async throws {
        let cluster = try MockCluster()
        try await consuming(cluster.options(), intake) {
            try cluster.publish(["before"])
            try await intake.state.wait("before") { $0.answered == ["before"] }
            cluster.setUp(false)
            try await intake.state.wait("failing") { $0.health.last?.isFailing("no broker can be reached") == true }
            cluster.setUp(true)
            try await intake.state.wait("running") { $0.health.last == .running }
            #expect(intake.state.value.measures.contains(.reconnected))
            try cluster.publish(["after"])
            try await intake.state.wait("after") { $0.answered.contains("after") }
            // Where the group has forgotten this member meanwhile, it joins again before it commits.
            try await eventually("both are committed") { try cluster.committed("group") == 2 }
        }
    }

    @Test("a topic that is deleted while it is read is told, waited for, and read again")
    func deleted() async throws {
        let cluster = try MockCluster()
        try await consuming(cluster.options(), intake) {
            try cluster.publish(["a"])
            try await intake.state.wait("a") { $0.answered == ["a"] }
            cluster.setError("orders", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
            try await intake.state.wait("failing", within: .seconds(60)) { $0.health.last?.isFailing("orders") == true }
            cluster.setError("orders", RD_KAFKA_RESP_ERR_NO_ERROR)
            try await intake.state.wait("running", within: .seconds(60)) { $0.health.last == .running }
            try cluster.publish(["b"])
            try await intake.state.wait("b") { $0.answered.contains("b") }
        }
        #expect(intake.state.value.texts == ["a", "b"])
    }

    @Test("errors of requests are got over", arguments: [Int16(1), 8, 9, 11, 12, 14])
    func requestErrors(_ request: Int16) async throws {
        let cluster = try MockCluster()
        let errors = [
            RD_KAFKA_RESP_ERR_COORDINATOR_NOT_AVAILABLE, RD_KAFKA_RESP_ERR_NOT_COORDINATOR,
            RD_KAFKA_RESP_ERR_COORDINATOR_LOAD_IN_PROGRESS,
        ]
        cluster.fail(
            request, request == 1 ? [RD_KAFKA_RESP_ERR_LEADER_NOT_AVAILABLE, RD_KAFKA_RESP_ERR__TRANSPORT] : errors)
        try cluster.publish((0..<10).map { "m\($0)" })
        try await consuming(cluster.options(), intake) {
            try await intake.state.wait("all") { $0.answered.count == 10 }
            try await eventually("all are committed") { try cluster.committed("group") == 10 }
        }
        #expect(Set(intake.state.value.texts).count == 10)
    }

    @Test("a member that the group has forgotten joins again, and does what was not committed once more")
    func forgotten() async throws {
        let cluster = try MockCluster()
        try await consuming(cluster.options(), intake) {
            try cluster.publish(["a"])
            try await intake.state.wait("a") { $0.answered == ["a"] }
            intake.state.change { $0.held = ["b"] }
            try cluster.publish(["b"])
            try await intake.state.wait("b") { $0.texts.contains("b") }
            cluster.fail(12, [RD_KAFKA_RESP_ERR_UNKNOWN_MEMBER_ID])
            try await intake.state.wait("b, and b once more") { $0.texts.count { $0 == "b" } == 2 }
            intake.letGo()
            try await intake.state.wait("b is done") { $0.answered.contains("b") }
            try cluster.publish(["c"])
            try await intake.state.wait("c") { $0.answered.contains("c") }
            try await eventually("all are committed") { try cluster.committed("group") == 3 }
        }
    }
}

extension SourceHealth {
    func isFailing(_ part: String) -> Bool {
        guard case .failing(let text) = self else { return false }
        return text.contains(part)
    }
}
