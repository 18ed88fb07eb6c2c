import ArgumentParser
import CloudEvents
import Nightjar
import NightjarCore
import NightjarHTTP

/// `nightjar events`: looks at accepted events.
struct EventsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "events", abstract: "List the events that were accepted, or watch them come.",
        subcommands: [EventsTailCommand.self, EventsListCommand.self], defaultSubcommand: EventsListCommand.self)
}

/// `nightjar events list`.
struct EventsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the last events, in the order in which they were accepted.")

    @OptionGroup var workspace: WorkspaceOptions

    @Option(help: "At most so many, up to 1000.")
    var limit = 50

    @Flag(help: "Answer in JSON, one event in each line.")
    var json = false

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit is \(limit); expected 1 to 1000.") }
    }

    func run() async throws {
        let records = try await workspace.workspace().withStore { try await $0.events(after: nil, limit: limit) }
        if records.isEmpty, !json { try StandardOutput.write("There are no events yet.\n") }
        try EventLines.write(records, json: json)
    }
}

/// `nightjar events tail`.
struct EventsTailCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "tail", abstract: "Show the last events and, with --follow, those that come.",
        discussion: """
            With --from it shows what comes at a broker, live, whether or not a trigger listens there: \(BrokerTail.expected). \
            Kafka's topics, RabbitMQ's streams and exchanges are not disturbed by that. Messages of RabbitMQ's queues and of SQS \
            cannot be shown without being taken out for a while: that needs --disturb.
            """)

    @OptionGroup var workspace: WorkspaceOptions

    @Option(name: [.customShort("n"), .long], help: "Begin with so many, up to 1000.")
    var limit = 10

    @Option(help: ArgumentHelp("Show what comes at a broker, until interrupted.", valueName: "url"))
    var from: String?

    @Flag(help: "With --from: messages may be taken out of their queue for being shown, and put back.")
    var disturb = false

    @Option(help: "With --from: end after so many events.")
    var count: Int?

    @Flag(name: [.short, .long], help: "Go on until interrupted.")
    var follow = false

    @Flag(help: "Answer in JSON, one event in each line.")
    var json = false

    func validate() throws {
        guard (0...1000).contains(limit) else { throw ValidationError("--limit is \(limit); expected 0 to 1000.") }
        guard count ?? 1 > 0 else { throw ValidationError("--count is \(count ?? 0); expected at least 1.") }
        guard from != nil || !disturb && count == nil else {
            throw ValidationError("--disturb and --count go with --from.")
        }
    }

    func run() async throws {
        if let from {
            return try await BrokerTail(url: from, mayDisturb: disturb, count: count, json: json).run()
        }
        try await workspace.workspace().withStore { try await tail($0) }
    }

    private func tail(_ store: any RunStore) async throws {
        // Listening begins before the first look, so that no event falls between the two.
        let changes = store.externalChanges()
        let last = try await store.events(after: nil, limit: max(1, limit))
        var sequence = last.last?.sequence ?? 0
        if limit > 0 { try EventLines.write(last, json: json) }
        if follow {
            for await _ in changes {
                while case let records = try await store.events(after: sequence, limit: 500), let newest = records.last
                {
                    try EventLines.write(records, json: json)
                    sequence = newest.sequence
                }
            }
        }
    }
}

/// Events, a line for each.
enum EventLines {
    /// Writes the lines.
    static func write(_ records: [EventRecord], json: Bool) throws {
        let style = TerminalStyle.standardOutput
        var text = ""
        for record in records {
            if json {
                text += String(decoding: JSONShapes.text { $0.record(record) }, as: UTF8.self) + "\n"
            } else {
                let jobs = record.decisions.filter { $0.outcome == .started }.compactMap(\.job)
                let outcome = jobs.isEmpty ? style.dim("no run") : style.green(jobs.joined(separator: ", "))
                text += style.dim(record.acceptedAt.rfc3339) + "  \(Printable.line(record.event.type))  "
                text +=
                    "\(Printable.line(record.event.id))  \(style.dim(Printable.line(record.event.source)))  → \(outcome)\n"
            }
        }
        try StandardOutput.write(text)
    }
}
