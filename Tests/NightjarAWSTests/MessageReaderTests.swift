import CloudEvents
import Foundation
import NightjarCore
import Testing

@testable import NightjarAWS

@Suite("What messages say")
struct MessageReaderTests {
    private func message(
        _ body: String, _ attributes: [String: String] = [:], system: [String: String] = [:]
    ) throws -> SQSModel.Message {
        let texts = attributes.mapValues { ["DataType": "String", "StringValue": $0] }
        let object: [String: Any] = [
            "MessageId": "m", "ReceiptHandle": "r", "Body": body, "Attributes": system, "MessageAttributes": texts,
        ]
        return try JSONDecoder().decode(SQSModel.Message.self, from: JSONSerialization.data(withJSONObject: object))
    }

    private func events(_ message: SQSModel.Message, _ unwrap: SQSOptions.Unwrap = .none) -> [Event] {
        let reader = MessageReader(source: "https://sqs.example.com/1/q", unwrap: unwrap)
        if case .events(let events) = reader.read(message) { return events }
        return []
    }

    @Test("large, many and strange attributes never make a message untakeable")
    func strangeAttributes() throws {
        var attributes = ["id": "own", "Source": "own", "data": "d", "ünï": "no name", "nul": "a\u{0}b", "": "empty"]
        attributes["huge"] = String(repeating: "h", count: 200_000)
        for index in 0..<150 { attributes["n\(index)"] = String(repeating: "v", count: 2000) }
        attributes["content-type"] = "no media type"
        let event = try #require(try events(message("x", attributes)).first)
        try event.validate()
        #expect(
            event.id == "m" && event.extensions["xid"] == .string("own") && event.extensions["xdata"] == .string("d"))
        #expect(event.extensions["huge"] == nil && event.extensions["nul"] == nil && event.dataContentType == nil)
        #expect(event.extensions.count <= 102 && event.sizeBytes < 200_000)
        #expect(event.extensions["attributesleftout"]?.description.contains("huge") == true)
    }

    @Test("several records of Amazon S3 are several events of one message")
    func records() throws {
        func record(_ key: String) -> String {
            #"{"eventSource":"aws:s3","eventName":"ObjectRemoved:Delete","eventTime":"2026-01-02T03:04:05.678Z","s3":{"bucket":{"name":"b"},"object":{"key":"\#(key)","size":12345678901234567890}},"note":"],}{[\""}"#
        }
        let body = #"{ "Records" : [ \#(record("a+b%20c%C3%BC")) ,\#(record("%00")) ] }"#
        let found = try events(message(body), .s3)
        #expect(found.map(\.id) == ["m-0", "m-1"])
        #expect(found[0].subject == "a b cü" && found[1].subject == "%00")
        #expect(found[0].time?.rfc3339 == "2026-01-02T03:04:05.678Z")
        for event in found {
            try event.validate()
            #expect(JSONText.isValid(event.data ?? []), "it stands as it stood")
            #expect(String(decoding: event.data ?? [], as: UTF8.self).contains("12345678901234567890"))
        }
        let inSNS = try JSONSerialization.data(withJSONObject: [
            "Type": "Notification", "MessageId": "n", "Message": body,
        ])
        #expect(try events(message(String(decoding: inSNS, as: UTF8.self)), .s3).count == 2)
        for other in [
            #"{"Records": []}"#, #"{"Records": [{"eventSource":"aws:dynamodb","eventName":"x"}]}"#, "[1]", "",
        ] {
            let event = try #require(try events(message(other), .s3).first)
            #expect(event.type == MessageReader.eventType && event.data == Array(other.utf8))
        }
    }

    @Test("a message of several events comes again if one of them is to, after the longest wait")
    func together() {
        let rejected = Taken.rejected(reason: "no")
        #expect(SQSConsumer.together([.taken, .taken]) == .taken)
        #expect(SQSConsumer.together([.taken, rejected]) == .taken)
        #expect(SQSConsumer.together([rejected, rejected]) == rejected)
        #expect(
            SQSConsumer.together([.redeliver(after: .seconds(1)), .taken, .redeliver(after: .seconds(3))])
                == .redeliver(after: .seconds(3)))
    }
}

