import CLibrdkafka
import NightjarCore
import NightjarKafka
import Testing
import Waiting

@Suite("Kafka source, mock cluster", .timeLimit(.minutes(2)))
struct MockConsumingTests {
    private let intake = FakeIntake()

    @Test(
        "messages of a partition are taken in their order, if that is asked for, and their offsets committed once they are done"
    )
    func direct() async throws {
        let cluster = try MockCluster()
        let texts = (0..<500).map { "m\($0)" }
        try cluster.publish(texts)
        try await consuming(cluster.options(.broker) { $0.order = .partition }, intake) {
            try await intake.state.wait("all") { $0.answered.count == 500 }
        }
        #expect(intake.state.value.texts == texts)
        #expect(try cluster.committed("group") == 500)
        #expect(intake.state.value.health.contains(.running))
    }

    @Test("what is done while a commit is on its way is committed before the end")
    func lastCommit() async throws {
        let cluster = try MockCluster()
        intake.state.change { $0.held = ["b"] }
        try await consuming(cluster.options(.broker), intake) {
            cluster.answerLate(8, milliseconds: 3000)
            try cluster.publish(["a"])
            try await intake.state.wait("a") { $0.answered == ["a"] }
            try cluster.publish(["b"])
            try await eventually("the first is committed, which the source does not know yet") {
                try cluster.committed("group") == 1
            }
            try await intake.state.wait("b") { $0.texts.contains("b") }
            intake.letGo()
            try await intake.state.wait("b is done") { $0.answered.contains("b") }
        }
        #expect(try cluster.committed("group") == 2)
    }

    @Test("with stored delivery the store says where to go on, and nothing is taken twice")
    func stored() async throws {
        let cluster = try MockCluster(topics: ["orders": 3])
        for partition in 0..<3 {
            try cluster.publish((0..<100).map { "\(partition)-\($0)" }, partition: Int32(partition))
        }
        let options = cluster.options(.store)
        try await consuming(options, intake) {
            try await intake.state.wait("first") { $0.answered.count == 300 }
        }
        #expect(Set(intake.state.value.stored.keys) == ["orders/0", "orders/1", "orders/2"])
        for partition in 0..<3 {
            try cluster.publish((100..<150).map { "\(partition)-\($0)" }, partition: Int32(partition))
        }
        try await consuming(options, intake) {
            try await intake.state.wait("second") { $0.answered.count == 450 }
        }
        let texts = intake.state.value.texts
        #expect(texts.count == 450 && Set(texts).count == 450)
        for partition in 0..<3 {
            #expect(texts.filter { $0.hasPrefix("\(partition)-") } == (0..<150).map { "\(partition)-\($0)" })
        }
    }
}
