import Nightjar
import NightjarCore
import NightjarKafka
import NightjarTestKit
import Testing
import Waiting

@Suite("Kafka in a runtime", .timeLimit(.minutes(1)))
struct KafkaRuntimeTests {
    @Test("each message makes one run, over restarts of the node")
    func runs() async throws {
        let cluster = try MockCluster(topics: ["orders": 2])
        let store = MemoryStore()
        let done = Watched<[String]>([])
        let job = Job("work") { run in done.change { $0.append(FakeIntake.text(run.event)) } }
        for round in 0..<2 {
            for partition in 0..<2 {
                try cluster.publish((0..<50).map { "\(round)-\(partition)-\($0)" }, partition: Int32(partition))
            }
            let trigger = Trigger(
                "orders", kind: "kafka", origin: .source(try KafkaSource(cluster.options(.store))), start: ["work"])
            let runtime = try Runtime(
                store: store, jobs: [job], triggers: [trigger], configuration: RuntimeConfiguration(node: "n\(round)"))
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await runtime.run() }
                try await done.wait("round \(round)") { $0.count == (round + 1) * 100 }
                group.cancelAll()
            }
        }
        #expect(Set(done.value).count == 200)
        #expect(store.allRuns().count == 200)
    }
}
