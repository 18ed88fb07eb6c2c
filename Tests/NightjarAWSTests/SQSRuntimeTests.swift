import CloudEvents
import Foundation
import Logging
import Nightjar
import NightjarCore
import NightjarTestKit
import Synchronization
import TestServers
import Testing
import Waiting

@testable import NightjarAWS

@Suite("Queues in a runtime", .moto, .serialized, .timeLimit(.minutes(3)))
struct SQSRuntimeTests {
    private let none = AWSEnvironment(variables: [:]) { _ in nil }
    private let silent = Logger(label: "test", factory: { _ in SwiftLogNoOpLogHandler() })

    @Test("what boto3 sends becomes runs, whose job sends it on to another queue")
    func wholeWay() async throws {
        let server = try moto()
        try await server.boto("queue('in'); queue('out')")
        let store = MemoryStore()
        let source = try SQSSource(.test(server, "in"), environment: none)
        let publisher = try SQSPublisher(
            SQSPublishOptions(queue: server.queue("out"), aws: .test(server.url)), environment: none)
        let trigger = Trigger("orders", kind: "sqs", origin: .source(source), start: ["forward"])
        let runtime = try Runtime(
            store: store, jobs: [Job("forward", kind: "sqs", handler: SQSPublishAction(publisher))],
            triggers: [trigger], logger: silent)
        let texts = try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runtime.run() }
            try await server.boto(
                """
                for i in range(10):
                    sqs.send_message_batch(QueueUrl=args[0], Entries=[{'Id': str(j), 'MessageBody': str(i * 10 + j)} for j in range(10)])
                """, server.queue("in"))
            try await eventually("a hundred runs are done") {
                store.allRuns().filter { $0.state == .completed }.count == 100
            }
            let texts = try await server.boto(
                """
                found = []
                while len(found) < 100:
                    for m in sqs.receive_message(QueueUrl=args[0], MaxNumberOfMessages=10, WaitTimeSeconds=5,
                            MessageAttributeNames=['All'])['Messages']:
                        found.append(m['Body'] + ' ' + m['MessageAttributes']['ce-type']['StringValue'])
                        sqs.delete_message(QueueUrl=args[0], ReceiptHandle=m['ReceiptHandle'])
                show('\\n'.join(found))
                """, server.queue("out"))
            #expect(try await runtime.triggers().first?.health == .running)
            runtime.stop()
            try await group.waitForAll()
            return texts.split(separator: "\n").map(String.init)
        }
        #expect(Set(texts) == Set((0..<100).map { "\($0) nightjar.sqs.message" }) && texts.count == 100)
        #expect(store.checkInvariants().isEmpty)
        #expect(try await depth(server, "in") == ["0", "0"])
    }

    @Test("two nodes share a queue; when one is gone, the other goes on")
    func twoNodes() async throws {
        let server = try moto()
        try await server.boto("queue('shared')")
        let store = MemoryStore()
        var options = SQSOptions.test(server, "shared")
        // What the receives of the node that is gone have hidden comes again after this.
        options.visibilityTimeout = .seconds(3)
        let source = try SQSSource(options, environment: none)
        let done = Mutex<[String: Int]>([:])
        let runtimes = try ["a", "b"].map { node in
            try Runtime(
                store: store,
                jobs: [Job("work") { run in done.withLock { $0[run.node.description, default: 0] += 1 } }],
                triggers: [Trigger("t", kind: "sqs", origin: .source(source), start: ["work"])],
                configuration: RuntimeConfiguration(node: NodeID(node)), logger: silent)
        }
        let send = """
            for i in range(10):
                sqs.send_message_batch(QueueUrl=args[0], Entries=[{'Id': str(j), 'MessageBody': str(j)} for j in range(10)])
            """
        try await withThrowingTaskGroup(of: Void.self) { group in
            for runtime in runtimes { group.addTask { try await runtime.run() } }
            try await server.boto(send, server.queue("shared"))
            try await eventually("the first hundred") { done.withLock { $0.values.reduce(0, +) } >= 100 }
            runtimes[0].stop()
            try await group.next()
            try await server.boto(send, server.queue("shared"))
            try await eventually("the second hundred") { done.withLock { $0.values.reduce(0, +) } >= 200 }
            runtimes[1].stop()
        }
        #expect(store.allRuns().count == 200 && store.allRuns().allSatisfy { $0.state == .completed })
        #expect(try await depth(server, "shared") == ["0", "0"])
    }
}
