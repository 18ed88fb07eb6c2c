import CloudEvents
import NightjarCore
import Synchronization

@testable import NightjarFiles

/// An intake that remembers what it took, as a store would, and refuses what it is told to refuse.
final class RecordingIntake: Intake {
    struct Snapshot: Sendable {
        /// What was taken, without duplicates, in order.
        var events: [Event] = []
        var duplicates = 0
        /// Keyed by bytes: strings that look the same are equal, keys of a store are not.
        var states: [[UInt8]: [UInt8]] = [:]
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
        var observers: [Int: AsyncStream<Void>.Continuation] = [:]
        var nextObserver = 0
    }

    private let state = Mutex(State())

    var snapshot: Snapshot { state.withLock { $0.snapshot } }

    func refuse(_ refusal: @escaping @Sendable ([IncomingEvent]) -> IntakeError?) {
        state.withLock { $0.refusal = refusal }
    }

    /// Lets `accept` wait, as a slow disk would, until it is released.
    func hold(_ isHeld: Bool) { change { $0.isHeld = isHeld } }

    func set(_ health: SourceHealth) { change { $0.snapshot.health.append(health) } }

    func accept(_ batch: [IncomingEvent]) async throws(IntakeError) -> [Acceptance] {
        change { $0.snapshot.offers += 1 }
        await waitUntilReleased()
        for (index, incoming) in batch.enumerated() {
            do { try incoming.event.validate() } catch {
                throw IntakeError(.invalidEvent, "\(error)", index: index)
            }
        }
        if let refusal = state.withLock({ $0.refusal })(batch) { throw refusal }
        return change { state in
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

    private func waitUntilReleased() async {
        let (id, changes) = observe()
        defer { forget(id) }
        if !state.withLock({ $0.isHeld }) { return }
        for await _ in changes where !state.withLock({ $0.isHeld }) { return }
    }

    /// Waits until what was recorded fulfils a condition.
    @discardableResult
    func wait(
        _ what: String, until isMet: @escaping @Sendable (Snapshot) -> Bool
    ) async throws -> Snapshot {
        try await withThrowingTaskGroup(of: Snapshot.self) { group in
            group.addTask {
                let (id, changes) = self.observe()
                defer { self.forget(id) }
                if isMet(self.snapshot) { return self.snapshot }
                for await _ in changes {
                    let snapshot = self.snapshot
                    if isMet(snapshot) { return snapshot }
                }
                throw CancellationError()
            }
            group.addTask {
                try await ContinuousClock().sleep(for: .seconds(30))
                throw Overdue(what: what, summary: self.snapshot.inOrder, health: self.snapshot.health.last)
            }
            defer { group.cancelAll() }
            return try await group.next() ?? snapshot
        }
    }

    /// Waits until exactly these were reported, in any order.
    @discardableResult
    func wait(for summary: [String]) async throws -> Snapshot {
        try await wait("\(summary.sorted())") { $0.summary == summary.sorted() }
    }

    private func observe() -> (Int, AsyncStream<Void>) {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.nextObserver += 1
            state.observers[state.nextObserver] = continuation
            return state.nextObserver
        }
        return (id, stream)
    }

    private func forget(_ id: Int) { state.withLock { _ = $0.observers.removeValue(forKey: id) } }

    @discardableResult
    private func change<Value: Sendable>(_ body: (inout sending State) -> sending Value) -> Value {
        let (value, observers) = state.withLock { state in (body(&state), Array(state.observers.values)) }
        for observer in observers { observer.yield() }
        return value
    }
}

struct Overdue: Error, CustomStringConvertible {
    var what: String
    var summary: [String]
    var health: SourceHealth?
    var description: String {
        "not within 30 seconds: \(what); so far: \(summary), health \(String(describing: health))"
    }
}
