import CloudEvents
import NightjarCore
import Waiting

/// An intake that remembers what it took and answers as it is told to.
final class RecordingIntake: Intake {
    /// What becomes of an event.
    enum Answer: Sendable {
        case accept
        case redeliver(after: Duration)
        case refuse(IntakeError)
        /// Waits until the intake is told to go on, then accepts.
        case hold
    }

    struct Snapshot: Sendable {
        /// What was taken, in order.
        var taken: [IncomingEvent] = []
        /// What was offered, in order.
        var offered: [IncomingEvent] = []
        var health: [SourceHealth] = []
        var measures: [SourceMeasure] = []
        var held = 0

        var texts: [String] { taken.map { String(decoding: $0.event.data ?? [], as: UTF8.self) } }
        var offeredTexts: [String] { offered.map { String(decoding: $0.event.data ?? [], as: UTF8.self) } }
        /// Whether the source receives.
        var isRunning: Bool { health.last == .running }
        var failure: String? { if case .failing(let text)? = health.last { text } else { nil } }
    }

    private struct State {
        var snapshot = Snapshot()
        var isReleased = false
    }

    private let answer: @Sendable (IncomingEvent) -> Answer
    private let state = Watched(State())

    init(_ answer: @escaping @Sendable (IncomingEvent) -> Answer = { _ in .accept }) { self.answer = answer }

    var snapshot: Snapshot { state.value.snapshot }

    /// Lets go on what is held, now and later.
    func release() { state.change { $0.isReleased = true } }

    func note(_ health: SourceHealth) { state.change { $0.snapshot.health.append(health) } }
    func note(_ measure: SourceMeasure) { state.change { $0.snapshot.measures.append(measure) } }

    func accept(_ batch: [IncomingEvent]) async throws(IntakeError) -> [Acceptance] {
        state.change { $0.snapshot.offered += batch }
        var acceptances: [Acceptance] = []
        for incoming in batch {
            var outcome = Acceptance.Outcome.accepted
            var wait: Duration?
            switch answer(incoming) {
            case .accept: break
            case .redeliver(let after): (outcome, wait) = (.redeliver, after)
            case .refuse(let error): throw error
            case .hold:
                state.change { $0.snapshot.held += 1 }
                // A handler goes on also when the node stops.
                await state.waitThroughCancellation { $0.isReleased }
            }
            if outcome == .accepted { state.change { $0.snapshot.taken.append(incoming) } }
            acceptances.append(
                Acceptance(
                    source: incoming.event.source, id: incoming.event.id, outcome: outcome, runs: [], retryAfter: wait))
        }
        return acceptances
    }

    /// Waits until what was recorded fulfils a condition.
    @discardableResult
    func wait(_ what: String, until isMet: @escaping @Sendable (Snapshot) -> Bool) async throws -> Snapshot {
        try await state.wait(
            what, within: .seconds(60),
            details: { state in
                let now = state.snapshot
                return "taken \(now.texts.suffix(20)), offered \(now.offered.count), health \(now.health.suffix(3))"
            }
        ) { isMet($0.snapshot) }.snapshot
    }

    /// Waits until exactly these were taken, in any order.
    @discardableResult
    func wait(for texts: [String]) async throws -> Snapshot {
        try await wait("\(texts)") { $0.texts.sorted() == texts.sorted() }
    }
}
