import Nightjar
import NightjarActions
import NightjarCore
import NightjarFiles
import NightjarSQLite

/// Makes what the engine needs of a configuration. The one place where the file's settings meet the modules.
struct Assembly {
    /// What the file says.
    let configuration: Configuration

    /// The store.
    func store() throws -> SQLiteStore {
        switch configuration.store {
        case .sqlite(let path): try SQLiteStore(path: path)
        }
    }

    /// The jobs, with their handlers.
    func jobs() throws -> [Job] {
        try configuration.jobs.map { job in
            switch job.action {
            case .command(let settings):
                Job(
                    job.name, policy: job.policy, kind: "command",
                    handler: try CommandAction(settings.arguments, options: settings.options))
            case .http(let settings):
                Job(
                    job.name, policy: job.policy, kind: "http",
                    handler: try HTTPAction(settings.url, options: settings.options))
            case .emit(let settings):
                Job(job.name, policy: job.policy, kind: "emit", handler: try settings.action())
            }
        }
    }

    /// The triggers, with their sources.
    func triggers() -> [Trigger] {
        configuration.triggers.map { trigger in
            switch trigger.source {
            case .event(let filter):
                Trigger(
                    trigger.name, kind: "event", origin: .bus(filter), start: trigger.jobs, delay: trigger.delay,
                    summary: filter.summary)
            case .http(let endpoint):
                Trigger(
                    trigger.name, kind: "http", origin: .external, start: trigger.jobs, delay: trigger.delay,
                    summary: "\(endpoint.method) \(endpoint.path)")
            case .files(let options):
                Trigger(
                    trigger.name, kind: "files", origin: .source(FilesSource(options)), start: trigger.jobs,
                    delay: trigger.delay, summary: options.path, identity: identity(of: options))
            }
        }
    }

    /// Equal for equal options: a set of its own has no order.
    private func identity(of options: FilesOptions) -> String {
        var ordered = options
        ordered.on = []
        return "files \(ordered) \(options.on.map(\.rawValue).sorted())"
    }

    /// How the node works.
    func runtimeConfiguration() -> RuntimeConfiguration {
        let node = configuration.node
        return RuntimeConfiguration(
            node: node.name ?? RuntimeConfiguration.randomNodeName(), concurrency: node.concurrency, lease: node.lease,
            drain: configuration.drain, grace: node.grace,
            retention: RetentionPolicy(runs: configuration.retention.runs, events: configuration.retention.events),
            maximumEventBytes: node.maximumEventBytes, maximumEventsInFlight: node.maximumEventsInFlight)
    }
}
