import CloudEvents
import Expressions
import NightjarCore
import NightjarKafka

/// The trigger `kafka`.
struct KafkaSettings: Sendable, Hashable {
    /// What it reads.
    var options: KafkaOptions
    /// When messages are acknowledged.
    var delivery: Delivery

    /// The source that this is.
    func source() throws(KafkaError) -> KafkaSource { try KafkaSource(options) }

    /// What it reads, for people.
    var summary: String {
        "\(options.topics.joined(separator: ", ")) at \(options.cluster.brokers.joined(separator: ", "))"
    }
}

extension Reading where Value == KafkaSettings {
    static var kafka: Reading {
        section("a mapping such as { brokers: \"${KAFKA_BROKERS}\", topic: orders, group: nightjar }") { section in
            let cluster = section.kafkaCluster()
            let topics = section.require("topic", Reading<String>.string.oneOrMore())
            var options = KafkaOptions(
                cluster: cluster ?? KafkaCluster(brokers: "localhost"), topics: topics ?? ["orders"], group: "nightjar")
            options.group = section.read("group", .string, default: options.group)
            options.from = section.read("from", .kafkaStart, default: options.from)
            options.order = section.read("order", .choice, default: options.order)
            options.windowMessages = section.read("window", .integer(1...10_000_000), default: options.windowMessages)
            options.windowBytes = section.read("windowBytes", .size(1...(1 << 40)), default: options.windowBytes)
            options.readAheadBytes = section.read(
                "readAhead", .size(1024...2_000_000_000), default: options.readAheadBytes)
            options.sessionTimeout = section.read(
                "sessionTimeout", .duration(atLeast: .seconds(1)), default: options.sessionTimeout)
            options.isolation = section.read("isolation", .choice, default: options.isolation)
            let delivery = section.read("delivery", Reading<Delivery>.choice, default: .stored)
            options.offsets = delivery == .stored ? .store : .broker
            guard cluster != nil, topics != nil else { return nil }
            return KafkaSettings(options: options, delivery: delivery)
        }
        .checked { try $0.source() }
    }
}

extension Section {
    /// How a cluster is reached: the keys `brokers`, `clientID`, `tls`, `sasl` and `properties`.
    mutating func kafkaCluster() -> KafkaCluster? {
        let brokers = require("brokers", Reading<String>.string.oneOrMore())
        var cluster = KafkaCluster(brokers: (brokers ?? []).joined(separator: ","))
        cluster.clientID = read("clientID", .string, default: cluster.clientID)
        cluster.tls = read("tls", .kafkaTLS)
        cluster.sasl = read("sasl", .kafkaSASL)
        cluster.properties = read("properties", Reading<String>.secretText.dictionary(), default: [:])
        return brokers == nil ? nil : cluster
    }
}

extension Reading where Value == KafkaTLS {
    fileprivate static var kafkaTLS: Reading {
        section("a mapping such as { ca: ca.pem }; an empty one for the system's authorities") { section in
            var tls = KafkaTLS()
            tls.authorities = section.read("ca", .path)
            tls.certificate = section.read("certificate", .path)
            tls.key = section.read("key", .path)
            tls.keyPassword = section.read("keyPassword", .secretText)
            tls.checksName = section.read("verify", .boolean, default: tls.checksName)
            return tls
        }
    }
}

extension Reading where Value == KafkaSASL {
    fileprivate static var kafkaSASL: Reading {
        section("a mapping such as { mechanism: SCRAM-SHA-512, username: nightjar, password: \"${PASSWORD}\" }") {
            section in
            let mechanism = section.require("mechanism", Reading<KafkaSASL.Mechanism>.choice)
            let username = section.require("username", .string)
            let password = section.require("password", .secretText)
            guard let mechanism, let username, let password else { return nil }
            return KafkaSASL(mechanism, username: username, password: password)
        }
    }
}

extension Reading where Value == KafkaStart {
    /// Where partitions begin that nothing is known of yet.
    fileprivate static var kafkaStart: Reading {
        text("earliest, latest, or a time such as 2026-01-31T03:00:00Z") { text in
            switch text {
            case "earliest": .earliest
            case "latest": .latest
            default: Timestamp(rfc3339: text).map { .time($0) }
            }
        }
    }
}

/// The action `publish` with `kafka`.
struct KafkaPublishSettings: Sendable, Hashable {
    var options: KafkaPublishOptions
    /// The key of each message; `nil` for the event's `partitionkey`.
    var key: Template?
    var partition: Int32?
    /// Headers of each.
    var headers: [String: Template]

    /// The action that this is.
    func action() throws(KafkaError) -> any RunHandler {
        KafkaPublishAction(try KafkaPublisher(options)) { [key, partition, headers] context in
            let values = TemplateValues(context.event)
            var message = KafkaMessageOptions(partition: partition)
            message.key = try key.map { Array(try values.text($0, "the key").utf8) }
            for (name, template) in headers {
                message.headers[name] = try values.text(template, "the header \(name)")
            }
            return message
        }
    }
}

extension Reading where Value == KafkaPublishSettings {
    static var kafkaPublish: Reading {
        section("a mapping such as { brokers: \"${KAFKA_BROKERS}\", topic: orders }") { section in
            let cluster = section.kafkaCluster()
            let topic = section.require("topic", .string)
            var options = KafkaPublishOptions(
                cluster: cluster ?? KafkaCluster(brokers: "localhost"), topic: topic ?? "orders")
            options.format = section.read("format", .choice, default: options.format)
            options.timeout = section.read("timeout", .duration(atLeast: .milliseconds(10)), default: options.timeout)
            let key = section.read("key", .template())
            let partition = section.read("partition", .integer(0...Int(Int32.max))).map { Int32($0) }
            let headers = section.read("headers", Reading<Template>.template().dictionary(), default: [:])
            guard cluster != nil, topic != nil else { return nil }
            return KafkaPublishSettings(options: options, key: key, partition: partition, headers: headers)
        }
        .checked { try $0.action() }
    }
}
