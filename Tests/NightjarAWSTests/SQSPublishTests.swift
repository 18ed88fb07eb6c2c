import CloudEvents
import Foundation
import HTTPTestServer
import Logging
import NightjarCore
import TestServers
import Testing
import Waiting

@testable import NightjarAWS

@Suite("Sending to a queue", .moto, .serialized, .timeLimit(.minutes(3)))
struct SQSPublishTests {
    private let none = AWSEnvironment(variables: [:]) { _ in nil }

    private func publisher(
        _ queue: String, format: MessageFormat = .binary, mostBytes: Int = 262_144
    ) throws -> SQSPublisher {
        let server = try moto()
        return try SQSPublisher(
            SQSPublishOptions(
                queue: server.queue(queue), aws: .test(server.url), format: format, mostBytes: mostBytes),
            environment: none)
    }

    private func event(_ id: String = "e1", data: String? = #"{"n": 1}"#) -> Event {
        Event(
            id: id, source: "/shop", type: "order.placed", subject: "o/1",
            time: Timestamp(rfc3339: "2026-01-02T03:04:05Z"),
            dataContentType: "application/json", extensions: ["shop": .string("north")],
            data: data.map { Array($0.utf8) })
    }

    /// What boto3 finds in a queue: bodies and attributes.
    private func received(_ queue: String) async throws -> [[String: String]] {
        let server = try moto()
        let text = try await server.boto(
            """
            found = []
            while True:
                messages = sqs.receive_message(QueueUrl=args[0], MaxNumberOfMessages=10, MessageAttributeNames=['All'],
                    MessageSystemAttributeNames=['All'], VisibilityTimeout=100).get('Messages', [])
                if not messages: break
                for m in messages:
                    found.append({'body': m['Body']} | {k: v for k, v in m['Attributes'].items()}
                        | {k: v['StringValue'] for k, v in m.get('MessageAttributes', {}).items()})
                    sqs.delete_message(QueueUrl=args[0], ReceiptHandle=m['ReceiptHandle'])
            show(found)
            """, server.queue(queue))
        return try JSONDecoder().decode([[String: String]].self, from: Data(text.utf8))
    }

    @Test("an event goes in binary mode: its attributes are the message's")
    func binary() async throws {
        try await moto().boto("queue('binary')")
        let receipt = try await publisher("binary").publish(event())
        #expect(UUID(uuidString: receipt.messageID) != nil && receipt.sequenceNumber == nil)
        let message = try #require(try await received("binary").first)
        #expect(message["body"] == #"{"n": 1}"# && message["content-type"] == "application/json")
        #expect(message["ce-id"] == "e1" && message["ce-source"] == "/shop" && message["ce-shop"] == "north")
        #expect(message["ce-specversion"] == "1.0" && message["ce-time"] == "2026-01-02T03:04:05Z")
    }

