import CloudEvents
import Expressions
import Foundation
import NightjarCore
import NightjarRabbitMQ

/// The trigger `rabbitmq`.
struct RabbitMQSettings: Sendable, Hashable {
    /// What it receives.
    var options: RabbitMQOptions
    /// When messages are acknowledged.
    var delivery: Delivery

    /// The source that this is.
    func source() throws(RabbitMQError) -> RabbitMQSource { try RabbitMQSource(options) }
}

extension Reading where Value == RabbitMQSettings {
    static var rabbitmq: Reading {
        section("a mapping such as { url: \"${RABBITMQ_URL}\", queue: orders }") { section in
            let connection = section.rabbitMQConnection()
            let queue = section.require("queue", .string)
            var options = RabbitMQOptions(
                connection: connection ?? RabbitMQConnectionOptions(url: "amqp://localhost"), queue: queue ?? "orders")
            options.kind = section.read("type", .choice, default: options.kind)
            section.readDeclaration(into: &options)
            options.prefetch = section.read("prefetch", .integer(1...65_535), default: options.prefetch)
            options.consumers = section.read("consumers", .integer(1...64), default: options.consumers)
            options.consumerPriority = section.read("priority", .integer(-1000...1000))
            options.exclusive = section.read("exclusive", .boolean, default: options.exclusive)
            options.inOrder = section.read("inOrder", .boolean, default: options.inOrder)
            options.streamStart = section.read("from", .streamStart, default: options.streamStart)
            options.maximumMessageBytes = section.read(
                "maximumMessage", .size(1...(1 << 30)), default: options.maximumMessageBytes)
            options.source = section.read("source", .string)
            let delivery = section.read("delivery", Reading<Delivery>.choice, default: .stored)
            guard connection != nil, queue != nil else { return nil }
            return RabbitMQSettings(options: options, delivery: delivery)
        }
        .checked { try $0.source() }
    }
}

extension Section {
    /// How a RabbitMQ server is reached: the keys `url`, `tls`, `heartbeat` and `timeout`.
    mutating func rabbitMQConnection() -> RabbitMQConnectionOptions? {
        let url = require("url", .secretText)
        var connection = RabbitMQConnectionOptions(url: url ?? "")
        connection.heartbeat = read("heartbeat", .duration(atLeast: .seconds(1)), default: connection.heartbeat)
        connection.timeout = read("timeout", .duration(atLeast: .milliseconds(10)), default: connection.timeout)
        connection.tls = read("tls", .rabbitMQTLS, default: connection.tls)
        return url == nil ? nil : connection
    }

    /// What is made if it is not there: `declare`, `durable`, `arguments`, `exchanges` and `bind`.
    fileprivate mutating func readDeclaration(into options: inout RabbitMQOptions) {
        options.declare = read("declare", .boolean, default: options.declare)
        options.durable = read("durable", .boolean, default: options.durable)
        options.arguments = read("arguments", Reading<RabbitMQValue>.amqpValue.dictionary(), default: [:])
        options.exchanges = read("exchanges", Reading<RabbitMQOptions.Exchange>.exchange.oneOrMore(), default: [])
        options.bindings = read("bind", Reading<RabbitMQOptions.Binding>.binding.oneOrMore(), default: [])
    }
}

extension Reading where Value == RabbitMQTLSOptions {
    fileprivate static var rabbitMQTLS: Reading {
        section("a mapping such as { ca: ca.pem }") { section in
            var tls = RabbitMQTLSOptions()
            tls.caFile = section.read("ca", .path)
            tls.certificateFile = section.read("certificate", .path)
            tls.keyFile = section.read("key", .path)
            tls.verifiesServer = section.read("verify", .boolean, default: tls.verifiesServer)
            tls.usesCertificateAsLogin = section.read("login", .boolean, default: tls.usesCertificateAsLogin)
            return tls
        }
    }
}

extension Reading where Value == RabbitMQOptions.Exchange {
    fileprivate static var exchange: Reading {
        section("a mapping such as { name: orders, type: topic }") { section in
            let name = section.require("name", .string)
            var exchange = RabbitMQOptions.Exchange(name ?? "")
            exchange.type = section.read("type", .string, default: exchange.type)
            exchange.durable = section.read("durable", .boolean, default: exchange.durable)
            exchange.arguments = section.read(
                "arguments", Reading<RabbitMQValue>.amqpValue.dictionary(), default: [:])
            return name == nil ? nil : exchange
        }
    }
}

