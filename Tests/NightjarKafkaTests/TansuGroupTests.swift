import CloudEvents
import Foundation
import Nightjar
import NightjarCore
import NightjarKafka
import TestServers
import Testing
import Waiting

@Suite(.enabled(if: Preload.isDone, Preload.skip), .serialized, .timeLimit(.minutes(4)))
struct TansuGroupTests {
    private let intake = FakeIntake()

    @Test("from a time on, and from the end")
    func starts() async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 1)
        // This broker goes by the time when a message came.
        try await broker.publish(["a"], to: "orders")
        let time = SystemTimeSource().now
        try await broker.publish(["b"], to: "orders")
        let options = broker.options(.store, ["orders"]) { $0.from = .time(time) }
        try await consuming(options, intake) {
            try await intake.state.wait("b") { $0.answered.contains("b") }
        }
        #expect(!intake.state.value.texts.contains("a"))
        let other = FakeIntake()
        try await consuming(broker.options(.broker, ["orders"]) { $0.from = .latest }, other) {
            try await other.state.wait("running") { $0.health.contains(.running) }
            try await broker.publish(["c"], to: "orders")
            try await other.state.wait("c") { $0.answered == ["c"] }
        }
    }

    @Test("a restart goes on exactly where it was, with the offsets in the store; the broker is told too")
    func restart() async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 3)
        let options = broker.options(.store, ["orders"])
        let all = (0..<3000).map { "m\($0)" }
        for part in 0..<3 {
            let texts = Array(all[part * 1000..<(part + 1) * 1000])
            async let published: Void = broker.publish(texts, to: "orders")
            try await consuming(options, intake) {
                // Not all of them: it ends in the midst of it.
                try await intake.state.wait("some") { $0.answered.count >= part * 1000 + 300 }
            }
            try await published
        }
        try await consuming(options, intake) {
            try await intake.state.wait("all") { $0.answered.count == 3000 }
        }
        let texts = intake.state.value.texts
        #expect(texts.count == 3000 && Set(texts) == Set(all))
        #expect(try await broker.committed(options.group, "orders", partitions: 3).reduce(0, +) == 3000)
    }

    @Test("two nodes share the partitions without taking anything twice; one ends and the other goes on alone")
    func sharing() async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 4)
        let options = broker.options(.store, ["orders"])
        let all = (0..<2000).map { "m\($0)" }
        func partitions(_ state: FakeIntake.State) -> Set<String> {
            Set(state.events.compactMap { $0.event.extensions["partition"]?.description })
        }
        try await consuming(options, intake) {
            try await broker.publish(Array(all[..<500]), to: "orders")
            try await intake.state.wait("first") { $0.answered.count == 500 }
            // Both share one store, as nodes do.
            let other = FakeIntake()
            other.storeOf = intake
            func answered() -> Int { intake.state.value.answered.count + other.state.value.answered.count }
            try await consuming(options, other) {
                try await other.state.wait("its part") { $0.health.contains(.running) }
                var last = 500
                while partitions(other.state.value).isEmpty {
                    try #require(last + 100 <= 1500, "the second node gets nothing")
                    try await broker.publish(Array(all[last..<last + 100]), to: "orders")
                    last += 100
                    try await eventually("\(last) are done") { answered() >= last }
                }
                try await broker.publish(Array(all[last..<1500]), to: "orders")
                try await eventually("1500 are done") { answered() >= 1500 }
                #expect(!other.state.value.answered.isEmpty)
            }
            try await broker.publish(Array(all[1500...]), to: "orders")
            try await eventually("all are done") { answered() >= 2000 }
            let texts = intake.state.value.texts + other.state.value.texts
            #expect(texts.count == 2000 && Set(texts) == Set(all))
        }
    }

    @Test(
        "a broker that is killed and started again: nothing is lost, nothing taken twice",
        arguments: KafkaOffsets.allCases)
    func brokerRestart(_ offsets: KafkaOffsets) async throws {
        let broker = try await TansuBroker(durable: true)
        try await broker.create("orders", partitions: 2)
        try await consuming(broker.options(offsets, ["orders"]), intake) {
            for round in 0..<3 {
                try await broker.publish((0..<100).map { "\(round)-\($0)" }, to: "orders")
                try await intake.state.wait("round \(round)") { $0.answered.count == (round + 1) * 100 }
                broker.kill()
                try await intake.state.wait("failing") { $0.health.last?.isFailing("") == true }
                try await broker.start()
                try await intake.state.wait("running") { $0.health.last == .running }
            }
            try await broker.publish(["last"], to: "orders")
            try await intake.state.wait("last") { $0.answered.contains("last") }
        }
        let state = intake.state.value
        #expect(state.answered.count == 301)
        if offsets == .store { #expect(state.texts.count == 301) }
        #expect(state.measures.filter { $0 == .reconnected }.count >= 3)
    }
}
