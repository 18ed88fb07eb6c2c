import ArgumentParser
import CloudEvents
import Nightjar
import NightjarCore
import NightjarHTTP

/// `nightjar jobs`: looks at jobs, and pauses them.
struct JobsCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "jobs", abstract: "List jobs; pause and resume them.",
        subcommands: [JobsListCommand.self, JobsPauseCommand.self, JobsResumeCommand.self],
        defaultSubcommand: JobsListCommand.self)
}

/// `nightjar jobs list`.
struct JobsListCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "list",
        abstract: "List the configuration's jobs, and how many of their runs wait, run and are dead.")

    @OptionGroup var workspace: WorkspaceOptions

    @Flag(help: "Answer in JSON.")
    var json = false

    func run() async throws {
        let workspace = try workspace.workspace()
        let jobs = try workspace.configured().jobs
        let (pauses, counts) = try await workspace.standing()
        let statuses = jobs.map { job in
            JobStatus(
                name: job.name, kind: job.kind, policy: job.policy, isPaused: pauses.contains(Pause(.job, job.name)),
                pausedKeys: pauses.keys(ofJob: job.name),
                running: counts[job.name]?[.running] ?? 0, counts: counts[job.name] ?? [:])
        }
        if json { return try StandardOutput.write(json: JSONShapes.list("jobs", statuses) { $0.job($1) }) }
        let style = TerminalStyle.standardOutput
        let deadPaint = { (count: Int) in count > 0 ? style.red : style.none }
        var table = Table("JOB", "KIND", "STATE", "WAITING", "RUNNING", "DEAD", "ATTEMPTS", "TIMEOUT")
        for job in statuses {
            let waiting = job.counts.filter { $0.key.isWaiting }.values.reduce(0, +)
            let dead = job.counts[.dead] ?? 0
            let timeout = job.policy.timeout.map { DurationText.text($0) } ?? "-"
            table.add(
                Table.Cell(job.name), Table.Cell(job.kind), Table.Cell.paused(job, style),
                Table.Cell("\(waiting)"), Table.Cell("\(job.running)"), Table.Cell("\(dead)", paint: deadPaint(dead)),
                Table.Cell("\(job.policy.retry.attempts)"), Table.Cell(timeout))
        }
        try StandardOutput.write(table.isEmpty ? "There are no jobs.\n" : table.rendered(style))
    }
}

extension Table.Cell {
    /// Whether a job is paused, or how many of its keys are.
    fileprivate static func paused(_ job: JobStatus, _ style: TerminalStyle) -> Table.Cell {
        let count = job.pausedKeys.count
        if job.isPaused || count == 0 { return paused(job.isPaused, style) }
        return Table.Cell(count == 1 ? "1 key paused" : "\(count) keys paused", paint: style.yellow)
    }
}

/// `nightjar jobs pause`.
struct JobsPauseCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "pause",
        abstract: "Pause a job, or one key of it: its runs wait until it is resumed. What runs goes on.")

    @OptionGroup var workspace: WorkspaceOptions

    @Argument(help: "The job.")
    var job: String

    @Option(help: "Pause only the runs that have this key.")
    var key: String?

    func run() async throws {
        try await workspace.workspace().setPaused(key.map { Pause(key: $0, ofJob: job) } ?? Pause(.job, job), true)
    }
}

/// `nightjar jobs resume`.
struct JobsResumeCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "resume", abstract: "Resume a job, or a key of it, that is paused.")

    @OptionGroup var workspace: WorkspaceOptions

    @Argument(help: "The job.")
    var job: String

    @Option(help: "Resume the runs that have this key.")
    var key: String?

    func run() async throws {
        try await workspace.workspace().setPaused(key.map { Pause(key: $0, ofJob: job) } ?? Pause(.job, job), false)
    }
}
