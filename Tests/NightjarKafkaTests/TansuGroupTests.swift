import CloudEvents
import Foundation
import NightjarCore
import NightjarKafka
import TestServers
import Testing

@Suite(.enabled(if: Preload.isDone, Preload.skip), .serialized, .timeLimit(.minutes(4)))
struct TansuGroupTests {
    private let intake = FakeIntake()

    @Test("from a time on, and from the end")
    func starts() async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 2)
        // One after the other, as a broker finds a time by its batches.
        for (text, time) in [("a", 1_700_000_000_000), ("b", 1_700_000_100_000), ("c", 1_700_000_200_000)] {
            try await broker.publish([ForeignMessage(value: text, partition: 0, timestamp: time)], to: "orders")
        }
        let time = Timestamp(microsecondsSince1970: 1_700_000_050_000_000)
        try await consuming(broker.options(.store, ["orders"]) { $0.from = .time(time) }, intake) {
            try await intake.state.wait("b and c") { $0.answered.isSuperset(of: ["b", "c"]) }
        }
        #expect(
            intake.state.value.events.map(\.event).filter { $0.type == "nightjar.kafka.message" }.map(FakeIntake.text)
                == ["b", "c"])
        let other = FakeIntake()
        try await consuming(broker.options(.broker, ["orders"]) { $0.from = .latest }, other) {
            try await other.state.wait("running") { $0.health.contains(.running) }
            try await broker.publish(["d"], to: "orders")
            try await other.state.wait("d") { $0.answered == ["d"] }
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
            try await consuming(options, other) {
                try await other.state.wait("its part") { $0.health.contains(.running) }
                var last = 500
                while partitions(other.state.value).isEmpty {
                    guard last + 100 <= 1500 else { throw Overdue(description: "the second node gets nothing") }
                    try await broker.publish(Array(all[last..<last + 100]), to: "orders")
                    last += 100
                    let count = last
                    try await Unabridged.wait(intake.state) {
                        $0.answered.count + other.state.value.answered.count >= count
                    }
                }
                try await broker.publish(Array(all[last..<1500]), to: "orders")
                try await Unabridged.wait(intake.state) { $0.answered.count + other.state.value.answered.count >= 1500 }
                #expect(!other.state.value.answered.isEmpty)
            }
            try await broker.publish(Array(all[1500...]), to: "orders")
            try await Unabridged.wait(intake.state) { $0.answered.count + other.state.value.answered.count >= 2000 }
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

    @Test("a topic that is deleted while it is read, and made anew, is read from its beginning")
    func madeAnew() async throws {
        let broker = try await TansuBroker()
        try await broker.create("orders", partitions: 1)
        try await consuming(broker.options(.store, ["orders"]), intake) {
            try await broker.publish(["a", "b", "c"], to: "orders")
            try await intake.state.wait("before") { $0.answered == ["a", "b", "c"] }
            try await broker.delete("orders")
            try await broker.create("orders", partitions: 1)
            try await broker.publish(["d"], to: "orders")
            try await intake.state.wait("after", within: .seconds(90)) { $0.answered.contains("d") }
        }
        #expect(intake.state.value.texts == ["a", "b", "c", "d"])
        #expect(Set(intake.state.value.events.map(\.event.id)).count == 4)
    }
}
