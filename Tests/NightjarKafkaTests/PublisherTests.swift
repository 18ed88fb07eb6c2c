import CLibrdkafka
import CloudEvents
import NightjarCore
import NightjarKafka
import TestServers
import Testing
import Waiting

private struct NoReports: RunReporter {
    func report(_ progress: Progress) {}
    func emit(_ event: Event) throws {}
}

extension RunContext {
    static func test(_ event: Event, items: [Event] = []) -> RunContext {
        RunContext(
            id: RunID(high: 1, low: 2), job: "announce", trigger: nil, event: event, attempt: 1,
            createdAt: Timestamp(microsecondsSince1970: 0), fencingToken: 1, node: "n", deadline: nil,
            logger: testLogger, items: items, reporter: NoReports())
    }
}

@Suite("Publishing to Kafka, mock cluster", .timeLimit(.minutes(2)))
struct PublisherTests {
    private let event = Event(id: "e", source: "/shop", type: "order.placed", data: Array("hello".utf8))

    private func publisher(
        _ cluster: MockCluster, timeout: Duration = .seconds(20), properties: [String: String] = [:]
    ) throws -> KafkaPublisher {
        try KafkaPublisher(
            KafkaPublishOptions(
                cluster: KafkaCluster(brokers: cluster.brokers, properties: properties), topic: "orders",
                timeout: timeout))
    }

    private func failure(_ action: KafkaPublishAction, _ context: RunContext) async throws -> RunFailure {
        do {
            let output = try await action.run(context)
            throw TestServerFailure("it was published: \(output)")
        } catch let failure as RunFailure {
            return failure
        }
    }

    @Test("a run completes with where its message stands, however many go out at the same time")
    func receipts() async throws {
        let cluster = try MockCluster()
        let publisher = try publisher(cluster)
        let action = KafkaPublishAction(publisher) { context in
            KafkaMessageOptions(key: Array(context.event.id.utf8), partition: 0, headers: ["run": "\(context.id)"])
        }
        let results = try await withThrowingTaskGroup(of: String.self) { group in
            for number in 0..<500 {
                group.addTask {
                    let event = Event(id: "e\(number)", source: "/", type: "t")
                    return String(decoding: try await action.run(.test(event)).result ?? [], as: UTF8.self)
                }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(results == Set((0..<500).map { #"{"topic":"orders","partition":0,"offset":\#($0)}"# }))
        await publisher.close()
    }

    @Test("what the brokers refuse for the moment is tried again, and written once")
    func transient() async throws {
        let cluster = try MockCluster()
        let publisher = try publisher(cluster)
        cluster.fail(0, [RD_KAFKA_RESP_ERR_NOT_ENOUGH_REPLICAS, RD_KAFKA_RESP_ERR_NOT_LEADER_FOR_PARTITION])
        #expect(try await publisher.publish(event).offset == 0)
        #expect(try await publisher.publish(event).offset == 1)
        await publisher.close()
    }

    @Test("what the brokers refuse for good fails the run, with its reason")
    func refused() async throws {
        let cluster = try MockCluster()
        let publisher = try publisher(cluster)
        let action = KafkaPublishAction(publisher)
        cluster.fail(0, [RD_KAFKA_RESP_ERR_TOPIC_AUTHORIZATION_FAILED])
        let failure = try await failure(action, .test(event))
        #expect(failure.code == "authorization" && failure.disposition == .retry)
        #expect(failure.message.contains("orders"))
        // The library remembers it until it asks for the topic again.
        await publisher.close()
        _ = try await action.run(.test(event))
        await publisher.close()
    }

    @Test("a message that is too large is never tried again")
    func tooLarge() async throws {
        let cluster = try MockCluster()
        let publisher = try publisher(cluster, properties: ["message.max.bytes": "2000"])
        var large = event
        large.data = [UInt8](repeating: 7, count: 4000)
        let failure = try await failure(KafkaPublishAction(publisher), .test(large))
        #expect(failure.code == "tooLarge" && failure.disposition == .never)
        await publisher.close()
    }

    @Test("a topic that does not exist is a failure")
    func unknownTopic() async throws {
        let cluster = try MockCluster()
        cluster.setError("nowhere", RD_KAFKA_RESP_ERR_UNKNOWN_TOPIC_OR_PART)
        let publisher = try publisher(cluster)
        let action = KafkaPublishAction(publisher) { _ in KafkaMessageOptions(topic: "nowhere") }
        let failure = try await failure(action, .test(event))
        #expect(failure.code == "unknownTopic" && failure.message.contains("nowhere"))
        await publisher.close()
    }

    @Test("without brokers a run fails in time and says why; when they are there again the next one completes")
    func brokersDown() async throws {
        let cluster = try MockCluster()
        let publisher = try publisher(cluster, timeout: .seconds(5))
        _ = try await publisher.publish(event)
        cluster.setUp(false)
        let failure = try await failure(KafkaPublishAction(publisher), .test(event))
        #expect(["connection", "timeout"].contains(failure.code ?? "") && failure.disposition == .retry)
        cluster.setUp(true)
        var isPublished = false
        // The library connects again after its own backoff.
        for _ in 0..<10 where !isPublished { isPublished = (try? await publisher.publish(event)) != nil }
        #expect(isPublished)
        await publisher.close()
    }

    @Test("each event of a batch is a message; those that fail are named")
    func batch() async throws {
        let cluster = try MockCluster()
        let publisher = try publisher(cluster, properties: ["message.max.bytes": "2000"])
        let items = (0..<4).map { number in
            Event(id: "\(number)", source: "/", type: "t", data: [UInt8](repeating: 1, count: number == 2 ? 4000 : 10))
        }
        do {
            _ = try await KafkaPublishAction(publisher).run(.test(event, items: items))
            Issue.record("nothing failed")
        } catch let failure as BatchFailure {
            #expect(Array(failure.items.keys) == [2] && failure.disposition == .never && failure.code == "tooLarge")
        }
        await publisher.close()
    }

    @Test("a run that is cancelled does not wait for the brokers; one that is closed refuses, and opens again")
    func cancelled() async throws {
        let cluster = try MockCluster()
        cluster.setUp(false)
        let publisher = try publisher(cluster)
        await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try await publisher.publish(event) }
            group.cancelAll()
            await #expect(throws: CancellationError.self) { try await group.next() }
        }
        cluster.setUp(true)
        await publisher.close()
        _ = try await publisher.publish(event)
        await publisher.close()
    }

    @Test("a publisher that nobody closes leaves nothing behind")
    func forgotten() async throws {
        let cluster = try MockCluster()
        weak var forgotten: KafkaPublisher?
        do {
            let publisher = try publisher(cluster)
            forgotten = publisher
            _ = try await publisher.publish(event)
        }
        #expect(forgotten == nil)
        let next = try publisher(cluster)
        #expect(try await next.publish(event).offset == 1)
        await next.close()
    }
}
