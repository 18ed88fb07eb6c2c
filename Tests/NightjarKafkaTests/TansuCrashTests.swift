import Foundation
import Nightjar
import NightjarCore
import NightjarKafka
import TestServers
import Testing
import Waiting

/// A node as a process of its own, for those who kill it.
enum NodeProcess {
    static let environment = ProcessInfo.processInfo.environment
    static let folder = environment["NIGHTJAR_KAFKA_NODE"]

    static func start(_ broker: TansuBroker, group: String, _ offsets: KafkaOffsets) throws -> ChildProcess {
        try Preload.start(
            "NightjarKafkaTests.NodeProcessTests", log: broker.folder.path + "/node.log",
            variables: [
                "NIGHTJAR_KAFKA_NODE": broker.folder.path, "NIGHTJAR_KAFKA_BROKER": broker.address,
                "NIGHTJAR_KAFKA_GROUP": group, "NIGHTJAR_KAFKA_OFFSETS": offsets.rawValue,
            ])
    }
}

@Suite(.enabled(if: NodeProcess.folder != nil, "started by tests that kill it"))
struct NodeProcessTests {
    @Test("consumes until it is killed")
    func consume() async throws {
        let environment = NodeProcess.environment
        let (address, group, offsets) = try #require(
            environment["NIGHTJAR_KAFKA_BROKER"].flatMap { address in
                environment["NIGHTJAR_KAFKA_GROUP"].map {
                    (address, $0, environment["NIGHTJAR_KAFKA_OFFSETS"] ?? "store")
                }
            })
        let intake = FileIntake("\(NodeProcess.folder ?? "")/taken", delay: .milliseconds(5))
        let options = KafkaOptions(
            cluster: KafkaCluster(brokers: address), topics: ["orders"], group: group,
            offsets: KafkaOffsets(rawValue: offsets) ?? .store, sessionTimeout: .seconds(2))
        let log = FileHandle.standardOutput
        let context = SourceContext(
            trigger: "orders", intake: intake, state: { intake.stored },
            health: { log.write(Data("health \($0)\n".utf8)) }, time: SystemTimeSource(), logger: testLogger)
        try await KafkaSource(options).run(context)
    }
}

@Suite(.enabled(if: Preload.isDone, Preload.skip), .serialized, .timeLimit(.minutes(5)))
struct TansuCrashTests {
    private func wait(_ what: String, _ intake: FileIntake, until isMet: ([FileIntake.Taken]) -> Bool) async throws {
        try await eventually(what, details: { "there are \(intake.taken.count)" }) { isMet(intake.taken) }
    }

    @Test("a node that is killed again and again takes each message once, with the offsets in the store")
    func exactlyOnce() async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 3)
        let intake = FileIntake(broker.folder.path + "/taken")
        let all = (0..<4000).map { "m\($0)" }
        try await broker.publish(all, to: "orders")
        for kill in 1...4 {
            // Nobody waits for the session of the one that was killed: another group, as offsets don't live there.
            let node = try NodeProcess.start(broker, group: "g\(kill)", .store)
            defer {
                node.signal(SIGKILL)
                _ = node.wait()
            }
            let before = intake.taken.count
            let share = kill == 4 ? all.count : min(all.count, before + 500)
            try await wait("\(share) messages", intake) { $0.count >= share }
        }
        let taken = intake.taken
        #expect(taken.count == all.count && intake.known.isEmpty, "\(intake.known.count) came again")
        #expect(Set(taken.map(\.text)) == Set(all))
    }

    @Test(
        "of two nodes one is killed: the other takes over within seconds, and all is done",
        arguments: KafkaOffsets.allCases)
    func takeover(_ offsets: KafkaOffsets) async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 4)
        let intake = FileIntake(broker.folder.path + "/taken")
        let first = try NodeProcess.start(broker, group: "g", offsets)
        defer { first.signal(SIGKILL) }
        try await broker.publish((0..<500).map { "a\($0)" }, to: "orders")
        try await wait("the first alone", intake) { $0.count >= 500 }
        let second = try NodeProcess.start(broker, group: "g", offsets)
        defer {
            second.signal(SIGKILL)
            _ = second.wait()
        }
        try await broker.publish((0..<500).map { "b\($0)" }, to: "orders")
        try await wait("both", intake) { $0.count >= 1000 }
        first.signal(SIGKILL)
        _ = first.wait()
        let killed = ContinuousClock.now
        try await broker.publish((0..<500).map { "c\($0)" }, to: "orders")
        let wanted = Set(["a", "b", "c"].flatMap { name in (0..<500).map { "\(name)\($0)" } })
        try await wait("the other alone", intake) { Set($0.map(\.text)).isSuperset(of: wanted) }
        print("taken over after \(ContinuousClock.now - killed)")
        let taken = intake.taken
        #expect(Set(taken.map(\.text)) == wanted)
        #expect(taken.count == wanted.count)
    }
}
