import CloudEvents
import Expressions
import Foundation
import Logging
import Nightjar
import NightjarCore
import NightjarSQLite

/// The measurements of expressions: on one core, and at the intake.
struct ExpressionBench: Sendable {
    /// What was measured, each a second.
    struct Figures: Sendable {
        /// Foundation decodes the same data.
        var foundation: Double
        /// A new event each time: its data is decoded too.
        var decoding: Double
        /// The same event again: its data is decoded already.
        var decoded: Double
        /// Events that the intake takes with one trigger.
        var oneTrigger: Double
        /// Events that the intake takes with a thousand triggers, each of which wants a type of its own.
        var manyTriggers: Double
    }

    let folder: URL

    private static let source = #"event.type == "order.created" && event.data.total > 100"#

    /// An order of about 1 kB.
    private static let data: [UInt8] = {
        let items = (0..<9).map { number in
            #"{"sku":"item-\#(number)-abcdef","name":"Teapot, number \#(number), blue","quantity":\#(number),"price":12.5,"tags":["a","b"]}"#
        }
        return Array(
            #"{"id":"o-1234567","customer":{"name":"Ann Example","email":"ann@example.org","city":"Turin"},"items":[\#(items.joined(separator: ","))],"note":"please ring twice, the bell is quiet","total":142.5,"currency":"EUR"}"#
                .utf8)
    }()

    private static func event(_ id: String, type: String = "order.created") -> Event {
        Event(id: id, source: "/bench", type: type, dataContentType: "application/json", data: data)
    }

    func run() async throws -> Figures {
        let expression = try CELExpression(Self.source, in: .event)
        let event = Self.event("1")
        let decoded: [Value] = [.object(EventValue(event))]
        let data = Data(Self.data)
        return Figures(
            foundation: try rate(20_000) { _ = try JSONSerialization.jsonObject(with: data) },
            decoding: try rate(200_000) { _ = try expression.test([.object(EventValue(event))]) },
            decoded: try rate(2_000_000) { _ = try expression.test(decoded) },
            oneTrigger: try await intake(triggers: 1), manyTriggers: try await intake(triggers: 1000))
    }

    /// The best of three rounds: what disturbs a measurement makes it slower, never faster.
    private func rate(_ count: Int, _ body: () throws -> Void) rethrows -> Double {
        var best = 0.0
        for _ in 0..<3 {
            let clock = ContinuousClock()
            let start = clock.now
            for _ in 0..<count { try body() }
            best = max(best, Double(count) / Self.seconds(clock.now - start))
        }
        return best
    }

    /// Events a second, in batches of 500, none of which makes a run.
    private func intake(triggers count: Int) async throws -> Double {
        let store = try SQLiteStore(path: folder.appendingPathComponent("triggers-\(count).db").path)
        let triggers = try (0..<count).map { number in
            let when = try CELExpression(#"event.type == "type\#(number)" && event.data.total > 1000"#, in: .event)
            return Trigger(
                "t\(number)", kind: "event", origin: .bus(EventFilter()), start: ["noop"],
                rules: TriggerRules(when: when))
        }
        let runtime = try Runtime(
            store: store, jobs: [Job("noop") { _ in }], triggers: triggers,
            logger: Logger(label: "bench", factory: { _ in SwiftLogNoOpLogHandler() }))
        let clock = ContinuousClock()
        var best = 0.0
        for round in 0..<3 {
            let start = clock.now
            for batch in 0..<10 {
                let events = (0..<500).map { number in
                    IncomingEvent(Self.event("\(round)-\(batch)-\(number)", type: "type0"))
                }
                _ = try await runtime.intake.accept(events)
            }
            best = max(best, 5000 / Self.seconds(clock.now - start))
        }
        try store.close()
        return best
    }

    private static func seconds(_ duration: Duration) -> Double { Double(duration.microseconds) / 1_000_000 }
}
