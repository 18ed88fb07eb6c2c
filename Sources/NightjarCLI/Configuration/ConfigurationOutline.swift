import Foundation
import NightjarCore

/// What commands beside a running node need of a configuration file: the store, and the names and policies of jobs and
/// triggers. Secrets and actions are not read, so that a shell need not have the node's environment.
struct ConfigurationOutline: Sendable {
    /// A job's name, kind and policy.
    struct JobOutline: Sendable {
        var name: String
        var kind: String
        var policy: JobPolicy
    }

    /// A trigger's name, kind and what it starts.
    struct TriggerOutline: Sendable {
        var name: String
        var kind: String
        /// What an `event` trigger wants; `nil` for other kinds.
        var filter: EventFilter?
        var jobs: [String]
        var delay: Duration
        var rules: TriggerRules
        var summary: String
    }

    /// Where events and runs live.
    var store: StoreLocation
    /// The largest data of an event, in bytes.
    var maximumEventBytes: Int
    /// The jobs, in the order of the file.
    var jobs: [JobOutline]
    /// The triggers, in the order of the file.
    var triggers: [TriggerOutline]

    /// Reads a file.
    /// - Parameters:
    ///   - file: the file.
    ///   - hasRules: whether the triggers' expressions are read, which may ask for more of the environment.
    ///   - environment: the value of a variable.
    /// - Throws: ``ConfigurationError`` with the mistakes in what is read of it.
    static func load(
        _ file: String, hasRules: Bool = true,
        environment: @escaping (String) -> String? = { ProcessInfo.processInfo.environment[$0] }
    ) throws(ConfigurationError) -> ConfigurationOutline {
        let text = try ConfigurationText(contentsOf: file)
        return try ConfigurationFile.read(
            text, Reading<ConfigurationOutline>.outline(hasRules: hasRules), environment: environment)
    }
}

extension Reading where Value == ConfigurationOutline {
    fileprivate static func outline(hasRules: Bool) -> Reading {
        Reading("a mapping with \"jobs\" and \"triggers\"") { node, label, context in
            guard
                var section = Section(
                    node, label, expected: "a mapping with \"jobs\" and \"triggers\"", context: context)
            else { return nil }
            let store = section.read("store", .store)
            let jobs = NamedEntries.each(section.entry("jobs")?.value, context) { section, name in
                let policy = section.policy()
                section.finish(sparing: JobSettings.kinds)
                return ConfigurationOutline.JobOutline(
                    name: name, kind: JobSettings.kinds.first { section.has($0) } ?? "unknown", policy: policy)
            }
            let names = jobs.map(\.name)
            let triggers = NamedEntries.each(section.entry("triggers")?.value, context) { section, name in
                let kind = TriggerSettings.kinds.first { section.has($0) } ?? "unknown"
                let filter = section.read("event", .eventFilter)
                let (rules, delay) =
                    hasRules ? section.rules(publishes: section.has("event")) : (TriggerRules(), section.fixedDelay)
                let starts = section.read("start", Reading<String>.job(among: names).oneOrMore(), default: [])
                // A rule that is misspelt must not be one that is left out: whoever decides by the file would start more.
                if hasRules { section.finish(sparing: TriggerSettings.kinds) }
                return ConfigurationOutline.TriggerOutline(
                    name: name, kind: kind, filter: filter, jobs: starts,
                    delay: delay, rules: rules,
                    summary: filter?.summary ?? section.entry(kind).map(summary) ?? "")
            }
            var node = section.entry("node").flatMap {
                Section($0.value, "node", expected: "a mapping", context: context)
            }
            let maximum = node?.read("maximumEvent", .size(1...(256 << 20)))
            return ConfigurationOutline(
                store: store ?? .sqlite(path: context.absolutePath("nightjar.db")),
                maximumEventBytes: maximum ?? NodeSettings().maximumEventBytes, jobs: jobs, triggers: triggers)
        }
    }

    /// What a trigger listens to, as the file has it: a path, times, a queue, a topic.
    private static func summary(_ entry: DocumentNode.Entry) -> String {
        let telling =
            [
                "cron": "at", "every": "interval", "rabbitmq": "queue", "kafka": "topic", "sqs": "queue",
            ][entry.key] ?? "path"
        let text =
            switch entry.value.content {
            case .map(let entries): entries.first { $0.key == telling }?.value.text ?? ""
            case .scalar: telling == "path" ? "" : entry.value.text ?? ""
            case .list: ""
            }
        return entry.key == "every" ? "every \(text)" : text
    }
}

extension EventFilter {
    /// What the filter wants, for people: `order.* from /shop`.
    var summary: String {
        let types = types.isEmpty ? "every event" : types.joined(separator: ", ")
        return sources.isEmpty ? types : "\(types) from \(sources.joined(separator: ", "))"
    }
}
