import ArgumentParser
import CloudEvents
import Foundation
import Nightjar
import NightjarCore
import NightjarHTTP

/// `nightjar start`: starts a job by hand.
struct StartCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "start", abstract: "Start a job by hand, with or without input.",
        discussion: """
            The run is durable when the command exits; a running node does it. With --wait it exits with 0 when the run \
            completed, 1 when it is dead or cancelled, and 75 when the time passed before.
            """)

    @OptionGroup var workspace: WorkspaceOptions

    @Argument(help: "The job.")
    var job: String

    @OptionGroup var input: EventInput

    @Option(help: ArgumentHelp("Not before so long from now: 10m.", valueName: "duration"), transform: parseDuration)
    var delay: Duration?

    @Option(help: ArgumentHelp("Not before this time, as in RFC 3339.", valueName: "time"), transform: parseTime)
    var runAt: Timestamp?

    @Option(help: ArgumentHelp("Starts with the same key make one run.", valueName: "key"))
    var idempotencyKey: String?

    @Option(
        help: ArgumentHelp("Wait so long for the run to finish: 30s.", valueName: "duration"), transform: parseDuration)
    var wait: Duration?

    @Flag(help: "Answer with the run in JSON.")
    var json = false

    func validate() throws {
        if delay != nil, runAt != nil { throw ValidationError("Both --delay and --run-at are given; expected one.") }
    }

    func run() async throws {
        let workspace = try workspace.workspace(hasRules: true)
        let (data, contentType) = try input.read(atMost: workspace.outline?.maximumEventBytes ?? 1 << 20)
        if JSONText.isJSONContentType(contentType), let data {
            do { try JSONText.validate(data) } catch {
                throw CommandFailure("the content type says JSON, but the data is none: \(error)")
            }
        }
        try workspace.outline?.check(.job, job)
        let time = SystemTimeSource()
        let now = time.now
        // As the API's own starts, so that a key means the same here and there.
        let event = Event(
            id: idempotencyKey ?? UUID().uuidString.lowercased(), source: "/v1/jobs/\(job)",
            type: "nightjar.job.start",
            time: now, dataContentType: contentType, data: data)
        let incoming = IncomingEvent(event, to: .job(job, runAt: runAt ?? delay.map { now + $0 }))
        let run = try await workspace.withNewStore { store in
            let answers = try await workspace.intake(into: store).accept([incoming])
            guard let answer = answers.first, let id = answer.runs.first else {
                throw CommandFailure("the start made no run")
            }
            var run = try await store.run(id)
            // Not the run's own event: it may have joined a run, or found one that stands for it.
            if answer.outcome == .duplicate,
                let known = try await store.events(id: event.id, source: event.source).first,
                known.event.data != event.data
            {
                throw CommandFailure(
                    "the idempotency key was used with other data before; expected the same, or another key")
            }
            if let wait { run = try await RunWaiter(store: store, time: time).run(id, within: wait) }
            if let run { try show(run, isDuplicate: answer.outcome == .duplicate, now: time.now) }
            return run
        }
        guard wait != nil, let state = run?.state, state != .completed else { return }
        throw state.isFinished ? ExitCode.failure : ExitMessage.notInTime
    }

    private func show(_ run: Run, isDuplicate: Bool, now: Timestamp) throws {
        if json { return try StandardOutput.write(json: JSONShapes.text { $0.run(run) }) }
        if wait != nil { return try StandardOutput.write(RunDetails.text(run, now: now, style: .standardOutput)) }
        let style = TerminalStyle.standardOutput
        let known = isDuplicate ? style.yellow(" (made by an earlier start with this key)") : ""
        try StandardOutput.write("run \(run.id)  \(run.job)  \(style.state(run.state))\(known)\n")
    }
}

/// Reads a duration of the command line.
@Sendable func parseDuration(_ text: String) throws -> Duration {
    guard let duration = DurationText.duration(text) else {
        throw ValidationError("'\(text)' is wrong; expected \(DurationText.expected)")
    }
    return duration
}

/// Reads a time of the command line.
@Sendable func parseTime(_ text: String) throws -> Timestamp {
    guard let time = Timestamp(rfc3339: text) else {
        throw ValidationError("'\(text)' is wrong; expected a time such as 2030-01-31T09:00:00Z")
    }
    return time
}
