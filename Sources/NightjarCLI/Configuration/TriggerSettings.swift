import Expressions
import NightjarCore
import NightjarFiles

/// A trigger of the file.
struct TriggerSettings: Sendable {
    /// Where its events come from.
    enum Source: Sendable {
        /// Requests to an endpoint.
        case http(EndpointSettings)
        /// Files in a folder.
        case files(FilesOptions)
        /// Published events.
        case event(EventFilter)
        /// The clock.
        case schedule(ScheduleSettings)
        /// A queue of RabbitMQ.
        case rabbitmq(RabbitMQSettings)
        /// Topics of Kafka.
        case kafka(KafkaSettings)
        /// A queue of Amazon SQS.
        case sqs(SQSSettings)
    }

    /// The keys that say where a trigger's events come from.
    static let kinds = ["http", "files", "event", "cron", "every", "rabbitmq", "kafka", "sqs"]

    /// Its name.
    var name: String
    /// Where its events come from.
    var source: Source
    /// The jobs it starts.
    var jobs: [String]
    /// How long after the event.
    var delay: Duration
    /// How it decides and maps.
    var rules: TriggerRules

    /// When its events are acknowledged.
    var delivery: Delivery {
        switch source {
        case .rabbitmq(let settings): settings.delivery
        case .kafka(let settings): settings.delivery
        case .sqs(let settings): settings.delivery
        case .http, .files, .event, .schedule: .stored
        }
    }

    /// What keeps it from delivering as it is to.
    func contradiction(_ policies: [String: JobPolicy]) -> String? {
        delivery == .stored ? nil : Trigger.directContradiction(jobs, delay, rules, policies)
    }
}

extension Reading where Value == [TriggerSettings] {
    /// The section `triggers`.
    /// - Parameters:
    ///   - jobs: the names of the file's jobs.
    ///   - policies: how their runs are treated, as far as that could be read.
    ///   - isServing: the HTTP server is on.
    static func triggers(jobs: [String], policies: [String: JobPolicy], isServing: Bool) -> Reading {
        let all = NamedEntries.reading("trigger") { section, name, position -> (TriggerSettings, Position)? in
            section.refuse(LaterVersions.triggers)
            let source = section.source(at: position, isServing: isServing)
            let start = section.read("start", Reading<String>.job(among: jobs).oneOrMore())
            if !section.has("start") {
                section.context.report(
                    position,
                    "\(section.label) starts nothing; expected \"start\" with the name of a job, or a list of names")
            }
            let (rules, delay) = section.rules(publishes: section.has("event"))
            guard let source, let start else { return nil }
            return (TriggerSettings(name: name, source: source, jobs: start, delay: delay, rules: rules), position)
        }
        return Reading(all.expected) { node, label, context in
            guard let triggers = all.read(node, label, context) else { return nil }
            reportSharedEndpoints(triggers, context)
            for (trigger, position) in triggers {
                guard let contradiction = trigger.contradiction(policies) else { continue }
                context.report(position, "trigger \"\(trigger.name)\" \(contradiction)")
            }
            return triggers.map(\.0)
        }
    }

    private static func reportSharedEndpoints(_ triggers: [(TriggerSettings, Position)], _ context: ReadingContext) {
        var owners: [String: String] = [:]
        for (trigger, position) in triggers {
            guard case .http(let endpoint) = trigger.source else { continue }
            let route = "\(endpoint.method) \(endpoint.path)"
            if let owner = owners[route] {
                context.report(
                    position,
                    "trigger \"\(trigger.name)\" listens on \(route) as \"\(owner)\" does; expected another path, or one trigger that starts both jobs"
                )
            } else {
                owners[route] = trigger.name
            }
        }
    }
}

extension Section {
    /// Where the trigger's events come from: the one key among ``TriggerSettings/kinds``.
    fileprivate mutating func source(at position: Position, isServing: Bool) -> TriggerSettings.Source? {
        var sources: [TriggerSettings.Source] = []
        let kinds = TriggerSettings.kinds.filter { has($0) }
        if let endpoint = read("http", Reading<EndpointSettings>.endpoint) { sources.append(.http(endpoint)) }
        if let files = read("files", Reading<FilesOptions>.files) { sources.append(.files(files)) }
        if let filter = read("event", Reading<EventFilter>.eventFilter) { sources.append(.event(filter)) }
        if let schedule = read("cron", Reading<ScheduleSettings>.cron) { sources.append(.schedule(schedule)) }
        if let schedule = read("every", Reading<ScheduleSettings>.every) { sources.append(.schedule(schedule)) }
        if let queue = read("rabbitmq", Reading<RabbitMQSettings>.rabbitmq) { sources.append(.rabbitmq(queue)) }
        if let stream = read("kafka", Reading<KafkaSettings>.kafka) { sources.append(.kafka(stream)) }
        if let queue = read("sqs", Reading<SQSSettings>.sqs) { sources.append(.sqs(queue)) }
        if has("cron") || has("every"), let id = entry("id") {
            context.report(
                id.position,
                "\(label): a tick's time is its id, on every node; expected \"id\" with other kinds of triggers only"
            )
        }
        if kinds.contains("http"), !isServing {
            context.report(position, "\(label) needs the HTTP server, which is off; expected \"http\" not to be off")
        }
        guard kinds.count == 1 else {
            if kinds.count > 1 {
                let list = kinds.map { "\"\($0)\"" }.joined(separator: " and ")
                let second = entries.filter { kinds.contains($0.key) }.dropFirst().first?.position ?? position
                context.report(second, "\(label) has \(list); expected one of them")
            } else if !mayMean(oneOf: TriggerSettings.kinds, orLater: LaterVersions.triggers) {
                context.report(
                    position,
                    "\(label) listens to nothing; expected one of: \(TriggerSettings.kinds.joined(separator: ", "))")
            }
            return nil
        }
        return sources.first
    }
}

extension Reading where Value == String {
    /// The name of a job that the file has.
    static func job(among jobs: [String]) -> Reading {
        Reading("the name of a job") { node, label, context in
            guard let name = context.text(node, label, expected: "the name of a job") else { return nil }
            if jobs.contains(name) { return name }
            let hint = jobs.isEmpty ? "expected a job under \"jobs\"" : NearestName.hint(for: name, among: jobs)
            context.report(node.position, "\(label): there is no job \(node.shown); \(hint)")
            return nil
        }
    }
}

extension Reading where Value == EventFilter {
    /// The trigger `event`.
    static var eventFilter: Reading {
        section("a mapping such as { type: order.placed }") { section in
            let types = section.read("type", Reading<String>.string.oneOrMore(), default: [])
            let sources = section.read("source", Reading<String>.string.oneOrMore(), default: [])
            return EventFilter(types: types, sources: sources)
        }
    }
}
