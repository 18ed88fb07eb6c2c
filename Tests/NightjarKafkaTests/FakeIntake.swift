import CloudEvents
import NightjarCore
import Waiting

/// An intake that remembers what it is offered, and answers as the test wants.
final class FakeIntake: Intake {
    struct State: Sendable {
        /// What was taken, in order.
        var events: [IncomingEvent] = []
        /// What was taken and answered, by the data.
        var answered: Set<String> = []
        var stored: [String: [UInt8]] = [:]
        var calls = 0
        var inHand = 0
        var mostInHand = 0
        var health: [SourceHealth] = []
        var measures: [SourceMeasure] = []
        /// Data of messages that are not answered until they are let go; `nil` for all.
        var held: Set<String>? = []
        /// How often messages with this data are to be delivered again.
        var redelivered: [String: Int] = [:]
        var refusal: IntakeError?
        /// The source was cancelled.
        var isEnding = false

        var texts: [String] { events.map { FakeIntake.text($0.event) } }
    }

    let state = Watched(State())
    /// Another one, whose store this one shares.
    nonisolated(unsafe) var storeOf: FakeIntake?

    var stored: [String: [UInt8]] { storeOf?.stored ?? state.value.stored }

    static func text(_ event: Event) -> String { event.data.map { String(decoding: $0, as: UTF8.self) } ?? "(none)" }

    func accept(_ batch: [IncomingEvent]) async throws(IntakeError) -> [Acceptance] {
        let refusal = state.change { state -> IntakeError? in
            state.calls += 1
            if let refusal = state.refusal { return refusal }
            state.inHand += batch.count
            state.mostInHand = max(state.mostInHand, state.inHand)
            state.events += batch
            return nil
        }
        if let refusal { throw refusal }
        let texts = Set(batch.map { Self.text($0.event) })
        // As the engine's: it goes on until the handlers have ended, whether the task is cancelled or not.
        await state.waitThroughCancellation { state in
            guard let held = state.held else { return false }
            return held.isDisjoint(with: texts)
        }
        for change in batch.flatMap(\.stateChanges) {
            (storeOf ?? self).state.change { $0.stored[change.key] = change.value }
        }
        return state.change { state in
            state.inHand -= batch.count
            return batch.map { incoming in
                let text = Self.text(incoming.event)
                let isAgain = (state.redelivered[text] ?? 0) > 0
                if isAgain { state.redelivered[text]? -= 1 } else { state.answered.insert(text) }
                return Acceptance(
                    source: incoming.event.source, id: incoming.event.id, outcome: isAgain ? .redeliver : .accepted,
                    runs: [], retryAfter: isAgain ? .milliseconds(10) : nil)
            }
        }
    }

    func letGo() { state.change { $0.held = [] } }
}
