import ArgumentParser
import Nightjar
import NightjarCore

/// `nightjar triggers`: looks at triggers, and pauses them.
struct TriggersCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "triggers", abstract: "List triggers; pause and resume them.",
        subcommands: [TriggersListCommand.self, TriggersPauseCommand.self, TriggersResumeCommand.self],
        defaultSubcommand: TriggersListCommand.self)
}

/// `nightjar triggers list`.
struct TriggersListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list", abstract: "List the configuration's triggers.",
        discussion: "How the sources of a running node fare is shown by its API, GET /v1/triggers.")

    @OptionGroup var workspace: WorkspaceOptions

    @Flag(help: "Answer in JSON.")
    var json = false

    func run() async throws {
        let workspace = try workspace.workspace()
        let triggers = try workspace.configured().triggers
        let pauses = try await workspace.standing().pauses
        if json {
            let answer = JSONShapes.list("triggers", triggers) { writer, trigger in
                let isPaused = pauses.contains(Pause(.trigger, trigger.name))
                JSONShapes.write(trigger, isPaused: isPaused, to: &writer)
            }
            return try StandardOutput.write(json: answer)
        }
        let style = TerminalStyle.standardOutput
        var table = Table("TRIGGER", "KIND", "STATE", "STARTS", "LISTENS TO")
        for trigger in triggers {
            let isPaused = pauses.contains(Pause(.trigger, trigger.name))
            table.add(
                Table.Cell(trigger.name), Table.Cell(trigger.kind), .paused(isPaused, style),
                Table.Cell(trigger.jobs.joined(separator: ", ")), Table.Cell(trigger.summary))
        }
        try StandardOutput.write(table.isEmpty ? "There are no triggers.\n" : table.rendered(style))
    }
}

/// `nightjar triggers pause`.
struct TriggersPauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Pause a trigger: its events still make runs, but none is done until it is resumed.")

    @OptionGroup var workspace: WorkspaceOptions

    @Argument(help: "The trigger.")
    var trigger: String

    func run() async throws { try await workspace.workspace().setPaused(Pause(.trigger, trigger), true) }
}

/// `nightjar triggers resume`.
struct TriggersResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "resume", abstract: "Resume a trigger that is paused.")

    @OptionGroup var workspace: WorkspaceOptions

    @Argument(help: "The trigger.")
    var trigger: String

    func run() async throws { try await workspace.workspace().setPaused(Pause(.trigger, trigger), false) }
}

extension Table.Cell {
    /// Whether something is paused.
    static func paused(_ isPaused: Bool, _ style: TerminalStyle) -> Table.Cell {
        isPaused ? Table.Cell("paused", paint: style.yellow) : Table.Cell("active", paint: style.green)
    }
}
