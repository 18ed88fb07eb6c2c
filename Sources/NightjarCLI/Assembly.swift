import Nightjar
import NightjarAWS
import NightjarActions
import NightjarCore
import NightjarFiles
import NightjarHTTP
import NightjarRabbitMQ
import NightjarSQLite
import NightjarSchedule

/// Makes what the engine needs of a configuration. The one place where the file's settings meet the modules.
struct Assembly {
    /// What the file says.
    let configuration: Configuration
    /// Where the process counts.
    var metrics: MetricsRegistry?

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
                    handler: try settings.action())
            case .http(let settings):
                Job(
                    job.name, policy: job.policy, kind: "http",
                    handler: try settings.action())
            case .emit(let settings):
                Job(job.name, policy: job.policy, kind: "emit", handler: try settings.action())
            case .publish(let settings):
                Job(job.name, policy: job.policy, kind: "publish", handler: try settings.action())
            }
        }
    }

    /// The triggers, with their sources.
    func triggers() throws -> [Trigger] {
        try configuration.triggers.map { trigger in
            switch trigger.source {
            case .event(let filter):
                return Trigger(
                    trigger.name, kind: "event", origin: .bus(filter), start: trigger.jobs, delay: trigger.delay,
                    rules: trigger.rules, summary: filter.summary)
            case .http(let endpoint):
                return Trigger(
                    trigger.name, kind: "http", origin: .external, start: trigger.jobs, delay: trigger.delay,
                    rules: trigger.rules, summary: "\(endpoint.method) \(endpoint.path)")
            case .files(let options):
                return Trigger(
                    trigger.name, kind: "files", origin: .source(FilesSource(options)), start: trigger.jobs,
                    delay: trigger.delay, rules: trigger.rules, summary: options.path, identity: identity(of: options))
            case .schedule(let settings):
                return Trigger(
                    trigger.name, kind: settings.kind,
                    origin: .source(ScheduleSource(settings.schedule, settings.options)),
                    start: trigger.jobs, delay: trigger.delay, rules: trigger.rules, summary: settings.summary,
                    identity: "\(settings.schedule) \(settings.options)")
            case .rabbitmq(let settings):
                let source = try settings.source()
                return broker(trigger, "rabbitmq", source, source.summary, settings.options)
            case .kafka(let settings):
                return broker(trigger, "kafka", try settings.source(), settings.summary, settings.options)
            case .sqs(let settings):
                return broker(
                    trigger, "sqs", try SQSSource(settings.options), settings.options.queue, settings.options)
            }
        }
    }

    /// - Parameter options: what the source is restarted for, when it changes.
    private func broker(
        _ trigger: TriggerSettings, _ kind: String, _ source: any EventSource, _ summary: String,
        _ options: some Hashable & Sendable
    ) -> Trigger {
        var built = Trigger(
            trigger.name, kind: kind, origin: .source(source), start: trigger.jobs, delay: trigger.delay,
            rules: trigger.rules, summary: summary, identity: "\(kind) \(options)")
        built.delivery = trigger.delivery
        return built
    }

    /// Equal for equal options: a set of its own has no order.
    private func identity(of options: FilesOptions) -> String {
        var ordered = options
        ordered.on = []
        return "files \(ordered) \(options.on.map(\.rawValue).sorted())"
    }

    /// The endpoints of the `http` triggers.
    func endpoints() -> [HTTPEndpoint] {
        configuration.triggers.compactMap { trigger in
            guard case .http(let settings) = trigger.source else { return nil }
            var endpoint = HTTPEndpoint(trigger: trigger.name, path: settings.path, method: settings.method)
            endpoint.authentication =
                switch settings.auth {
                case .bearer(let secret): .bearer(secret.text)
                case .header(let name, let secret): .header(name: name, secret: secret.text)
                case nil: .none
                }
            endpoint.maximumBodyBytes = settings.maximumBodyBytes
            if let type = settings.type { endpoint.eventType = type }
            endpoint.hasOwnIDs = trigger.rules.id != nil
            return endpoint
        }
    }

    /// Where the HTTP server listens and what it takes; `nil` if it is off.
    func serverConfiguration() -> HTTPServerConfiguration? {
        guard let http = configuration.http else { return nil }
        return HTTPServerConfiguration(
            host: http.listen.host, port: http.listen.port,
            tokens: http.tokens.enumerated().map { APIToken(name: "token \($0 + 1)", secret: $1.text) },
            origins: http.origins, tls: http.tls.map { .init(certificateChain: $0.certificate, privateKey: $0.key) },
            maximumBodyBytes: http.limits.body, maximumHeaderBytes: http.limits.header,
            maximumBatchEvents: http.limits.batch, maximumConnections: http.limits.connections,
            requestTimeout: http.limits.request, idleTimeout: http.limits.idle, maximumWait: http.limits.wait,
            // No longer than the node itself may take to stop.
            windDown: min(.seconds(10), configuration.drain + configuration.node.grace), metrics: metrics)
    }

    /// How the node works.
    func runtimeConfiguration() -> RuntimeConfiguration {
        let node = configuration.node
        return RuntimeConfiguration(
            node: node.name ?? RuntimeConfiguration.randomNodeName(), concurrency: node.concurrency, lease: node.lease,
            drain: configuration.drain, grace: node.grace,
            retention: RetentionPolicy(
                runs: configuration.retention.runs, events: configuration.retention.events,
                unmatchedEvents: configuration.retention.unmatchedEvents),
            maximumEventBytes: node.maximumEventBytes, maximumEventsInFlight: node.maximumEventsInFlight)
    }
}
