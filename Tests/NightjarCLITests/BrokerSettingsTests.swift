import CloudEvents
import NightjarAWS
import NightjarCore
import NightjarKafka
import NightjarRabbitMQ
import Testing

@testable import NightjarCLI

/// The triggers and the action for brokers, as the file has them.
@Suite("Brokers in the configuration")
struct BrokerSettingsTests {
    private static func file(_ trigger: String, job: String = "command: [x]") -> String {
        "jobs: { j: { \(job) } }\ntriggers: { t: { \(trigger), start: j } }"
    }

    private static func source(_ trigger: String) throws -> TriggerSettings.Source {
        try #require(try configuration(file(trigger)).triggers.first?.source)
    }

    @Test("a queue of RabbitMQ with its declaration")
    func rabbitMQ() throws {
        guard
            case .rabbitmq(let settings) = try Self.source(
                """
                rabbitmq: { url: "amqps://u:p@h/v", queue: q, type: quorum, delivery: direct, prefetch: 7, declare: true,
                  arguments: { x-delivery-limit: 5, x-single-active-consumer: true, x-dead-letter-exchange: "dead" },
                  bind: { exchange: e, routingKey: "a.*" }, exchanges: [{ name: e, type: fanout }], tls: { verify: false } }
                """)
        else { return #expect(Bool(false)) }
        #expect(settings.delivery == .direct)
        #expect(settings.options.kind == .quorum)
        #expect(settings.options.prefetch == 7)
        #expect(
            settings.options.arguments == [
                "x-delivery-limit": 5, "x-single-active-consumer": true, "x-dead-letter-exchange": "dead",
            ])
        #expect(settings.options.bindings == [.init(exchange: "e", routingKey: "a.*")])
        #expect(settings.options.exchanges == [.init("e", type: "fanout")])
        #expect(!settings.options.connection.tls.verifiesServer)
    }

    @Test("a topic of Kafka: the offsets live where the delivery says")
    func kafka() throws {
        for (delivery, offsets) in [("stored", KafkaOffsets.store), ("direct", .broker)] {
            guard
                case .kafka(let settings) = try Self.source(
                    """
                    kafka: { brokers: ["a:1", "b:2"], topic: [x, "^y"], delivery: \(delivery), from: "2026-01-31T03:00:00Z",
                      sasl: { mechanism: SCRAM-SHA-256, username: u, password: p }, properties: { fetch.wait.max.ms: "10" } }
                    """)
            else { return #expect(Bool(false)) }
            #expect(settings.options.offsets == offsets)
            #expect(settings.options.cluster.brokers == ["a:1", "b:2"])
            #expect(settings.options.topics == ["x", "^y"])
            #expect(settings.options.from == .time(try #require(Timestamp(rfc3339: "2026-01-31T03:00:00Z"))))
            #expect(settings.options.cluster.sasl?.mechanism == .scramSHA256)
            #expect(settings.options.cluster.properties == ["fetch.wait.max.ms": "10"])
        }
    }

    @Test("a queue of SQS")
    func sqs() throws {
        guard
            case .sqs(let settings) = try Self.source(
                "sqs: { queue: q, region: eu-west-1, endpoint: \"http://127.0.0.1:1\", receivers: 2, unwrap: sns, rejected: delete }"
            )
        else { return #expect(Bool(false)) }
        #expect(settings.options.aws.region == "eu-west-1")
        #expect(settings.options.receivers == 2)
        #expect(settings.options.unwrap == .sns)
        #expect(settings.options.rejected == .delete)
        #expect(settings.delivery == .stored)
    }

    struct Mistake: Sendable, CustomTestStringConvertible {
        var yaml: String
        var part: String
        var testDescription: String { part }
    }

    @Test(
        "what cannot be is told, where it stands",
        arguments: [
            Mistake(yaml: file("rabbitmq: { url: \"http://h\", queue: q }"), part: "amqp"),
            Mistake(yaml: file("rabbitmq: { queue: q }"), part: "rabbitmq has no \"url\""),
            Mistake(yaml: file("rabbitmq: { url: \"amqp://h\", queue: q, tls: { ca: x } }"), part: "expected amqps://"),
            Mistake(yaml: file("kafka: { brokers: \"a:1\", topic: \"no good\" }"), part: "can't be a topic"),
            Mistake(
                yaml: file("kafka: { brokers: \"a:1\", topic: x, properties: { acks: \"1\" } }"),
                part: "the property acks can't be set"),
            Mistake(
                yaml: file("kafka: { brokers: \"a:1\", topic: x, properties: { no.such: \"1\" } }"), part: "no.such"),
            Mistake(yaml: file("sqs: { queue: q, wait: 1m }"), part: "the wait is"),
            Mistake(
                yaml: file(
                    "kafka: { brokers: \"a:1\", topic: x, delivery: direct }", job: "command: [x], key: event.id"),
                part: "delivers directly to the job \"j\" with \"key\", which needs the store"),
            Mistake(
                yaml: file("kafka: { brokers: \"a:1\", topic: x, delivery: direct }, delay: 5s"),
                part: "delivers directly and has \"delay\""),
            Mistake(yaml: "jobs: { j: { publish: {} } }", part: "publish has no broker"),
            Mistake(
                yaml: "jobs: { j: { publish: { rabbitmq: { url: \"amqp://h\" } } } }",
                part: "no exchange and no routing key"),
        ])
    func mistakes(_ mistake: Mistake) {
        let found = NightjarCLITests.mistakes(mistake.yaml)
        #expect(found.contains { $0.contains(mistake.part) }, "\(found)")
        #expect(found.count == 1, "\(found)")
    }

    @Test("a password in a URL is not shown, whatever is wrong with it")
    func secrets() {
        let found = NightjarCLITests.mistakes(Self.file("rabbitmq: { url: \"http://u:hush-hush@h\", queue: q }"))
        #expect(!found.isEmpty)
        #expect(!found.contains { $0.contains("hush-hush") }, "\(found)")
    }

    @Test("what a tail is asked for is read from its URL")
    func tails() throws {
        let (cluster, topics) = try BrokerTail.kafka("kafka://a:1,b:2/x,y?security.protocol=ssl")
        #expect(cluster.brokers == ["a:1", "b:2"])
        #expect(cluster.properties == ["security.protocol": "ssl"])
        #expect(topics == ["x", "y"])
        let options = try BrokerTail.sqs("sqs://orders?region=eu-west-1&endpoint=http://127.0.0.1:1")
        #expect(options.queue == "orders")
        #expect(options.aws.region == "eu-west-1")
        #expect(options.aws.endpoint == "http://127.0.0.1:1")
        #expect(
            try BrokerTail.sqs("sqs://sqs.eu-west-1.amazonaws.com/1/q").queue
                == "https://sqs.eu-west-1.amazonaws.com/1/q")
        #expect(throws: CommandFailure.self) { try BrokerTail.kafka("kafka://a:1") }
        #expect(throws: CommandFailure.self) { try BrokerTail.sqs("sqs://q?colour=red") }
    }
}
