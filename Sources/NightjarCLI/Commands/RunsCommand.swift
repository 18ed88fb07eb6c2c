import ArgumentParser
import CloudEvents
import Nightjar
import NightjarCore
import NightjarHTTP

/// `nightjar runs`: looks at runs and changes them.
struct RunsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "runs", abstract: "List and show runs; retry, cancel and discard them.",
        subcommands: [
            RunsListCommand.self, RunsShowCommand.self, RunsRetryCommand.self, RunsCancelCommand.self,
            RunsDiscardCommand.self,
        ], defaultSubcommand: RunsListCommand.self)
}

/// `nightjar runs list`.
struct RunsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(commandName: "list", abstract: "List runs, newest first.")

    @OptionGroup var workspace: WorkspaceOptions
    @OptionGroup var filter: RunFilterOptions

    @Option(help: "At most so many, up to 1000.")
    var limit = 50

    @Option(
        help: ArgumentHelp("Only runs older than this one: the next page.", valueName: "run"), transform: parseRunID)
    var before: RunID?

    @Flag(help: "Answer in JSON.")
    var json = false

    func validate() throws {
        guard (1...1000).contains(limit) else { throw ValidationError("--limit is \(limit); expected 1 to 1000.") }
    }

    func run() async throws {
        let query = RunQuery(filter.filter, before: before, limit: limit)
        let workspace = try workspace.workspace()
        filter.noteMissing(in: workspace.outline)
        let page = try await workspace.withStore { try await $0.runs(query) }
        try StandardOutput.write(page, json: json, now: SystemTimeSource().now, isFiltered: !filter.isEmpty)
    }
}

/// `nightjar runs show`.
struct RunsShowCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "show", abstract: "Show everything that is known of a run.")

    @OptionGroup var workspace: WorkspaceOptions

    @Argument(help: "The run.", transform: parseRunID)
    var id: RunID

    @Flag(help: "Answer in JSON.")
    var json = false

    func run() async throws {
        let workspace = try workspace.workspace()
        let now = SystemTimeSource().now
        let found = try await workspace.withStore { store -> (run: Run, wait: RunWait?)? in
            guard let run = try await store.run(id) else { return nil }
            return (run, try await RunWait.of(run, in: store, jobs: workspace.outline?.jobs, now: now))
        }
        guard let (run, wait) = found else { throw CommandFailure("there is no run \(id)") }
        if json {
            try StandardOutput.write(json: JSONShapes.text { $0.run(run, waitsFor: wait) })
        } else {
            try StandardOutput.write(RunDetails.text(run, waitsFor: wait, now: now, style: .standardOutput))
        }
    }
}

extension StandardOutput {
    /// Writes a page of runs.
    fileprivate static func write(_ page: RunPage, json: Bool, now: Timestamp, isFiltered: Bool) throws {
        if json { return try write(json: JSONShapes.text { $0.page(page) }) }
        let style = TerminalStyle.standardOutput
        guard !page.runs.isEmpty else {
            return try write(isFiltered ? "No runs fit.\n" : "There are no runs yet.\n")
        }
        try write(RunTable.text(page.runs, now: now, style: style))
        if let next = page.next { try write(style.dim("more: --before \(next)") + "\n") }
    }
}

/// Runs as a table, for people.
enum RunTable {
    /// The table.
    static func text(_ runs: [Run], now: Timestamp, style: TerminalStyle) -> String {
        var table = Table("RUN", "JOB", "STATE", "TRIGGER", "CREATED", "TRY", "NOTE")
        for run in runs {
            table.add(
                Table.Cell("\(run.id)"), Table.Cell(run.job),
                Table.Cell("\(run.state)", paint: style.painter(of: run.state)),
                Table.Cell(run.trigger ?? "-"), Table.Cell(RelativeTime.text(run.createdAt, from: now)),
                Table.Cell("\(run.attempts.last?.number ?? 0)"), Table.Cell(note(on: run, now: now)))
        }
        return table.rendered(style)
    }

    private static func note(on run: Run, now: Timestamp) -> String {
        switch run.state {
        case .scheduled: "starts \(RelativeTime.text(run.runAt, from: now))"
        case .retryable: "again \(RelativeTime.text(run.runAt, from: now)): \(run.reason ?? "")"
        case .running:
            run.progress.map { "\(Int(($0.fraction * 100).rounded()))% \($0.text ?? "")" }
                ?? (run.isCancelRequested ? "to be cancelled" : "")
        case .completed:
            run.attempts.last.flatMap { attempt in
                attempt.endedAt.map { "took \(RelativeTime.span($0 - attempt.startedAt))" }
            } ?? ""
        case .available, .dead, .cancelled: run.reason ?? ""
        }
    }
}
