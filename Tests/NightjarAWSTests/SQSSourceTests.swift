import CloudEvents
import Foundation
import NightjarCore
import TestServers
import Testing
import Waiting

@testable import NightjarAWS

@Suite("The source of a queue, beside moto and boto3", .moto, .serialized, .timeLimit(.minutes(5)))
struct SQSSourceTests {
    @Test("what boto3 sends arrives with its attributes, and is deleted")
    func arrives() async throws {
        let server = try moto()
        try await server.boto("queue('plain')")
        let intake = RecordingIntake()
        let taken = try await receiving(.test(server, "plain"), into: intake) {
            try await server.boto(
                """
                sqs.send_message(QueueUrl=args[0], MessageBody='{"total": 42}', MessageAttributes={
                    'Content-Type': {'DataType': 'String', 'StringValue': 'application/json'},
                    'Customer.Name': {'DataType': 'String', 'StringValue': 'Ünï'},
                    'count': {'DataType': 'Number', 'StringValue': '7'},
                    'raw': {'DataType': 'Binary', 'BinaryValue': b'\\x00\\x01'},
                    'odd': {'DataType': 'String', 'StringValue': 'tab\\there'}},
                    MessageSystemAttributes={'AWSTraceHeader': {'DataType': 'String', 'StringValue': 'Root=1-2-3'}})
                """, server.queue("plain"))
            return try await intake.wait("a message") { $0.taken.count == 1 }
        }
        let event = try #require(taken.taken.first?.event)
        #expect(event.type == "nightjar.sqs.message" && event.source == server.queue("plain"))
        #expect(UUID(uuidString: event.id) != nil)
        #expect(event.dataContentType == "application/json" && taken.texts == [#"{"total": 42}"#])
        #expect(event.time != nil)
        let extensions = event.extensions.mapValues(\.description)
        #expect(extensions["customername"] == "Ünï" && extensions["count"] == "7" && extensions["raw"] == "AAE=")
        #expect(extensions["approximatereceivecount"] == "1" && extensions["awstraceheader"] == "Root=1-2-3")
        #expect(extensions["senderid"] != nil)
        #expect(extensions["odd"] == nil && extensions["attributesleftout"] == "odd")
        #expect(taken.taken.first?.redelivery?.deliveries == 1)
        #expect(try await depth(server, "plain") == ["0", "0"])
    }

    @Test("several receivers take a backlog, and all of it is deleted")
    func backlog() async throws {
        let server = try moto()
        try await server.boto(
            """
            url = queue('backlog')
            for i in range(30):
                sqs.send_message_batch(QueueUrl=url, Entries=[{'Id': str(j), 'MessageBody': str(i * 10 + j)} for j in range(10)])
            """)
        let intake = RecordingIntake()
        var options = SQSOptions.test(server, "backlog")
        options.receivers = 4
        let taken = try await receiving(options, into: intake) {
            let taken = try await intake.wait("300 messages") { Set($0.taken.map(\.event.id)).count == 300 }
            try await eventually("all are deleted") { try await depth(server, "backlog") == ["0", "0"] }
            return taken
        }
        // Receivers that ask moto at the same moment may both get a message, as with SQS itself.
        #expect(Set(taken.texts).count == 300 && Set(taken.taken.map(\.event.id)).count == 300)
        #expect(intake.snapshot.measures.contains { if case .waiting(let count) = $0 { count > 0 } else { false } })
    }

    @Test("a message is deleted only when it was taken, and stays hidden while it is worked on")
    func heldBack() async throws {
        let server = try moto()
        try await server.boto("sqs.send_message(QueueUrl=queue('held'), MessageBody='held')")
        let intake = RecordingIntake { _ in .hold }
        var options = SQSOptions.test(server, "held")
        options.visibilityTimeout = .seconds(6)
        try await receiving(options, into: intake) {
            // What is still held would keep the source from ending.
            defer { intake.release() }
            try await intake.wait("it is worked on") { $0.held == 1 }
            #expect(try await depths(server, "held", whileHiddenAgain: 3) == ["0 1"])
            intake.release()
            try await intake.wait("it is taken") { $0.taken.count == 1 }
            try await eventually("it is deleted") { try await depth(server, "held") == ["0", "0"] }
        }
        #expect(intake.snapshot.offered.count == 1)
    }