    @Test("what binary mode cannot carry goes in structured mode, and comes back the same")
    func fallback() async throws {
        let server = try moto()
        try await server.boto("queue('fallback')")
        let publisher = try publisher("fallback")
        var many = event("many")
        for index in 0..<10 { many.extensions["x\(index)"] = .string("v") }
        var bytes = event("bytes")
        (bytes.data, bytes.dataContentType) = ([0xFF, 0x00], "application/octet-stream")
        var empty = event("empty", data: nil)
        empty.extensions["nothing"] = .string("")
        let sent = [many, bytes, empty, event("plain")]
        for event in sent { _ = try await publisher.publish(event) }
        let intake = RecordingIntake()
        let taken = try await receiving(.test(server, "fallback"), into: intake) {
            try await intake.wait("four events") { Set($0.taken.map(\.event.id)).count == 4 }
        }
        for event in sent { #expect(taken.taken.contains { $0.event == event }, "\(event.id)") }
    }

    @Test("structured and raw mode, a delay, and a group")
    func formats() async throws {
        try await moto().boto("queue('formats'); queue('groups.fifo', FifoQueue='true')")
        _ = try await publisher("formats", format: .structured).publish(event())
        _ = try await publisher("formats", format: .raw).publish(event())
        let messages = try await received("formats")
        #expect(messages.count == 2)
        let structured = try #require(messages.first { $0["content-type"] != nil })
        #expect(structured["content-type"] == "application/cloudevents+json; charset=utf-8")
        #expect(try JSONEventFormat.decode(Array((structured["body"] ?? "").utf8)) == event())
        let raw = try #require(messages.first { $0["content-type"] == nil })
        #expect(raw["body"] == #"{"n": 1}"# && raw["ce-id"] == nil)

        _ = try await publisher("formats").publish(event("late"), SQSMessageOptions(delay: .seconds(600)))
        #expect(try await received("formats").isEmpty)

        let fifo = try publisher("groups.fifo")
        let receipt = try await fifo.publish(event(), SQSMessageOptions(groupID: "g1", deduplicationID: "d1"))
        #expect(receipt.sequenceNumber != nil)
        let message = try #require(try await received("groups.fifo").first)
        #expect(message["MessageGroupId"] == "g1" && message["MessageDeduplicationId"] == "d1")
        await #expect(throws: AWSError.self) {
            _ = try await fifo.publish(event(), SQSMessageOptions(delay: .seconds(1)))
        }
        await #expect(throws: AWSError.self) { _ = try await fifo.publish(event(), SQSMessageOptions(groupID: "a b")) }
    }

    @Test("events of many runs go together, and each gets its own answer")
    func gathered() async throws {
        try await moto().boto("queue('many')")
        let publisher = try publisher("many")
        let ids = try await withThrowingTaskGroup(of: String.self) { group in
            for index in 0..<200 {
                group.addTask { try await publisher.publish(self.event("e\(index)", data: "\(index)")).messageID }
            }
            return try await group.reduce(into: Set<String>()) { $0.insert($1) }
        }
        #expect(ids.count == 200)
        #expect(Set(try await received("many").map { $0["body"] }).count == 200)
    }

