import CloudEvents
import NightjarCore
import Synchronization
import TestServers

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
        var observers: [Int: AsyncStream<Void>.Continuation] = [:]
        var waiting: [CheckedContinuation<Void, Never>] = []
        var next = 0
    }

    private let answer: @Sendable (IncomingEvent) -> Answer
    private let state = Mutex(State())

    init(_ answer: @escaping @Sendable (IncomingEvent) -> Answer = { _ in .accept }) { self.answer = answer }

    var snapshot: Snapshot { state.withLock { $0.snapshot } }

    /// Lets go on what is held, now and later.
    func release() {
        let waiting = state.withLock { state in
            state.isReleased = true
            defer { state.waiting = [] }
            return state.waiting
        }
        for continuation in waiting { continuation.resume() }
    }

    func note(_ health: SourceHealth) { change { $0.snapshot.health.append(health) } }
    func note(_ measure: SourceMeasure) { change { $0.snapshot.measures.append(measure) } }

    func accept(_ batch: [IncomingEvent]) async throws(IntakeError) -> [Acceptance] {
        change { $0.snapshot.offered += batch }
        var acceptances: [Acceptance] = []
        for incoming in batch {
            var outcome = Acceptance.Outcome.accepted
            var wait: Duration?
            switch answer(incoming) {
            case .accept: break
            case .redeliver(let after): (outcome, wait) = (.redeliver, after)
            case .refuse(let error): throw error
            case .hold:
                change { $0.snapshot.held += 1 }
                await waitUntilReleased()
            }
            if outcome == .accepted { change { $0.snapshot.taken.append(incoming) } }
            acceptances.append(
                Acceptance(
                    source: incoming.event.source, id: incoming.event.id, outcome: outcome, runs: [], retryAfter: wait))
        }
        return acceptances
    }

    /// A handler goes on also when the node stops.
    private func waitUntilReleased() async {
        await withCheckedContinuation { continuation in
            let isReleased = state.withLock { state in
                if !state.isReleased { state.waiting.append(continuation) }
                return state.isReleased
            }
            if isReleased { continuation.resume() }
        }
    }

    /// Waits until what was recorded fulfils a condition.
    @discardableResult
    func wait(
        _ what: String, seconds: Int = 60, until isMet: @escaping @Sendable (Snapshot) -> Bool
    ) async throws -> Snapshot {
        try await withThrowingTaskGroup(of: Snapshot.self) { group in
            group.addTask {
                let (id, changes) = self.observe()
                defer { self.forget(id) }
                if isMet(self.snapshot) { return self.snapshot }
                for await _ in changes where isMet(self.snapshot) { return self.snapshot }
                throw CancellationError()
            }
            group.addTask {
                try await ContinuousClock().sleep(for: .seconds(seconds))
                let now = self.snapshot
                throw TestServerFailure(
                    "not within \(seconds) seconds: \(what); so far taken \(now.texts.suffix(20)), offered \(now.offered.count), health \(now.health.suffix(3))"
                )
            }
            defer { group.cancelAll() }
            return try await group.next() ?? snapshot
        }
    }

    /// Waits until exactly these were taken, in any order.
    @discardableResult
    func wait(for texts: [String]) async throws -> Snapshot {
        try await wait("\(texts)") { $0.texts.sorted() == texts.sorted() }
    }

    private func observe() -> (Int, AsyncStream<Void>) {
        let (stream, continuation) = AsyncStream<Void>.makeStream(bufferingPolicy: .bufferingNewest(1))
        let id = state.withLock { state in
            state.next += 1
            state.observers[state.next] = continuation
            return state.next
        }
        return (id, stream)
    }

    private func forget(_ id: Int) { state.withLock { _ = $0.observers.removeValue(forKey: id) } }

    private func change(_ body: (inout sending State) -> Void) {
        let observers = state.withLock { state in
            body(&state)
            return Array(state.observers.values)
        }
        for observer in observers { observer.yield() }
    }
}
