import ArgumentParser
import CloudEvents
import Nightjar
import NightjarCore
import NightjarHTTP

/// `nightjar runs retry`.
struct RunsRetryCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "retry",
        abstract: "Try runs again now: dead and cancelled ones begin anew, waiting ones go at once.",
        discussion: """
            With --input, one run gets another input in the same step: a JSON text, a file that holds one, or - for \
            standard input. Its event stays what it was, and the run shows that its input was edited.
            """)

    @OptionGroup var selection: RunSelectionOptions

    @Option(
        help: ArgumentHelp("Give the run another input: JSON, a file that holds it, or -.", valueName: "json|file|-"),
        completion: .file())
    var input: String?

    func validate() throws {
        guard input != nil else { return }
        guard !selection.all, selection.ids.count == 1, !selection.dryRun else {
            throw ValidationError("--input is for one run; expected its id, and neither --all nor --dry-run.")
        }
    }

    func run() async throws {
        guard let input, let id = selection.ids.first else { return try await selection.change(.retry) }
        let workspace = try selection.workspace.workspace()
        let bytes = try Self.bytes(of: input, atMost: workspace.outline?.maximumEventBytes ?? 1 << 20)
        let change = try await workspace.withStore { store in
            try await workspace.runtime(on: store).retry(id, input: bytes)
        }
        try selection.tell([change])
    }

    /// The JSON itself, or what a file or standard input holds.
    static func bytes(of input: String, atMost limit: Int) throws -> [UInt8] {
        if input != "-", JSONText.isValid(Array(input.utf8)) { return Array(input.utf8) }
        let first = input.utf8.first { !" \t\r\n".utf8.contains($0) }
        if let first, "{[\"".utf8.contains(first) {
            do { try JSONText.validate(Array(input.utf8)) } catch {
                throw CommandFailure("the input is no JSON: \(error)")
            }
        }
        let bytes = try EventInput.contents(of: input, atMost: limit)
        do { try JSONText.validate(bytes) } catch {
            throw CommandFailure("\(input == "-" ? "standard input" : input) holds no JSON: \(error)")
        }
        return bytes
    }
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

    @Option(help: "With --all: at most so many, oldest first (else all that fit).")
    var limit: Int?

    @Flag(help: "With --all: change nothing, and say how many would be.")
    var dryRun = false

    @Flag(help: "Answer in JSON.")
    var json = false

    func validate() throws {
        if all, !ids.isEmpty { throw ValidationError("Both ids and --all are given; expected one.") }
        if !all, ids.isEmpty { throw ValidationError("Missing expected ids of runs, or --all.") }
        if !all, !filter.isEmpty { throw ValidationError("A filter is given without --all; expected both.") }
        if let limit, limit < 1 { throw ValidationError("--limit is \(limit); expected 1 or more.") }
        if dryRun, !all { throw ValidationError("--dry-run is given without --all; expected both.") }
    }

    /// Does `command` and tells what it did.
    func change(_ command: RunCommand) async throws {
        let workspace = try workspace.workspace()
        guard all else {
            let changes = try await workspace.withStore {
                try await $0.change(command, .ids(ids), now: SystemTimeSource().now, limit: ids.count)
            }
            return try tell(changes)
        }
        filter.noteMissing(in: workspace.outline)
        let bulk = BulkChange(command: command, filter: filter.filter, limit: limit, isJSON: json)
        try await workspace.withStore { store in
            if dryRun { try await bulk.dryRun(store) } else { try await bulk.run(store) }
        }
    }

    /// Tells what was done to runs that were named.
    func tell(_ changes: [RunChange]) throws {
        if json {
            try StandardOutput.write(json: JSONShapes.list("runs", changes) { $0.change($1) })
        } else {
            try StandardOutput.write(RunChangeTable.text(changes, style: .standardOutput))
        }
        let isUnchanged = changes.contains { change in
            switch change.outcome {
            case .notFound, .notApplicable: true
            case .changed, .cancelRequested: false
            }
        }
        if isUnchanged { throw ExitCode.failure }
    }
}

/// What a command did to runs, for people.
enum RunChangeTable {
    /// A row for each run.
    static func text(_ changes: [RunChange], style: TerminalStyle) -> String {
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