    @Test("a message that is to come again does so, no sooner than asked for, and is counted")
    func redelivered() async throws {
        let server = try moto()
        try await server.boto("sqs.send_message(QueueUrl=queue('again'), MessageBody='x')")
        let times = TimeLog()
        let intake = RecordingIntake { incoming in
            times.note()
            let deliveries = incoming.redelivery?.deliveries ?? 0
            return deliveries < 3 ? .redeliver(after: .milliseconds(1200)) : .accept
        }
        try await receiving(.test(server, "again"), into: intake) {
            try await intake.wait("the third delivery") { $0.taken.count == 1 }
            try await eventually("it is deleted") { try await depth(server, "again") == ["0", "0"] }
        }
        let offered = intake.snapshot.offered
        #expect(offered.map { $0.redelivery?.deliveries } == [1, 2, 3])
        #expect(Set(offered.map(\.event.id)).count == 1)
        #expect(offered.allSatisfy { ($0.redelivery?.longestWait ?? .zero) > .seconds(3600) })
        // Whole seconds, rounded up.
        #expect(times.gaps.allSatisfy { $0 >= .milliseconds(1990) })
    }

    @Test("what is in flight has a limit, and what is beyond it stays in the queue")
    func backPressure() async throws {
        let server = try moto()
        try await server.boto(
            """
            url = queue('limit')
            for i in range(3):
                sqs.send_message_batch(QueueUrl=url, Entries=[{'Id': str(j), 'MessageBody': 'x'} for j in range(10)])
            """)
        let intake = RecordingIntake { _ in .hold }
        var options = SQSOptions.test(server, "limit")
        options.inFlight = 7
        try await receiving(options, into: intake) {
            try await intake.wait("as many as are allowed") { $0.held == 7 }
            #expect(try await depth(server, "limit") == ["23", "7"])
            intake.release()
            try await intake.wait("all of them") { $0.taken.count == 30 }
        }
    }

    @Test("a node that stops gives back what it did not take, and deletes what it did")
    func stops() async throws {
        let server = try moto()
        try await server.boto(
            "sqs.send_message_batch(QueueUrl=queue('stop'), Entries=[{'Id': m, 'MessageBody': m} for m in ('done', 'refused')])"
        )
        let intake = RecordingIntake { incoming in
            incoming.event.data == Array("done".utf8) ? .hold : .refuse(IntakeError(.stopping, "the node stops"))
        }
        var options = SQSOptions.test(server, "stop")
        options.visibilityTimeout = .seconds(6)
        let source = try SQSSource(options, environment: AWSEnvironment(variables: [:]) { _ in nil })
        await #expect(throws: IntakeError.self) {
            try await withThrowingTaskGroup(of: Void.self) { group in
                group.addTask { try await source.run(testContext(intake)) }
                group.addTask {
                    try await intake.wait("both were offered") { $0.offered.count >= 2 && $0.held == 1 }
                    intake.release()
                }
                try await group.waitForAll()
            }
        }
        #expect(intake.snapshot.texts == ["done"])
        // Not at once: moto goes on with receives that were given up, and one of those may get it.
        try await eventually("one is there again") { try await depth(server, "stop") == ["1", "0"] }
    }

    @Test("a node that is stopped waits for what is being worked on, keeps it hidden, and deletes it")
    func drains() async throws {
        let server = try moto()
        try await server.boto("sqs.send_message(QueueUrl=queue('drain'), MessageBody='drain')")
        let intake = RecordingIntake { _ in .hold }
        var options = SQSOptions.test(server, "drain")
        options.visibilityTimeout = .seconds(6)
        let source = try SQSSource(options, environment: AWSEnvironment(variables: [:]) { _ in nil })
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await source.run(testContext(intake)) }
            // What is still held would keep the source from ending.
            defer { intake.release() }
            try await intake.wait("it is worked on") { $0.held == 1 }
            group.cancelAll()
            #expect(try await depths(server, "drain", whileHiddenAgain: 3) == ["0 1"])
            intake.release()
            try await group.waitForAll()
        }
        #expect(try await depth(server, "drain") == ["0", "0"])
    }
}