    private func context(_ event: Event, job: String = "announce", items: [Event] = []) -> RunContext {
        struct Silent: RunReporter {
            func report(_ progress: NightjarCore.Progress) {}
            func emit(_ event: Event) throws {}
        }
        let id = RunID(high: .random(in: 0 ... .max), low: .random(in: 0 ... .max))
        return RunContext(
            id: id, job: job, trigger: nil, event: event, attempt: 1, createdAt: wallClock(),
            fencingToken: 1, node: "n", deadline: nil,
            logger: Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() }),
            items: items, reporter: Silent())
    }

    @Test("the action answers with the message's id; what cannot be sent fails for good, what may pass does not")
    func action() async throws {
        try await moto().boto("queue('action'); queue('action.fifo', FifoQueue='true')")
        let output = try await SQSPublishAction(publisher("action")).run(context(event()))
        #expect(output.result.map { String(decoding: $0, as: UTF8.self) }?.contains(#""messageId":""#) == true)

        func disposition(_ publisher: SQSPublisher, _ event: Event) async -> RunFailure.Disposition? {
            do {
                _ = try await SQSPublishAction(publisher).run(context(event))
                return nil
            } catch { return (error as? RunFailure)?.disposition }
        }
        #expect(await disposition(try publisher("nowhere"), event()) == .retry)
        let small = try publisher("action", mostBytes: 1024)
        #expect(await disposition(small, event("big", data: String(repeating: "x", count: 1100))) == .never)
        #expect(await disposition(try publisher("action", format: .raw), event("none", data: nil)) == .never)

        // In a FIFO queue: the job is the group, and an attempt that is repeated sends nothing new.
        let action = SQSPublishAction(try publisher("action.fifo"))
        let run = context(event(), job: "announce")
        for _ in 1...2 { _ = try await action.run(run) }
        _ = try await action.run(context(event(), job: "announce"))
        let messages = try await received("action.fifo")
        #expect(messages.count == 2 && messages.allSatisfy { $0["MessageGroupId"] == "announce" })
    }

    @Test("the items of a batch are sent one by one, and those that fail are named")
    func items() async throws {
        try await moto().boto("queue('items'); queue('items.fifo', FifoQueue='true')")
        let items = (0..<25).map { event("i\($0)", data: $0 == 7 ? String(repeating: "x", count: 2000) : "\($0)") }
        let small = try publisher("items", mostBytes: 1024)
        do {
            _ = try await SQSPublishAction(small).run(context(event(), items: items))
            Issue.record("one of the items is too large")
        } catch let failure as BatchFailure {
            #expect(Array(failure.items.keys) == [7] && failure.disposition == .never)
        }
        #expect(try await received("items").count == 24)
        let ordered = (0..<12).map { event("o\($0)", data: "\($0)") }
        _ = try await SQSPublishAction(publisher("items.fifo")).run(context(event(), items: ordered))
        #expect(try await received("items.fifo").map { $0["body"] } == (0..<12).map { "\($0)" })
    }

    @Test("one message that a server refuses does not fail those that went with it")
    func refusedTogether() async throws {
        let isTogether = Watched(false)
        try await LocalServer.run(answering: { asked in
            // The first one goes alone, and keeps the others waiting until they are together.
            await isTogether.waitUnlessCancelled { $0 }
            if asked.text.contains("bad") { return .json(#"{"__type":"InvalidParameterValue"}"#, status: 400) }
            let count = asked.text.components(separatedBy: #""Id":"#).count - 1
            let entries = (0..<count).map { #"{"Id":"\#($0)","MessageId":"m\#($0)"}"# }
            let failed =
                asked.text.contains("unlucky")
                ? #"{"Id":"0","Code":"InternalError","SenderFault":false,"Message":"oh"}"# : ""
            return .json(
                #"{"Successful":[\#(entries.dropFirst(failed.isEmpty ? 0 : 1).joined(separator: ","))],"Failed":[\#(failed)]}"#
            )
        }) { server in
            let options = SQSPublishOptions(queue: server.url("/1/q.fifo"), aws: .test(server.url("")))
            let publisher = try SQSPublisher(options, environment: self.none)
            let outcomes = try await withThrowingTaskGroup(of: (String, Bool).self) { group in
                func publish(_ text: String) {
                    group.addTask { (text, (try? await publisher.publish(self.event(text, data: text))) != nil) }
                }
                publish("first")
                try await eventually("the first is on its way") { server.requests.count == 1 }
                for text in ["a", "bad", "b", "unlucky", "c"] { publish(text) }
                try await eventually("the others are together") { publisher.waiting == 5 }
                isTogether.change { $0 = true }
                return try await group.reduce(into: [:]) { $0[$1.0] = $1.1 }
            }
            #expect(outcomes == ["first": true, "a": true, "bad": false, "b": true, "unlucky": false, "c": true])
        }
    }

    @Test("a queue is watched only if it may be disturbed; nothing is deleted then, and nothing shown twice")
    func tail() async throws {
        let server = try moto()
        try await server.boto(
            """
            url = queue('watched')
            for i in range(3): sqs.send_message(QueueUrl=url, MessageBody=str(i))
            """)
        let options = SQSOptions.test(server, "watched")
        do {
            _ = try SQSSource.tail(options, disturbing: false)
            Issue.record("it disturbs")
        } catch {
            #expect(error.message.contains("counts as delivered"))
        }
        let events = try SQSSource.tail(options, disturbing: true, hiddenFor: .seconds(1), environment: none)
        var texts: [String] = []
        for try await event in events {
            texts.append(String(decoding: event.data ?? [], as: UTF8.self))
            if texts.count == 3 {
                try await server.boto("sqs.send_message(QueueUrl=args[0], MessageBody='3')", server.queue("watched"))
            }
            if texts.count == 4 { break }
        }
        #expect(texts.sorted() == ["0", "1", "2", "3"])
        try await eventually("all are shown again") { try await depth(server, "watched") == ["4", "0"] }
    }
}
