import NightjarAWS
import NightjarActions
import NightjarFiles
import NightjarKafka
import NightjarRabbitMQ

/// What `nightjar run` shows on a terminal when it starts.
enum Banner {
    /// The text, of several lines.
    static func text(_ configuration: Configuration, node: String, style: TerminalStyle) -> String {
        var text = style.bold("nightjar \(NightjarCommand.version)") + style.dim("  node \(node)") + "\n"
        func line(_ label: String, _ value: String) {
            text += style.dim(label.padding(to: 15)) + Printable.line(value) + "\n"
        }
        line("  configuration", " \(configuration.file)")
        line("  store", " \(configuration.store)")
        if let http = configuration.http {
            line(
                "  http",
                " \(http.tls == nil ? "http" : "https")://\(http.listen)\(http.tokens.isEmpty ? "" : ", with tokens")")
        } else {
            line("  http", " off")
        }
        for (index, trigger) in configuration.triggers.enumerated() {
            line(
                index == 0 ? "  triggers" : "",
                " \(trigger.name): \(summary(trigger)) → \(trigger.jobs.joined(separator: ", "))")
        }
        for (index, job) in configuration.jobs.enumerated() {
            line(index == 0 ? "  jobs" : "", " \(job.name): \(summary(job))")
        }
        return text + "\n"
    }

    private static func summary(_ trigger: TriggerSettings) -> String {
        switch trigger.source {
        case .http(let endpoint): "\(endpoint.method) \(endpoint.path)"
        case .files(let options): "files in \(options.path)"
        case .event(let filter): filter.summary
        case .schedule(let settings): settings.summary
        case .rabbitmq(let settings): "queue \(settings.options.queue) of RabbitMQ"
        case .kafka(let settings): "\(settings.options.topics.joined(separator: ", ")) of Kafka"
        case .sqs(let settings): "queue \(settings.options.queue) of SQS"
        }
    }

    private static func summary(_ job: JobSettings) -> String {
        // Arguments and URLs may hold secrets: the program's and the host's name say enough.
        switch job.action {
        case .command(let settings): "command \(settings.program)"
        case .http(let settings): "http \(settings.options.method)"
        case .emit(let settings): "emit \(settings.type)"
        case .publish(let settings): "publish to \(settings.summary)"
        }
    }
}
