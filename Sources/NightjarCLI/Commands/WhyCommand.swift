import ArgumentParser
import CloudEvents
import Nightjar
import NightjarCore
import NightjarHTTP

/// `nightjar why`: what an event did, and why not more.
struct WhyCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "why", abstract: "Tell every decision taken on an event: what it started, and why not more.")

    @OptionGroup var workspace: WorkspaceOptions

    @Argument(help: "The event's id, or the id of a run that it made.")
    var event: String

    @Option(help: "The event's source, if several sources use the id.")
    var source: String?

    @Flag(help: "Answer in JSON.")
    var json = false

    func run() async throws {
        let workspace = try workspace.workspace(hasRules: true)
        let outline = workspace.outline
        let explanations = try await workspace.withStore { store in
            var explanations: [EventExplanation] = []
            for record in try await records(in: store) {
                explanations.append(try await EventExplanation(record, store: store, outline: outline))
            }
            return explanations
        }
        guard !explanations.isEmpty else {
            throw CommandFailure(
                "there is no event \"\(Printable.line(event))\"; expected the id of one that was accepted and is still kept, or of one of its runs"
            )
        }
        if json {
            try StandardOutput.write(json: JSONShapes.list("events", explanations) { $0.record($1.withRefusals) })
        } else {
            let now = SystemTimeSource().now
            let texts = explanations.map { $0.text(now: now, style: .standardOutput) }
            try StandardOutput.write(texts.joined(separator: "\n"))
        }
    }

    /// The events with the id; if there is none, the one that made the run with the id.
    private func records(in store: any RunStore) async throws(StoreError) -> [EventRecord] {
        let records = try await store.events(id: event, source: source)
        guard records.isEmpty, let id = RunID(event), let run = try await store.run(id) else { return records }
        guard source == nil || source == run.event.source else { return [] }
        return try await store.events(id: run.event.id, source: run.event.source)
    }
}

/// An event with every decision taken on it, those of the present configuration's triggers included.
struct EventExplanation {
    /// A decision, with the run as it stands now.
    struct Line {
        var decision: Decision
        var run: Run?
        /// What the run waits for.
        var wait: RunWait?
    }

    /// The event as it was accepted.
    var record: EventRecord
    /// The decisions that were recorded with it.
    var lines: [Line]
    /// What the event triggers of the present configuration that did not fire say to it.
    var refusals: [Decision]

    /// The explanation of an event.
    init(
        _ record: EventRecord, store: any RunStore, outline: ConfigurationOutline?
    ) async throws(StoreError) {
        let now = SystemTimeSource().now
        self.record = record
        lines = []
        for decision in record.decisions {
            let run: Run? = if let id = decision.run { try await store.run(id) } else { nil }
            var line = Line(decision: decision, run: run)
            if let run { line.wait = try await RunWait.of(run, in: store, jobs: outline?.jobs, now: now) }
            lines.append(line)
        }
        refusals = Self.refusals(of: record, by: outline?.triggers ?? [])
    }

    /// The record with the refusals of the present triggers among its decisions.
    var withRefusals: EventRecord {
        var record = record
        record.decisions += refusals
        return record
    }

    static func refusals(of record: EventRecord, by triggers: [ConfigurationOutline.TriggerOutline]) -> [Decision] {
        let fired = Set(record.decisions.compactMap(\.trigger))
        let byHand = record.decisions.contains { $0.trigger == nil }
        let byOther = triggers.first { $0.filter == nil && fired.contains($0.name) }
        let event = EventValue(record.event)
        return triggers.compactMap { trigger in
            // What was decided when the event came is recorded with it.
            guard let filter = trigger.filter, !fired.contains(trigger.name) else { return nil }
            let reason: String
            if byHand {
                reason = "the event started a job by hand and was not published"
            } else if let byOther {
                reason = "the event came to the trigger \"\(byOther.name)\" and was not published"
            } else if let refusal = filter.refusal(of: record.event) {
                reason = refusal
            } else if let refusal = Self.refusal(of: event, by: trigger.rules) {
                reason = refusal
            } else if Set(trigger.jobs).isSubset(of: record.decisions.compactMap(\.job)) {
                reason = "its jobs were started by another trigger already"
            } else {
                reason =
                    "it wants the event now, but did not when the event came; \"nightjar replay\" starts its jobs"
            }
            return Decision(trigger: trigger.name, outcome: .refused, reason: reason)
        }
    }

    private static func refusal(of event: EventValue, by rules: TriggerRules) -> String? {
        do throws(TriggerRules.Refusal) {
            _ = try rules.plan(event)
            return nil
        } catch {
            return error.reason
        }
    }

    /// The explanation for people.
    func text(now: Timestamp, style: TerminalStyle) -> String {
        let event = record.event
        var text = style.bold("event \(Printable.line(event.id))") + "\n"
        text += "  \(Printable.line(event.type)) from \(Printable.line(event.source))"
        text += event.subject.map { ", about \(Printable.line($0))" } ?? ""
        text +=
            ", accepted \(RelativeTime.text(record.acceptedAt, from: now)), \(event.data?.count ?? 0) bytes of data\n\n"
        if lines.isEmpty { text += "  It made no run.\n" }
        for line in lines {
            let decision = line.decision
            let who = decision.trigger.map { "trigger \(Printable.line($0))" } ?? "by hand"
            text += "  \(paint(decision.outcome, style)) \(who)"
            text += decision.job.map { " → job \(Printable.line($0))" } ?? ""
            text += decision.reason.map { ": \(Printable.line($0))" } ?? ""
            text += "\n"
            if let run = line.run { text += self.text(run, line.wait, now: now, style: style) }
            if let id = decision.run, line.run == nil { text += "      run \(id) is no longer kept\n" }
        }
        for refusal in refusals {
            let reason = Printable.line(refusal.reason ?? "")
            text += "  \(paint(.refused, style)) trigger \(Printable.line(refusal.trigger ?? "")): \(reason)\n"
        }
        return text
    }

    private func text(_ run: Run, _ wait: RunWait?, now: Timestamp, style: TerminalStyle) -> String {
        var text = "      run \(run.id)  \(style.state(run.state))"
        text += run.reason.map { ": \(Printable.line($0))" } ?? ""
        text += "\n"
        if let wait { text += "      waits for \(Printable.line(wait.text(now: now)))\n" }
        for attempt in run.attempts {
            let outcome = attempt.outcome.map { "\($0)" } ?? "running"
            let error = attempt.error.map { ": \(Printable.line($0))" } ?? ""
            text += style.dim(
                "      attempt \(attempt.number)  \(outcome), \(RelativeTime.text(attempt.startedAt, from: now))")
            text += "\(error)\n"
        }
        return text
    }

    private func paint(_ outcome: Decision.Outcome, _ style: TerminalStyle) -> String {
        let word = outcome.rawValue.padding(to: 9)
        return switch outcome {
        case .started: style.green(word)
        case .refused: style.dim(word)
        case .duplicate: style.yellow(word)
        case .joined: style.green(word)
        }
    }
}
