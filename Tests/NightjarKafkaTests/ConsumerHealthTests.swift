import NightjarCore
import Testing

@testable import NightjarKafka

@Suite("How a consumer fares")
struct ConsumerHealthTests {
    @Test("a failure is told once, and the recovery after it")
    func once() {
        var health = ConsumerHealth()
        #expect(health.assigned()?.health == .running)
        #expect(health.assigned() == nil)
        #expect(health.failed(.unreachable, "down")?.health == .failing("down"))
        #expect(health.failed(.unreachable, "down again") == nil)
        #expect(!health.isWell)
        let news = health.answered()
        #expect(news == ConsumerHealth.News(recovered: true, reconnected: true, health: .running))
        #expect(health.answered() == nil && health.isWell)
    }

    @Test("that brokers refuse the client says more than that none can be reached")
    func refused() {
        var health = ConsumerHealth()
        _ = health.failed(.unreachable, "down")
        #expect(health.failed(.refused, "wrong password")?.health == .failing("wrong password"))
        #expect(health.answered()?.health == .starting)
    }

    @Test("partitions that can't begin are told until they do, also those of a member that had others before")
    func beginning() {
        let (first, second) = (PartitionID(topic: "t", number: 0), PartitionID(topic: "t", number: 1))
        var health = ConsumerHealth()
        _ = health.assigned()
        #expect(health.failed(.beginning([first]), "no offsets")?.failure == "no offsets")
        #expect(health.answered() == nil)
        #expect(health.failed(.beginning([first]), "away") == ConsumerHealth.News(health: .failing("away")))
        _ = health.failed(.beginning([second]), "gone")
        #expect(health.settled([second]) == ConsumerHealth.News(health: .failing("away")))
        #expect(health.settled([first]) == ConsumerHealth.News(recovered: true, health: .running))
        #expect(health.settled([first]) == nil)
    }

    @Test("a missing topic fails until its partitions are there, whatever else comes")
    func topic() {
        var health = ConsumerHealth()
        _ = health.assigned()
        #expect(health.failed(.topic("a"), "no a")?.health == .failing("no a"))
        #expect(health.received(topic: "b") == nil)
        #expect(health.answered() == nil)
        #expect(health.found(topics: ["a"]) == ConsumerHealth.News(recovered: true, health: .running))
    }
}

@Suite("Where a partition goes on")
struct StartTests {
    private func options(_ offsets: KafkaOffsets, _ from: KafkaStart) -> KafkaOptions {
        KafkaOptions(cluster: KafkaCluster(brokers: "b"), topics: ["t"], group: "g", from: from, offsets: offsets)
    }

    @Test("at the first message that is left; and at the beginning of a topic that was made anew")
    func continuation() {
        let stored = options(.store, .latest)
        #expect(StartFinder.continuation(of: 5, in: 10..<20, stored) == 10)
        #expect(StartFinder.continuation(of: 15, in: 10..<20, stored) == 15)
        #expect(StartFinder.continuation(of: 20, in: 10..<20, stored) == 20)
        #expect(StartFinder.continuation(of: 30, in: 10..<20, stored) == 10)
        #expect(StartFinder.continuation(of: 30, in: 10..<20, options(.broker, .earliest)) == 10)
        #expect(StartFinder.continuation(of: 30, in: 10..<20, options(.broker, .latest)) == 20)
    }

    @Test("a stored offset is read as it was written, and knows its cluster")
    func stored() {
        #expect(String(decoding: StoredOffset(12, cluster: nil).stored, as: UTF8.self) == "12")
        let offset = StoredOffset(12, cluster: "abc")
        #expect(String(decoding: offset.stored, as: UTF8.self) == "12 abc")
        #expect(StoredOffset(stored: offset.stored) == offset)
        #expect(offset.isOf(anotherThan: "def") && !offset.isOf(anotherThan: "abc") && !offset.isOf(anotherThan: nil))
        for text in ["", "x", "-1", " 3x"] { #expect(StoredOffset(stored: Array(text.utf8)) == nil) }
    }
}
