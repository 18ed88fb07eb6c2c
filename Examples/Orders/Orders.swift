import CloudEvents
import Foundation
import Nightjar
import NightjarCore
import NightjarFiles
import NightjarSQLite

/// What an order says.
struct Order: Codable, Sendable {
    var item: String
    var quantity: Int
}

/// A program with its own jobs: orders come over the event bus or as files, and are done in the background.
///
///     swift run Orders
@main
struct Orders {
    static let sendReceipt = Job("send-receipt", input: Order.self, retry: .exponential(attempts: 8)) { order, run in
        // The run's id is the same for every attempt: a mailer that knows it sends the receipt once.
        run.report(0.5, "writing to the customer")
        print("receipt for \(order.quantity) × \(order.item), key \(run.id), attempt \(run.attempt)")
    }

    static let importOrders = Job("import-orders") { run in
        // What a run emits becomes durable with its completion, or not at all.
        for (number, line) in String(decoding: run.input, as: UTF8.self).split(separator: "\n").enumerated() {
            let order = Order(item: String(line), quantity: 1)
            try run.emit(
                Event(
                    id: "\(run.id)-\(number)", source: "/jobs/import-orders", type: "order.placed",
                    dataContentType: "application/json", data: Array(try JSONEncoder().encode(order))))
        }
    }

    static func main() async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("orders-\(UUID().uuidString)")
        let inbox = folder.appendingPathComponent("inbox")
        try FileManager.default.createDirectory(at: inbox, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        let store = try SQLiteStore(path: folder.appendingPathComponent("orders.db").path)

        let runtime = try Runtime(store: store) {
            On(.event(type: "order.placed"), start: sendReceipt)
            On(
                .source(
                    FilesSource(FilesOptions(path: inbox.path, match: ["*.txt"])), kind: "files", summary: inbox.path),
                start: importOrders)
        }
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { try await runtime.run() }
            let updates = runtime.updates()

            // An event is durable once accept has returned; its job runs in the background.
            let order = Order(item: "teapot", quantity: 2)
            _ = try await runtime.intake.accept([
                IncomingEvent(
                    Event(
                        id: UUID().uuidString, source: "/example", type: "order.placed",
                        dataContentType: "application/json", data: Array(try JSONEncoder().encode(order))))
            ])
            try Data("lamp\nchair\n".utf8).write(to: inbox.appendingPathComponent("monday.txt"))

            var receipts = 0
            for await update in updates where update.job == "send-receipt" && update.state == .completed {
                receipts += 1
                if receipts == 3 { break }
            }
            group.cancelAll()
        }
        try store.close()
        print("three receipts were sent")
    }
}
