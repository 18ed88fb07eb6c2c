import ArgumentParser
import CloudEvents
import Nightjar
import NightjarCore
import NightjarHTTP

/// `nightjar runs retry`.
struct RunsRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Try runs again now: dead and cancelled ones begin anew, waiting ones go at once.")

    @OptionGroup var selection: RunSelectionOptions

    func run() async throws { try await selection.change(.retry) }
}

/// `nightjar runs cancel`.
struct RunsCancelCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "cancel", abstract: "Cancel waiting runs, and ask running ones to stop.")

    @OptionGroup var selection: RunSelectionOptions

    func run() async throws { try await selection.change(.cancel) }
}

/// `nightjar runs discard`.
struct RunsDiscardCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "discard", abstract: "Give up dead runs: they become cancelled, and are removed in time.")

    @OptionGroup var selection: RunSelectionOptions

    func run() async throws { try await selection.change(.discard) }
}

/// Which runs to change: some by id, or all that fit.
struct RunSelectionOptions: ParsableArguments {
    @OptionGroup var workspace: WorkspaceOptions

    @Argument(help: "The runs.", transform: parseRunID)
    var ids: [RunID] = []

    @Flag(help: "All runs that fit the options below.")
    var all = false

    @OptionGroup var filter: RunFilterOptions

    @Option(help: "With --all: at most so many, oldest first.")
    var limit = 1000

    @Flag(help: "Answer in JSON.")
    var json = false

    func validate() throws {
        if all, !ids.isEmpty { throw ValidationError("Both ids and --all are given; expected one.") }
        if !all, ids.isEmpty { throw ValidationError("Missing expected ids of runs, or --all.") }
        if !all, !filter.isEmpty { throw ValidationError("A filter is given without --all; expected both.") }
        guard (1...100_000).contains(limit) else { throw ValidationError("--limit is \(limit); expected 1 to 100000.") }
    }

    /// Does `command` and tells what it did.
    func change(_ command: RunCommand) async throws {
        let selection: RunSelection = all ? .filter(filter.filter) : .ids(ids)
        let limit = all ? limit : ids.count
        let changes = try await workspace.workspace().withStore {
            try await $0.change(command, selection, now: SystemTimeSource().now, limit: limit)
        }
        if json {
            try StandardOutput.write(json: JSONShapes.list("runs", changes) { $0.change($1) })
        } else {
            try StandardOutput.write(text(changes, style: .standardOutput))
        }
        let isMissing = changes.contains { change in
            switch change.outcome {
            case .notFound: true
            case .notApplicable: !all
            case .changed, .cancelRequested: false
            }
        }
        if isMissing { throw ExitCode.failure }
    }

    private func text(_ changes: [RunChange], style: TerminalStyle) -> String {
        guard !changes.isEmpty else { return "No runs fit.\n" }
        var table = Table("RUN", "JOB", "OUTCOME")
        for change in changes {
            let outcome: Table.Cell =
                switch change.outcome {
                case .changed(let state): Table.Cell("\(state)", paint: style.painter(of: state))
                case .cancelRequested: Table.Cell("asked to stop", paint: style.yellow)
                case .notApplicable(let state): Table.Cell("unchanged: it is \(state)", paint: style.yellow)
                case .notFound: Table.Cell("there is no such run", paint: style.red)
                }
            table.add(Table.Cell("\(change.id)"), Table.Cell(change.job ?? "-"), outcome)
        }
        return table.rendered(style)
    }
}
