import Foundation
import TestServers
import Testing

/// A broker of each system, how the configuration names it, and a sender that is not ours.
enum BrokerSystem: String, CaseIterable, CustomTestStringConvertible, Sendable {
    case rabbitmq, kafka, sqs

    var testDescription: String { rawValue }

    /// The trigger's settings in YAML.
    var trigger: String {
        switch self {
        case .rabbitmq: #"rabbitmq: { url: "${RABBITMQ_URL}", queue: orders, type: quorum, heartbeat: 2s }"#
        case .kafka: #"kafka: { brokers: "${KAFKA_BROKERS}", topic: orders, group: nightjar, sessionTimeout: 6s }"#
        case .sqs: #"sqs: { queue: orders, endpoint: "${SQS_ENDPOINT}", visibilityTimeout: 5s, wait: 1s }"#
        }
    }

    /// The action that publishes to it, in YAML.
    var publish: String {
        switch self {
        case .rabbitmq: #"rabbitmq: { url: "${RABBITMQ_URL}", routingKey: orders }"#
        case .kafka: #"kafka: { brokers: "${KAFKA_BROKERS}", topic: orders }"#
        case .sqs: #"sqs: { queue: orders, endpoint: "${SQS_ENDPOINT}" }"#
        }
    }

    /// Starts a broker.
    func broker() async throws -> any BrokerProcess {
        switch self {
        case .rabbitmq: try await RabbitMQBroker()
        case .kafka: try await KafkaBroker()
        case .sqs: try await SQSBroker()
        }
    }
}

/// A broker that a test starts, cuts off and asks for by its environment.
protocol BrokerProcess: Sendable {
    /// What the configuration refers to.
    var variables: [String: String] { get }
    /// A program in Python that makes the queue, and one that sends its second argument's number of messages, `n-0`, `n-1` …,
    /// each until the broker has confirmed it.
    var preparing: String { get }
    var sending: String { get }
    /// Makes it unreachable for a while; what it keeps on disk stays.
    func cutOff() async throws
}

extension BrokerProcess {
    /// Runs a program in Python against the broker.
    func python(_ program: String, _ arguments: [String], in folder: URL) throws -> ChildProcess {
        try ChildProcess(
            BrokerTools.program("python"), ["-c", program] + arguments, in: folder.path,
            output: folder.appendingPathComponent("python.log").path,
            errors: folder.appendingPathComponent("python.log").path,
            variables: variables.filter { $0.key != "LD_PRELOAD" })
    }

    /// Makes the queue or topic `orders`.
    func prepare(in folder: URL) throws {
        let status = try python(preparing, [], in: folder).wait()
        guard status == 0 else {
            let log = (try? String(contentsOf: folder.appendingPathComponent("python.log"), encoding: .utf8)) ?? ""
            throw TestServerFailure("the queue was not made: \(log)")
        }
    }
}

struct RabbitMQBroker: BrokerProcess {
    private let server: RabbitMQServer
    init() async throws {
        server = try RabbitMQServer()
        try await server.start()
    }

    var variables: [String: String] { ["RABBITMQ_URL": server.url()] }
    func cutOff() async throws {
        server.kill()
        try await server.start()
    }

    let preparing = """
        import os, pika
        connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
        connection.channel().queue_declare("orders", durable=True, arguments={"x-queue-type": "quorum"})
        connection.close()
        """
    let sending = """
        import os, sys, time, pika
        def connected():
            connection = pika.BlockingConnection(pika.URLParameters(os.environ["RABBITMQ_URL"]))
            channel = connection.channel()
            channel.confirm_delivery()
            return channel
        channel, number, count = None, 0, int(sys.argv[1])
        while number < count:
            try:
                channel = channel or connected()
                channel.basic_publish("", "orders", f"n-{number}".encode(), mandatory=True,
                    properties=pika.BasicProperties(delivery_mode=2, message_id=f"{number}"))
                number += 1
            except Exception as error:
                print(repr(error), flush=True)
                channel = None
                time.sleep(0.2)
        """
}

struct KafkaBroker: BrokerProcess {
    private let server: TansuBroker
    init() async throws { server = try await TansuBroker(durable: true) }

    var variables: [String: String] {
        ["KAFKA_BROKERS": server.address, "LD_PRELOAD": (try? BrokerTools.newerLibrdkafka()) ?? ""]
    }
    func cutOff() async throws {
        server.kill()
        try await server.start()
    }

    let preparing = """
        import os
        from confluent_kafka.admin import AdminClient, NewTopic
        admin = AdminClient({"bootstrap.servers": os.environ["KAFKA_BROKERS"]})
        admin.create_topics([NewTopic("orders", 4, 1)])["orders"].result(30)
        """
    let sending = """
        import os, sys
        from confluent_kafka import Producer
        producer = Producer({"bootstrap.servers": os.environ["KAFKA_BROKERS"], "enable.idempotence": True,
            "message.timeout.ms": 300000, "linger.ms": 5})
        failures = []
        for number in range(int(sys.argv[1])):
            producer.produce("orders", f"n-{number}", key=f"{number % 50}",
                on_delivery=lambda error, _: failures.append(error) if error else None)
            producer.poll(0.001)
        producer.flush()
        sys.exit(f"{failures}" if failures else 0)
        """
}

struct SQSBroker: BrokerProcess {
    private let server: MotoServer
    init() async throws { server = try await MotoServer() }

    var variables: [String: String] {
        [
            "SQS_ENDPOINT": "http://127.0.0.1:\(server.port)", "AWS_ACCESS_KEY_ID": "test",
            "AWS_SECRET_ACCESS_KEY": "test", "AWS_REGION": "us-east-1", "AWS_DEFAULT_REGION": "us-east-1",
            "AWS_EC2_METADATA_DISABLED": "true",
        ]
    }
    func cutOff() async throws {
        // Its memory is all that it has: it stands still for a while.
        server.halt()
        let isOver = Date().addingTimeInterval(4)
        while Date() < isOver { await Task.yield() }
        server.goOn()
    }

    let preparing = """
        import os, boto3
        boto3.client("sqs", endpoint_url=os.environ["SQS_ENDPOINT"]).create_queue(QueueName="orders")
        """
    let sending = """
        import os, sys, boto3
        client = boto3.client("sqs", endpoint_url=os.environ["SQS_ENDPOINT"])
        url = client.get_queue_url(QueueName="orders")["QueueUrl"]
        count = int(sys.argv[1])
        for first in range(0, count, 10):
            entries = [{"Id": f"{n}", "MessageBody": f"n-{n}"} for n in range(first, min(first + 10, count))]
            while entries:
                answer = client.send_message_batch(QueueUrl=url, Entries=entries)
                failed = {entry["Id"] for entry in answer.get("Failed", [])}
                entries = [entry for entry in entries if entry["Id"] in failed]
        """
}
