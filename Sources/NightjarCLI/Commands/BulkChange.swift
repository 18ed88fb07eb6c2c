import ArgumentParser
import CloudEvents
import Nightjar
import NightjarCore
import NightjarHTTP

/// A command on all runs that fit, page after page: each is one transaction, so it can be stopped between any two.
struct BulkChange {
    /// How many runs one transaction changes.
    static let pageSize = 500
    /// Up to so many runs are told one by one.
    private static let mostRows = 20

    let command: RunCommand
    let filter: RunFilter
    /// At most so many; `nil` for all.
    let limit: Int?
    let isJSON: Bool

    /// What was done.
    struct Outcome {
        var changed = 0
        var cancelRequested = 0
        var byJob: [String: Int] = [:]
        /// The first of them.
        var first: [RunChange] = []
        var wasInterrupted = false

        var count: Int { changed + cancelRequested }

        mutating func add(_ changes: [RunChange]) {
            for change in changes {
                switch change.outcome {
                case .changed: changed += 1
                case .cancelRequested: cancelRequested += 1
                case .notApplicable, .notFound: continue
                }
                byJob[change.job ?? "-", default: 0] += 1
                if first.count <= BulkChange.mostRows { first.append(change) }
            }
        }
    }

    /// The runs among those that fit to which the command does something. Those that come now are left alone, so that it
    /// ends.
    private func selection(_ now: Timestamp) -> RunFilter? {
        var filter = filter
        filter.createdUntil = now
        return filter.narrowed(to: command)
    }

    private func total(_ store: any RunStore, _ filter: RunFilter) async throws -> Int {
        min(try await store.count(filter), limit ?? .max)
    }

    /// Says how many runs would be changed.
    func dryRun(_ store: any RunStore) async throws {
        let filter = selection(SystemTimeSource().now)
        let count = if let filter { try await total(store, filter) } else { 0 }
        if isJSON {
            return try StandardOutput.write(
                json: JSONShapes.text { json in
                    json.beginObject()
                    json.member("dryRun", true)
                    json.member("changed", count)
                    json.endObject()
                })
        }
        try StandardOutput.write("\(CountText.text(count, "run")) would be \(participle).\n")
    }

    /// Changes them.
    func run(_ store: any RunStore) async throws {
        if isJSON { try StandardOutput.write("{\"runs\":[") }
        guard let filter = selection(SystemTimeSource().now) else { return try tell(Outcome()) }
        let total = try await total(store, filter)
        let outcome = try await Interruption.heeded { isInterrupted in
            var bar = ProgressBar("\(command.rawValue) runs", total: total)
            defer { bar.end() }
            var outcome = Outcome()
            var last: RunID?
            var left = limit ?? .max
            while left > 0 {
                if isInterrupted() {
                    outcome.wasInterrupted = true
                    break
                }
                let changes = try await store.change(
                    command, .filter(filter, after: last), now: SystemTimeSource().now,
                    limit: min(Self.pageSize, left))
                guard let end = changes.last?.id else { break }
                if isJSON { try write(changes, isFirst: last == nil) }
                last = end
                left -= changes.count
                outcome.add(changes)
                bar.show(
                    Double(outcome.count) / Double(max(1, total)),
                    "\(CountText.grouped(outcome.count)) of \(CountText.text(max(total, outcome.count), "run"))")
            }
            return outcome
        }
        try tell(outcome)
        if outcome.wasInterrupted {
            StandardOutput.writeError(
                "Interrupted after \(CountText.grouped(outcome.count)) of \(CountText.text(total, "run")); the same command goes on.\n"
            )
            throw Interruption.exitCode
        }
    }

    /// A page of the list in JSON, which may be longer than memory should hold.
    private func write(_ changes: [RunChange], isFirst: Bool) throws {
        let texts = changes.map { change in String(decoding: JSONShapes.text { $0.change(change) }, as: UTF8.self) }
        try StandardOutput.write((isFirst ? "" : ",") + texts.joined(separator: ","))
    }

    private func tell(_ outcome: Outcome) throws {
        if isJSON {
            return try StandardOutput.write(
                "],\"changed\":\(outcome.changed),\"cancelRequested\":\(outcome.cancelRequested)}\n")
        }
        try StandardOutput.write(text(outcome, style: .standardOutput))
    }

    /// What was done, for people.
    func text(_ outcome: Outcome, style: TerminalStyle) -> String {
        guard outcome.count > 0 else { return "No runs fit.\n" }
        var text = outcome.count <= Self.mostRows ? RunChangeTable.text(outcome.first, style: style) : ""
        var parts: [String] = []
        if outcome.changed > 0 { parts.append("\(CountText.text(outcome.changed, "run")) \(participle)") }
        if outcome.cancelRequested > 0 {
            parts.append("\(CountText.text(outcome.cancelRequested, "running one")) asked to stop")
        }
        text += parts.joined(separator: ", ")
        if outcome.byJob.count > 1 {
            let jobs = outcome.byJob.sorted { $0.key < $1.key }.map {
                "\(Printable.line($0.key)) \(CountText.grouped($0.value))"
            }
            text += " (\(jobs.joined(separator: ", ")))"
        }
        return text + ".\n"
    }

    private var participle: String {
        switch command {
        case .retry: "retried"
        case .cancel: "cancelled"
        case .discard: "discarded"
        }
    }
}
