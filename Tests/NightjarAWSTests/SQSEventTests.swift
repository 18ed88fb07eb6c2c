import CloudEvents
import Foundation
import NightjarCore
import TestServers
import Testing
import Waiting

@testable import NightjarAWS

extension SQSSourceTests {
    @Test("messages that carry CloudEvents are taken as such, in binary and structured mode")
    func cloudEvents() async throws {
        let server = try moto()
        try await server.boto("queue('events')")
        let intake = RecordingIntake()
        let taken = try await receiving(.test(server, "events"), into: intake) {
            try await server.boto(
                """
                def text(value): return {'DataType': 'String', 'StringValue': value}
                def event(prefix, id):
                    names = {'specversion': '1.0', 'id': id, 'source': '/shop', 'type': 'order.placed', 'subject': 'o/1',
                        'time': '2026-01-02T03:04:05Z', 'shop': 'north'}
                    return {prefix + k: text(v) for k, v in names.items()} | {'content-type': text('text/plain')}
                for prefix, id in (('ce-', 'b1'), ('ce_', 'b2'), ('cloudEvents_', 'b3')):
                    sqs.send_message(QueueUrl=args[0], MessageBody='hello', MessageAttributes=event(prefix, id))
                sqs.send_message(QueueUrl=args[0],
                    MessageBody='{"specversion":"1.0","id":"s1","source":"/shop","type":"order.placed","data":{"n":1.50}}',
                    MessageAttributes={'contentType': text('application/cloudevents+json; charset=utf-8')})
                """, server.queue("events"))
            return try await intake.wait("four events") { $0.taken.count == 4 }
        }
        let events = taken.taken.map(\.event).sorted { $0.id < $1.id }
        #expect(events.map(\.id) == ["b1", "b2", "b3", "s1"])
        for event in events.prefix(3) {
            #expect(event.source == "/shop" && event.type == "order.placed" && event.subject == "o/1")
            #expect(event.time?.rfc3339 == "2026-01-02T03:04:05Z" && event.dataContentType == "text/plain")
            #expect(event.extensions == ["shop": .string("north")] && event.data == Array("hello".utf8))
        }
        #expect(events[3].data == Array(#"{"n":1.50}"#.utf8))
    }

    @Test("a message that cannot be taken is recorded and deleted, and blocks none behind it")
    func unreadable() async throws {
        let server = try moto()
        try await server.boto("queue('poison')")
        let tooLarge = IntakeError(.tooLarge, "the event is too large", index: 0)
        let intake = RecordingIntake { incoming in
            incoming.event.type == "nightjar.sqs.message" && incoming.event.data?.count == 5000
                ? .refuse(tooLarge) : .accept
        }
        let taken = try await receiving(.test(server, "poison"), into: intake) {
            try await server.boto(
                """
                sqs.send_message(QueueUrl=args[0], MessageBody='x', MessageAttributes={
                    'ce-specversion': {'DataType': 'String', 'StringValue': '1.0'},
                    'ce-id': {'DataType': 'String', 'StringValue': 'no source'}})
                sqs.send_message(QueueUrl=args[0], MessageBody='y' * 5000)
                sqs.send_message(QueueUrl=args[0], MessageBody='good')
                """, server.queue("poison"))
            let taken = try await intake.wait("three records") { $0.taken.count == 3 }
            try await eventually("all are gone") { try await depth(server, "poison") == ["0", "0"] }
            return taken
        }
        let rejected = taken.taken.filter { $0.event.type == UnreadableMessage.eventType }
        #expect(rejected.count == 2 && taken.texts.contains("good"))
        let reasons = rejected.map { incoming in
            if case .nobody(_, let reason) = incoming.addressee { reason } else { "" }
        }
        #expect(reasons.contains { $0.contains("CloudEvent") && $0.contains("source") })
        #expect(reasons.contains("the event is too large"))
    }

    @Test("where the queue has a redrive policy, what cannot be taken is left to it")
    func redrive() async throws {
        let server = try moto()
        try await server.boto(
            """
            dead = queue('dead')
            arn = sqs.get_queue_attributes(QueueUrl=dead, AttributeNames=['QueueArn'])['Attributes']['QueueArn']
            url = queue('redriven', RedrivePolicy=json.dumps({'deadLetterTargetArn': arn, 'maxReceiveCount': 3}))
            sqs.send_message(QueueUrl=url, MessageBody='x', MessageAttributes={
                'content-type': {'DataType': 'String', 'StringValue': 'application/cloudevents+json'}})
            """)
        let intake = RecordingIntake()
        try await receiving(.test(server, "redriven"), into: intake) {
            try await eventually("the policy moved it") { try await depth(server, "dead") == ["1", "0"] }
        }
        let records = intake.snapshot.taken
        #expect(records.count == 3 && Set(records.map(\.event.id)).count == 1)
        #expect(records.allSatisfy { $0.event.type == UnreadableMessage.eventType })
    }