@Suite("Messages in hand")
struct HeldMessagesTests {
    @Test("a message is hidden for longer when a third of its time has passed, up to twelve hours in all")
    func due() {
        var held = HeldMessages()
        let visibility = Duration.seconds(30)
        let first = held.hold("a", now: .zero)
        _ = held.hold("b", now: .seconds(5))
        #expect(held.due(now: .seconds(9), visibility: visibility).isEmpty)
        #expect(held.due(now: .seconds(10), visibility: visibility).map(\.receipt) == ["a"])
        #expect(held.due(now: .seconds(15), visibility: visibility).map(\.receipt) == ["b"])
        held.failedToHide(first)
        #expect(held.due(now: .seconds(16), visibility: visibility).map(\.receipt) == ["a"])
        #expect(held.age(first, now: .seconds(16)) == .seconds(16))
        held.release(first)
        #expect(held.due(now: .seconds(100), visibility: visibility).map(\.receipt) == ["b"])
        #expect(held.due(now: .seconds(43_200), visibility: visibility).isEmpty)
    }

    @Test("waits are whole seconds, rounded up")
    func seconds() {
        #expect(MessageSettler.wholeSeconds(.zero) == 0 && MessageSettler.wholeSeconds(.seconds(-1)) == 0)
        #expect(MessageSettler.wholeSeconds(.milliseconds(1)) == 1 && MessageSettler.wholeSeconds(.seconds(2)) == 2)
    }
}

@Suite("Batches and room")
struct BatcherTests {
    @Test("what comes while a request is on its way goes together, within the limits, in order")
    func gathers() async throws {
        let batches = Batches()
        let batcher = Batcher<Int, Int>(.init(entries: 3, bytes: 10, requests: 1)) { entries in
            await batches.send(entries)
        }
        let answers = try await withThrowingTaskGroup(of: Int.self) { group in
            group.addTask { try await batcher.submit(0, bytes: 1) }
            await batches.waitForFirst()
            for (entry, bytes) in [(1, 4), (2, 4), (3, 4), (4, 1), (5, 1), (6, 1)] {
                group.addTask { try await batcher.submit(entry, bytes: bytes) }
                await batches.settle { batcher.waiting == entry }
            }
            batches.open()
            return try await group.reduce(into: []) { $0.append($1) }
        }
        #expect(batches.all == [[0], [1, 2], [3, 4, 5], [6]])
        #expect(answers.sorted() == [0, 10, 20, 30, 40, 50, 60])
    }

    @Test("an entry that waits is withdrawn when its task is cancelled, and no other")
    func withdraws() async throws {
        let batches = Batches()
        let batcher = Batcher<Int, Int>(.init(requests: 1)) { entries in await batches.send(entries) }
        let outcomes = await withTaskGroup(of: Int?.self) { group in
            group.addTask { try? await batcher.submit(0, isStoppable: true) }
            await batches.waitForFirst()
            group.addTask { try? await batcher.submit(1, isStoppable: true) }
            group.addTask { await batcher.deliver(2) }
            await batches.settle { batcher.waiting == 2 }
            group.cancelAll()
            await batches.settle { batcher.waiting == 1 }
            batches.open()
            return await group.reduce(into: []) { $0.append($1) }
        }
        #expect(outcomes.compactMap { $0 }.sorted() == [0, 20] && outcomes.count == 3)
        #expect(batches.all == [[0], [2]])
    }

    @Test("permits are taken as far as there are some, and waited for")
    func permits() async throws {
        let permits = Permits(5)
        #expect(try await permits.take(upTo: 3) == 3)
        #expect(try await permits.take(upTo: 3) == 2)
        let waiting = await withTaskGroup(of: Int?.self) { group in
            group.addTask { try? await permits.take(upTo: 3) }
            permits.give(4)
            let first = await group.next() ?? nil
            permits.give(1)
            return first
        }
        #expect(waiting == 3)
        #expect(try await permits.take(upTo: 10) == 2)
        let cancelled = await withTaskGroup(of: Int?.self) { group in
            group.addTask { try? await permits.take(upTo: 1) }
            group.cancelAll()
            return await group.next() ?? nil
        }
        #expect(cancelled == nil)
        permits.give(1)
        #expect(try await permits.take(upTo: 1) == 1)
    }
}
