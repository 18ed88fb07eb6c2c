import CloudEvents
import NightjarCore
import Waiting

@testable import NightjarFiles

/// An intake that remembers what it took, as a store would, and refuses what it is told to refuse.
final class RecordingIntake: Intake {
    struct Snapshot: Sendable {
        /// What was taken, without duplicates, in order.
        var events: [Event] = []
        var duplicates = 0
        /// Keyed by bytes: strings that look the same are equal, keys of a store are not.
        var states: [[UInt8]: [UInt8]] = [:]
        /// What is remembered of files that are there.
        var present: [[UInt8]: [UInt8]] { states.filter { !$0.value.starts(with: Array("- ".utf8)) } }
        /// What the source remembers of its folder.
        var mark: [UInt8]?
        var offers = 0
        var health: [SourceHealth] = []

        /// `created a.csv`, sorted.
        var summary: [String] { inOrder.sorted() }
        var inOrder: [String] {
            events.map { "\($0.type.replacing("nightjar.file.", with: "")) \($0.subject ?? "")" }
        }
    }

    private struct State {
        var snapshot = Snapshot()
        var refusal: @Sendable ([IncomingEvent]) -> IntakeError? = { _ in nil }
        var isHeld = false
    }

    private let state = Watched(State())

    var snapshot: Snapshot { state.value.snapshot }

    func refuse(_ refusal: @escaping @Sendable ([IncomingEvent]) -> IntakeError?) {
        state.change { $0.refusal = refusal }
    }

    /// Lets `accept` wait, as a slow disk would, until it is released.
    func hold(_ isHeld: Bool) { state.change { $0.isHeld = isHeld } }

    func set(_ health: SourceHealth) { state.change { $0.snapshot.health.append(health) } }

    func accept(_ batch: [IncomingEvent]) async throws(IntakeError) -> [Acceptance] {
        state.change { $0.snapshot.offers += 1 }
        await state.waitUnlessCancelled { !$0.isHeld }
        for (index, incoming) in batch.enumerated() {
            do { try incoming.event.validate() } catch {
                throw IntakeError(.invalidEvent, "\(error)", index: index)
            }
        }
        if let refusal = state.value.refusal(batch) { throw refusal }
        return state.change { state in
            batch.map { incoming in
                let event = incoming.event
                let isKnown = state.snapshot.events.contains {
                    Array($0.id.utf8) == Array(event.id.utf8) && $0.source == event.source
                }
                if isKnown { state.snapshot.duplicates += 1 } else { state.snapshot.events.append(event) }
                for change in incoming.stateChanges {
                    if change.key == FolderMark.key {
                        state.snapshot.mark = change.value
                    } else {
                        state.snapshot.states[Array(change.key.utf8)] = change.value
                    }
                }
                return Acceptance(
                    source: event.source, id: event.id, outcome: isKnown ? .duplicate : .accepted, runs: [])
            }
        }
    }

    /// Waits until what was recorded fulfils a condition.
    @discardableResult
    func wait(_ what: String, until isMet: @escaping @Sendable (Snapshot) -> Bool) async throws -> Snapshot {
        try await state.wait(
            what, within: .seconds(30),
            details: { "so far \($0.snapshot.inOrder), health \($0.snapshot.health.suffix(3))" }
        ) { isMet($0.snapshot) }.snapshot
    }

    /// Waits until exactly these were reported, in any order.
    @discardableResult
    func wait(for summary: [String]) async throws -> Snapshot {
        try await wait("\(summary.sorted())") { $0.summary == summary.sorted() }
    }
}
