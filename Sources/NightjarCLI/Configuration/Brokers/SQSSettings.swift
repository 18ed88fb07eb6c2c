import Expressions
import NightjarAWS
import NightjarCore

/// The trigger `sqs`.
struct SQSSettings: Sendable, Hashable {
    /// What it receives.
    var options: SQSOptions
    /// When messages are acknowledged.
    var delivery: Delivery
}

extension Reading where Value == SQSSettings {
    static var sqs: Reading {
        section("a mapping such as { queue: orders, region: eu-west-1 }") { section in
            let queue = section.require("queue", .string)
            var options = SQSOptions(queue: queue ?? "orders", aws: section.aws())
            options.receivers = section.read("receivers", .integer(1...64), default: options.receivers)
            options.batch = section.read("batch", .integer(1...10), default: options.batch)
            options.wait = section.read("wait", .duration(), default: options.wait)
            options.visibilityTimeout = section.read("visibilityTimeout", .duration(atLeast: .seconds(2)))
            options.inFlight = section.read("inFlight", .integer(1...10_000), default: options.inFlight)
            options.unwrap = section.read("unwrap", .choice, default: options.unwrap)
            options.rejected = section.read("rejected", .choice, default: options.rejected)
            let delivery = section.read("delivery", Reading<Delivery>.choice, default: .stored)
            return queue == nil ? nil : SQSSettings(options: options, delivery: delivery)
        }
        .checked { try $0.options.contradiction.map { throw CommandFailure($0) } }
    }
}

extension Section {
    /// How AWS is reached: the keys `region`, `endpoint`, `profile`, `credentials`, `tls` and the timeouts.
    mutating func aws() -> AWSOptions {
        var options = AWSOptions()
        options.region = read("region", .string)
        options.endpoint = read("endpoint", .httpURL)
        options.profile = read("profile", .string)
        options.credentials = read("credentials", .awsCredentials)
        options.tls = read("tls", .awsTLS, default: options.tls)
        options.connectTimeout = read(
            "connectTimeout", .duration(atLeast: .milliseconds(100)), default: options.connectTimeout)
        options.requestTimeout = read(
            "requestTimeout", .duration(atLeast: .milliseconds(100)), default: options.requestTimeout)
        return options
    }
}

extension Reading where Value == AWSCredentials {
    fileprivate static var awsCredentials: Reading {
        section("a mapping such as { accessKeyID: \"${KEY_ID}\", secretAccessKey: \"${KEY}\" }") { section in
            let id = section.require("accessKeyID", .secretText)
            let key = section.require("secretAccessKey", .secretText)
            let token = section.read("sessionToken", .secretText)
            guard let id, let key else { return nil }
            return AWSCredentials(accessKeyID: id, secretAccessKey: key, sessionToken: token)
        }
    }
}

extension Reading where Value == AWSTLS {
    fileprivate static var awsTLS: Reading {
        section("a mapping such as { ca: ca.pem }") { section in
            var tls = AWSTLS()
            tls.caFile = section.read("ca", .path)
            tls.certificateFile = section.read("certificate", .path)
            tls.keyFile = section.read("key", .path)
            tls.checksServerName = section.read("verify", .boolean, default: tls.checksServerName)
            return tls
        }
    }
}

/// The action `publish` with `sqs`.
struct SQSPublishSettings: Sendable, Hashable {
    var options: SQSPublishOptions
    /// The group of each message.
    var group: Template?
    /// What FIFO queues know a message again by.
    var deduplication: Template?
    var delay: Duration?

    /// The action that this is.
    func action() throws(AWSError) -> any RunHandler {
        SQSPublishAction(try SQSPublisher(options)) { [group, deduplication, delay] _, event in
            let values = TemplateValues(event)
            return SQSMessageOptions(
                groupID: try group.map { try values.text($0, "the group") },
                deduplicationID: try deduplication.map { try values.text($0, "the deduplication id") }, delay: delay)
        }
    }
}

extension Reading where Value == SQSPublishSettings {
    static var sqsPublish: Reading {
        section("a mapping such as { queue: orders, region: eu-west-1 }") { section in
            let queue = section.require("queue", .string)
            var options = SQSPublishOptions(queue: queue ?? "orders", aws: section.aws())
            options.format = section.read("format", .choice, default: options.format)
            options.mostBytes = section.read("maximumMessage", .size(1024...1_048_576), default: options.mostBytes)
            let group = section.read("group", .template())
            let deduplication = section.read("deduplication", .template())
            let delay = section.read("delay", .duration())
            guard queue != nil else { return nil }
            return SQSPublishSettings(options: options, group: group, deduplication: deduplication, delay: delay)
        }
        .checked { try $0.action() }
    }
}
