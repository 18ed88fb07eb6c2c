import ArgumentParser
import CloudEvents
import Expressions
import Nightjar
import NightjarCore
import NightjarHTTP

/// `nightjar replay`: decides again on events that were kept.
struct ReplayCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "replay",
        abstract: "Decide again on kept events, now that the configuration says something else.",
        discussion: """
            By default it looks at the events that made no run. Those whom an event was for are asked again: every event \
            trigger about what was published, one trigger about what came to it. What they say now is what "nightjar why" \
            tells from then on. Begin with --dry-run, which changes nothing.
            """)

    /// How many events one transaction decides on.
    private static let pageSize = 500

    @OptionGroup var workspace: WorkspaceOptions

    @Option(help: ArgumentHelp("Ask this trigger alone.", valueName: "trigger"))
    var trigger: String?

    @Option(
        help: ArgumentHelp(
            "Events accepted at this time or later, or within this time: 2h.", valueName: "time|duration"),
        transform: parsePast)
    var since: Past?

    @Option(
        help: ArgumentHelp(
            "Events accepted at this time or earlier, or before this time: 2h.", valueName: "time|duration"),
        transform: parsePast)
    var until: Past?

    @Option(
        help: ArgumentHelp(
            "Events of this type; a * at its end stands for any rest. May be repeated.", valueName: "type"))
    var type: [String] = []

    @Option(help: ArgumentHelp("Events from this source; a * as for types. May be repeated.", valueName: "source"))
    var source: [String] = []

    @Option(
        help: ArgumentHelp("Events for which this is true, such as 'event.data.total > 100'.", valueName: "expr"),
        transform: parseCondition)
    var when: CELExpression?

    @Flag(help: "Events that made runs too: jobs that have no run of an event get one.")
    var all = false

    @Flag(help: "Change nothing, and say what would be.")
    var dryRun = false

    @Flag(help: "Answer in JSON.")
    var json = false

    func run() async throws {
        let workspace = try workspace.workspace(hasRules: true)
        let outline = try workspace.configured()
        if let trigger { try outline.check(.trigger, trigger) }
        let now = SystemTimeSource().now
        let request = ReplayRequest(
            trigger: trigger, filter: EventFilter(types: type, sources: source), when: when,
            acceptedFrom: since?.time(from: now),
            // What comes now is decided on anyway, and it has to end.
            acceptedUntil: min(now, until?.time(from: now) ?? now), includesMatched: all, isDryRun: dryRun)
        let (report, wasInterrupted) = try await workspace.withStore { store in
            try await replay(request, try workspace.runtime(on: store), store)
        }
        if json {
            try StandardOutput.write(
                json: JSONShapes.text { $0.replay(report, isDryRun: dryRun, next: nil) })
        } else {
            try StandardOutput.write(ReplayText.text(report, isDryRun: dryRun, style: .standardOutput))
        }
        if wasInterrupted {
            StandardOutput.writeError("Interrupted; the same command goes on where it matters.\n")
            throw Interruption.exitCode
        }
    }

    private func replay(
        _ request: ReplayRequest, _ runtime: Runtime, _ store: any RunStore
    ) async throws -> (ReplayReport, wasInterrupted: Bool) {
        let newest = try await store.events(after: nil, limit: 1).last?.sequence ?? 0
        return try await Interruption.heeded { isInterrupted in
            var bar = ProgressBar(dryRun ? "looking at events" : "replaying events")
            defer { bar.end() }
            var report = ReplayReport()
            var cursor: Int64?
            var first: Int64?
            while !isInterrupted() {
                let page = try await runtime.replay(request, after: cursor, limit: Self.pageSize)
                report.add(page.report)
                guard let next = page.next else { return (report, false) }
                let start = first ?? next
                first = start
                cursor = next
                let runs = CountText.text(report.runs, "run")
                bar.show(
                    Double(next - start) / Double(max(1, newest - start)),
                    "\(CountText.text(report.events, "event")), \(runs)")
            }
            return (report, true)
        }
    }
}

/// A time that was given, or how long before now it was.
enum Past: Sendable {
    case at(Timestamp)
    case before(Duration)

    /// The time.
    func time(from now: Timestamp) -> Timestamp {
        switch self {
        case .at(let time): time
        case .before(let duration): now - duration
        }
    }
}

/// Reads a time of the past on the command line.
@Sendable func parsePast(_ text: String) throws -> Past {
    if let time = Timestamp(rfc3339: text) { return .at(time) }
    if let duration = DurationText.duration(text) { return .before(duration) }
    throw ValidationError(
        "'\(text)' is wrong; expected a time such as 2030-01-31T09:00:00Z, or how long ago: \(DurationText.expected)")
}

/// Reads a condition over the event on the command line.
@Sendable func parseCondition(_ text: String) throws -> CELExpression {
    do throws(ReplayRequest.Mistake) { return try ReplayRequest.condition(text) } catch {
        throw ValidationError("\(error)")
    }
}
