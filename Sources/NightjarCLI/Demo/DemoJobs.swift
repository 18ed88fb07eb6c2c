import CloudEvents
import Foundation
import Nightjar
import NightjarCore
import NightjarFiles

/// The jobs and triggers of the order example, as a program in Swift would define them.
enum DemoJobs {
    /// How long a step of the pretended work takes, so that a person can watch it.
    private static let step = Duration.milliseconds(400)

    static let jobs: [Job] = [
        // The card fails twice: what a payment provider does on a bad day.
        Job(
            "charge",
            policy: JobPolicy(retry: .exponential(attempts: 5, from: .milliseconds(500)), timeout: .seconds(10))
        ) {
            context in
            context.report(0.3, "talking to the bank, attempt \(context.attempt)")
            try await ContinuousClock().sleep(for: step)
            if context.attempt < 3 { throw RunFailure("the bank did not answer") }
            context.report(0.9, "charged")
        },
        Job("receipt") { context in
            for part in 1...3 {
                try await ContinuousClock().sleep(for: step)
                context.report(Double(part) / 3, ["writing", "printing", "mailing"][part - 1])
            }
        },
        Job("search-index", policy: JobPolicy(concurrency: 2)) { context in
            context.report(0.5, "indexing \(context.event.subject ?? "an order")")
            try await ContinuousClock().sleep(for: step)
        },
        // Each line of a file becomes an event; all of them are published with this run's completion, or none.
        Job("import-orders") { context in
            let lines = String(decoding: context.input, as: UTF8.self).split(whereSeparator: \.isNewline)
            for (number, line) in lines.enumerated() {
                try context.emit(
                    Event(
                        id: "\(context.id)-\(number)", source: "/jobs/import-orders", type: "order.imported",
                        subject: String(line.prefix(100)), dataContentType: "text/plain", data: Array(line.utf8)))
                context.report(Double(number + 1) / Double(lines.count), "line \(number + 1) of \(lines.count)")
            }
            try await ContinuousClock().sleep(for: step)
        },
    ]

    static func triggers(inbox: URL) -> [Trigger] {
        [
            Trigger(
                "orders", kind: "http", origin: .external, start: ["charge", "receipt", "search-index"],
                summary: "POST /orders"),
            Trigger(
                "inbox", kind: "files",
                origin: .source(
                    FilesSource(FilesOptions(path: inbox.path, match: ["*.csv"], on: [.created, .changed]))),
                start: ["import-orders"], summary: inbox.path + "/*.csv"),
            Trigger(
                "imported", kind: "event", origin: .bus(EventFilter(types: ["order.imported"])),
                start: ["search-index"],
                summary: "order.imported"),
        ]
    }
}
