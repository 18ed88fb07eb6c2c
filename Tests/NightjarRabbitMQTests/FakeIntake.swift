public import CloudEvents
import NightjarCore
import Synchronization
import Waiting

/// An intake that remembers what it was offered, and answers as it is told: at once, late, or with a refusal.
final class FakeIntake: Intake {
    typealias Answer = @Sendable ([IncomingEvent]) async throws(IntakeError) -> [Acceptance]

    struct Snapshot: Sendable {
        /// What was answered for with an acceptance, in that order.
        var taken: [IncomingEvent] = []
        /// How many are offered and not answered yet.
        var inHand = 0
        /// How many that were at most.
        var mostInHand = 0
        /// All that was ever offered.
        var offered: [IncomingEvent] = []
        var sourceState: [String: [UInt8]] = [:]

        var ids: [String] { taken.map(\.event.id) }
        var texts: [String] { taken.map { String(decoding: $0.event.data ?? [], as: UTF8.self) } }
    }

    private let snapshots = Mutex(Snapshot())
    private let answer: Answer
    private let gate: Gate?

    /// - Parameters:
    ///   - gate: holds every answer until it is open.
    ///   - answer: what is answered; accepts all by default.
    init(gate: Gate? = nil, _ answer: @escaping Answer = { accepted($0) }) {
        self.gate = gate
        self.answer = answer
    }

    var snapshot: Snapshot { snapshots.withLock { $0 } }

    func accept(_ batch: [IncomingEvent]) async throws(IntakeError) -> [Acceptance] {
        snapshots.withLock { snapshot in
            snapshot.offered += batch
            snapshot.inHand += batch.count
            snapshot.mostInHand = max(snapshot.mostInHand, snapshot.inHand)
        }
        defer { snapshots.withLock { $0.inHand -= batch.count } }
        for (index, incoming) in batch.enumerated() {
            do { try incoming.event.validate() } catch {
                throw IntakeError(.invalidEvent, "\(error)", index: index)
            }
        }
        await gate?.pass()
        let answers = try await answer(batch)
        snapshots.withLock { snapshot in
            for (incoming, answer) in zip(batch, answers) where answer.outcome != .redeliver {
                snapshot.taken.append(incoming)
                for change in incoming.stateChanges { snapshot.sourceState[change.key] = change.value }
            }
        }
        return answers
    }
}

func accepted(_ batch: [IncomingEvent]) -> [Acceptance] {
    batch.map { Acceptance(source: $0.event.source, id: $0.event.id, outcome: .accepted, runs: []) }
}

/// Holds whoever comes until it is opened.
final class Gate: Sendable {
    private let isOpen = Watched(false)

    func pass() async { await isOpen.waitThroughCancellation { $0 } }
    func open() { isOpen.change { $0 = true } }
}

/// Something that happens once.
final class Flag: Sendable {
    private let state = Mutex(false)
    var isSet: Bool { state.withLock { $0 } }
    func set() { state.withLock { $0 = true } }
}

extension AttributeValue: ExpressibleByStringLiteral {
    public init(stringLiteral value: String) { self = .string(value) }
}