    @Test("the messages of a group of a FIFO queue are taken one after the other, groups side by side")
    func fifo() async throws {
        let server = try moto()
        try await server.boto(Self.fifoSender + "\nfill('order.fifo', [(g, str(i)) for i in range(15) for g in 'ab'])")
        let intake = RecordingIntake()
        let taken = try await receiving(.test(server, "order.fifo"), into: intake) {
            try await intake.wait("thirty messages") { Set($0.texts).count == 30 }
        }
        for group in ["a", "b"] {
            let texts = taken.texts.filter { $0.hasPrefix(group) }
            #expect(texts == (0..<15).map { "\(group)\($0)" })
        }
        let first = try #require(taken.taken.first)
        #expect(first.order == Array("ab".utf8.prefix(1)) || first.order == Array("b".utf8))
        #expect(first.event.extensions["messagegroupid"] != nil && first.event.extensions["sequencenumber"] != nil)
    }

    @Test("when a message of a FIFO queue is given back, those of its group behind it wait for it")
    func fifoRedelivery() async throws {
        let server = try moto()
        try await server.boto(
            Self.fifoSender + "\nfill('retry.fifo', [('a', '0'), ('a', '1'), ('b', '0'), ('a', '2')])")
        let intake = RecordingIntake { incoming in
            let isFirst = incoming.event.data == Array("a0".utf8) && incoming.redelivery?.deliveries == 1
            return isFirst ? .redeliver(after: .seconds(1)) : .accept
        }
        let taken = try await receiving(.test(server, "retry.fifo"), into: intake) {
            try await intake.wait("four messages") { $0.taken.count == 4 }
        }
        #expect(taken.texts.filter { $0.hasPrefix("a") } == ["a0", "a1", "a2"])
        #expect(taken.texts.first == "b0")
        #expect(taken.offeredTexts.filter { $0 == "a1" }.count == 1, "it was not handed over before its turn")
    }

    static let fifoSender = """
        def fill(name, messages):
            url = queue(name, FifoQueue='true')
            for i, (group, text) in enumerate(messages):
                sqs.send_message(QueueUrl=url, MessageBody=group + text, MessageGroupId=group, MessageDeduplicationId=str(i))
        """

    @Test("what Amazon SNS puts into a queue is unwrapped, CloudEvents included")
    func sns() async throws {
        let server = try moto()
        try await server.boto("queue('topic')")
        let intake = RecordingIntake()
        var options = SQSOptions.test(server, "topic")
        options.unwrap = .sns
        let taken = try await receiving(options, into: intake) {
            try await server.boto(
                """
                topic = sns.create_topic(Name='news')['TopicArn']
                arn = sqs.get_queue_attributes(QueueUrl=args[0], AttributeNames=['QueueArn'])['Attributes']['QueueArn']
                sns.subscribe(TopicArn=topic, Protocol='sqs', Endpoint=arn)
                def text(value): return {'DataType': 'String', 'StringValue': value}
                sns.publish(TopicArn=topic, Message='{"n": 1}', Subject='about n', MessageAttributes={
                    'content-type': text('application/json'), 'shop': text('north')})
                sns.publish(TopicArn=topic, Message='hello', MessageAttributes={'ce-specversion': text('1.0'),
                    'ce-id': text('e1'), 'ce-source': text('/shop'), 'ce-type': text('t')})
                sqs.send_message(QueueUrl=args[0], MessageBody='not from SNS')
                """, server.queue("topic"))
            return try await intake.wait("three events") { $0.taken.count == 3 }
        }
        let events = taken.taken.map(\.event)
        let plain = try #require(events.first { $0.subject == "about n" })
        #expect(plain.data == Array(#"{"n": 1}"#.utf8) && plain.dataContentType == "application/json")
        #expect(plain.extensions["shop"] == .string("north"))
        #expect(plain.extensions["topicarn"]?.description.hasSuffix(":news") == true && plain.time != nil)
        #expect(events.contains { $0.id == "e1" && $0.source == "/shop" && $0.data == Array("hello".utf8) })
        #expect(taken.texts.contains("not from SNS"))
    }

    @Test("what Amazon S3 puts into a queue is unwrapped, and its test notification passed over")
    func s3() async throws {
        let server = try moto()
        try await server.boto("queue('uploads')")
        let intake = RecordingIntake()
        var options = SQSOptions.test(server, "uploads")
        options.unwrap = .s3
        let taken = try await receiving(options, into: intake) {
            try await server.boto(
                """
                arn = sqs.get_queue_attributes(QueueUrl=args[0], AttributeNames=['QueueArn'])['Attributes']['QueueArn']
                s3.create_bucket(Bucket='photos')
                s3.put_bucket_notification_configuration(Bucket='photos', NotificationConfiguration={
                    'QueueConfigurations': [{'QueueArn': arn, 'Events': ['s3:ObjectCreated:*']}]})
                s3.put_object(Bucket='photos', Key='a/b.jpg', Body=b'1234')
                """, server.queue("uploads"))
            let taken = try await intake.wait("an event") { $0.taken.count == 1 }
            try await eventually("the test notification is gone too") {
                try await depth(server, "uploads") == ["0", "0"]
            }
            return taken
        }
        let event = try #require(taken.taken.first?.event)
        #expect(event.type == "com.amazonaws.s3.ObjectCreated:Put" && event.subject == "a/b.jpg")
        #expect(event.extensions["bucket"] == .string("photos") && event.dataContentType == "application/json")
        #expect(taken.texts.first?.contains("\"size\": 4") == true)
        #expect(intake.snapshot.offered.count == 1)
    }
}
