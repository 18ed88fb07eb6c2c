import NightjarAWS
import NightjarCore
import NightjarKafka
import NightjarRabbitMQ

/// The action `publish`: a message to a broker.
enum PublishSettings: Sendable, Hashable {
    case rabbitmq(RabbitMQPublishSettings)
    case kafka(KafkaPublishSettings)
    case sqs(SQSPublishSettings)

    /// The keys that say where to.
    static let kinds = ["rabbitmq", "kafka", "sqs"]

    /// Where to, for people.
    var summary: String {
        switch self {
        case .rabbitmq(let settings):
            settings.message.exchange.isEmpty ? "RabbitMQ" : "exchange \(settings.message.exchange) of RabbitMQ"
        case .kafka(let settings): "\(settings.options.topic) of Kafka"
        case .sqs(let settings): "queue \(settings.options.queue) of SQS"
        }
    }

    /// The action that this is.
    func action() throws -> any RunHandler {
        switch self {
        case .rabbitmq(let settings): try settings.action()
        case .kafka(let settings): try settings.action()
        case .sqs(let settings): try settings.action()
        }
    }
}

extension Reading where Value == PublishSettings {
    static var publish: Reading {
        section("a mapping with one of: \(PublishSettings.kinds.joined(separator: ", "))") { section in
            var actions: [PublishSettings] = []
            let kinds = PublishSettings.kinds.filter { section.has($0) }
            if let action = section.read("rabbitmq", .rabbitmqPublish) { actions.append(.rabbitmq(action)) }
            if let action = section.read("kafka", .kafkaPublish) { actions.append(.kafka(action)) }
            if let action = section.read("sqs", .sqsPublish) { actions.append(.sqs(action)) }
            guard kinds.count == 1 else {
                section.context.report(
                    section.position,
                    "\(section.label) has \(kinds.isEmpty ? "no broker" : kinds.joined(separator: " and ")); expected one of: \(PublishSettings.kinds.joined(separator: ", "))"
                )
                return nil
            }
            return actions.first
        }
    }
}
