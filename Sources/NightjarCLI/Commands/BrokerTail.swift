import CloudEvents
import Foundation
import NightjarAWS
import NightjarKafka
import NightjarRabbitMQ
import UnixSignals

/// What `nightjar events tail --from` shows: a broker's stream, live.
struct BrokerTail: Sendable {
    /// What may be named.
    static let expected =
        "rabbitmq://user:password@host/vhost/queue, rabbitmq://host/vhost?exchange=NAME, kafka://host:9092/topic or sqs://QUEUE?region=eu-west-1"

    let url: String
    /// Whether messages may be taken out for being shown, and put back.
    let mayDisturb: Bool
    /// Ends after so many.
    let count: Int?
    let json: Bool

    /// Shows events until there were enough, or a signal ends it; then what was taken out is put back.
    func run() async throws {
        let events = try await events()
        let signals = await UnixSignalsSequence(trapping: .sigint, .sigterm)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { for await _ in signals { return } }
            group.addTask { try await show(events) }
            try await group.next()
            group.cancelAll()
            do { try await group.waitForAll() } catch is CancellationError {}
        }
    }

    private func show(_ events: AsyncThrowingStream<Event, any Error>) async throws {
        var left = count ?? .max
        for try await event in events {
            try StandardOutput.write(json ? Self.json(event) : Self.line(event))
            left -= 1
            if left == 0 { return }
        }
    }

    private func events() async throws -> AsyncThrowingStream<Event, any Error> {
        switch url.prefix(while: { $0 != ":" }).lowercased() {
        case "rabbitmq", "rabbitmqs", "amqp", "amqps":
            let options = try RabbitMQTailOptions(url, disturbing: mayDisturb)
            do { return try await RabbitMQTail.events(options) } catch let error as RabbitMQError {
                guard error.code == .invalidOptions, !mayDisturb else { throw error }
                throw CommandFailure("\(error.message): --disturb")
            }
        case "kafka":
            let (cluster, topics) = try Self.kafka(url)
            return cluster.tail(topics: topics)
        case "sqs":
            let options = try Self.sqs(url)
            do { return try SQSSource.tail(options, disturbing: mayDisturb) } catch {
                guard error.code == .configuration, !mayDisturb else { throw error }
                throw CommandFailure("\(error.message): --disturb")
            }
        default:
            // What stands behind it may hold a password.
            let scheme = url.contains(":") ? String(url.prefix { $0 != ":" }.prefix(20)) : ""
            throw CommandFailure("--from begins with \"\(Printable.line(scheme))\"; expected \(Self.expected)")
        }
    }

    /// `kafka://host:9092,other:9092/topic`; what stands after a `?` are properties of librdkafka.
    static func kafka(_ url: String) throws -> (KafkaCluster, topics: [String]) {
        let parts = url.dropFirst("kafka://".count).split(separator: "?", maxSplits: 1)
        let places = parts.first?.split(separator: "/") ?? []
        guard url.hasPrefix("kafka://"), places.count == 2 else {
            throw CommandFailure(
                "--from names no topic; expected kafka://host:9092/topic, with several brokers or topics separated by commas"
            )
        }
        var cluster = KafkaCluster(brokers: String(places[0]))
        let query = parts.count > 1 ? URLComponents(string: "?" + parts[1])?.queryItems ?? [] : []
        for item in query { cluster.properties[item.name] = item.value ?? "" }
        return (cluster, places[1].split(separator: ",").map(String.init))
    }

    /// `sqs://QUEUE`, or a queue's URL with `sqs` for `https`; `region`, `endpoint` and `profile` may follow a `?`.
    static func sqs(_ url: String) throws -> SQSOptions {
        let parts = url.dropFirst("sqs://".count).split(separator: "?", maxSplits: 1)
        guard url.hasPrefix("sqs://"), let place = parts.first else {
            throw CommandFailure("--from names no queue; expected sqs://QUEUE?region=eu-west-1")
        }
        var options = SQSOptions(queue: place.contains("/") ? "https://\(place)" : String(place))
        let query = parts.count > 1 ? URLComponents(string: "?" + parts[1])?.queryItems ?? [] : []
        for item in query {
            switch item.name {
            case "region": options.aws.region = item.value
            case "endpoint": options.aws.endpoint = item.value
            case "profile": options.aws.profile = item.value
            default:
                throw CommandFailure(
                    "--from has \"\(Printable.line(item.name))\"; expected region, endpoint or profile after the \"?\"")
            }
        }
        return options
    }

    private static func json(_ event: Event) -> String {
        String(decoding: JSONEventFormat.encode(event), as: UTF8.self) + "\n"
    }

    private static func line(_ event: Event) -> String {
        let style = TerminalStyle.standardOutput
        let data = event.data.map { Printable.line(String(decoding: $0.prefix(200), as: UTF8.self)) } ?? ""
        let time = event.time.map { style.dim($0.rfc3339) + "  " } ?? ""
        return "\(time)\(Printable.line(event.type))  \(Printable.line(event.id))  \(data)\n"
    }
}