extension Reading where Value == RabbitMQOptions.Binding {
    fileprivate static var binding: Reading {
        section("a mapping such as { exchange: orders, routingKey: \"order.*\" }") { section in
            let exchange = section.require("exchange", .string)
            let key = section.read("routingKey", .anyString, default: "")
            let arguments = section.read("arguments", Reading<RabbitMQValue>.amqpValue.dictionary(), default: [:])
            return exchange.map { RabbitMQOptions.Binding(exchange: $0, routingKey: key, arguments: arguments) }
        }
    }
}

extension Reading where Value == RabbitMQOptions.StreamStart {
    /// Where a stream begins.
    fileprivate static var streamStart: Reading {
        text("first, last, next, an offset such as 1000, or a time such as 2026-01-31T03:00:00Z") { text in
            switch text {
            case "first": .first
            case "last": .last
            case "next": .next
            default: UInt64(text).map { .offset($0) } ?? Timestamp(rfc3339: text).map { .time($0) }
            }
        }
    }
}

extension Reading where Value == RabbitMQValue {
    /// A value in a table of AMQP: a text, a whole number, or true or false.
    fileprivate static var amqpValue: Reading {
        let expected = "a text, a whole number, or true or false"
        return Reading(expected) { node, label, context in
            guard let text = context.text(node, label, expected: expected) else { return nil }
            guard case .scalar(_, .plain) = node.content else { return .string(text) }
            if text == "true" || text == "false" { return .boolean(text == "true") }
            return Int64(text).map { .integer($0) } ?? .string(text)
        }
    }
}

/// The action `publish` with `rabbitmq`.
struct RabbitMQPublishSettings: Sendable, Hashable {
    var publisher: RabbitMQPublisherOptions
    var format: MessageFormat
    /// What every message has in common.
    var message: RabbitMQMessageOptions
    /// The routing key of each.
    var routingKey: Template?
    /// Headers of each.
    var headers: [String: Template]

    /// The action that this is.
    func action() throws(RabbitMQError) -> any RunHandler {
        let publisher = try RabbitMQPublisher(publisher)
        var probe = message
        if let routingKey { probe.routingKey = routingKey.plainText + (routingKey.hasHoles ? "x" : "") }
        _ = try RabbitMQPublishAction(publisher, format: format, message: probe)
        return RabbitMQPublishAction(publisher, format: format) { [message, routingKey, headers] context in
            let values = TemplateValues(context.event)
            var message = message
            if let routingKey { message.routingKey = try values.text(routingKey, "the routing key") }
            for (name, template) in headers {
                message.headers[name] = .string(try values.text(template, "the header \(name)"))
            }
            return message
        }
    }
}

extension Reading where Value == RabbitMQPublishSettings {
    static var rabbitmqPublish: Reading {
        section("a mapping such as { url: \"${RABBITMQ_URL}\", exchange: orders, routingKey: order.placed }") {
            section in
            let connection = section.rabbitMQConnection()
            var publisher = RabbitMQPublisherOptions(
                connection: connection ?? RabbitMQConnectionOptions(url: "amqp://localhost"))
            publisher.confirmTimeout = section.read(
                "confirmTimeout", .duration(atLeast: .milliseconds(10)), default: publisher.confirmTimeout)
            var message = RabbitMQMessageOptions()
            message.exchange = section.read("exchange", .anyString, default: "")
            let routingKey = section.read("routingKey", .template())
            message.mandatory = section.read("mandatory", .boolean, default: message.mandatory)
            message.persistent = section.read("persistent", .boolean, default: message.persistent)
            message.priority = section.read("priority", .integer(0...255)).map { UInt8($0) }
            message.expiration = section.read("expiration", .duration())
            message.messageType = section.read("type", .string)
            let headers = section.read("headers", Reading<Template>.template().dictionary(), default: [:])
            let format = section.read("format", Reading<MessageFormat>.choice, default: .binary)
            guard connection != nil else { return nil }
            return RabbitMQPublishSettings(
                publisher: publisher, format: format, message: message, routingKey: routingKey,
                headers: headers)
        }
        .checked { try $0.action() }
    }
}
