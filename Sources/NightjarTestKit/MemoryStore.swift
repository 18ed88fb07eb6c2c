public import CloudEvents
public import NightjarCore
import Synchronization

/// A store in memory: for tests and simulations. It keeps the contract of ``/NightjarCore/RunStore`` but for durability,
/// and does the same in the same order every time.
public final class MemoryStore: RunStore {
    private struct Watchers {
        var next = 0
        var continuations: [Int: AsyncStream<Void>.Continuation] = [:]
    }

    let state = Mutex(MemoryState())
    private let watchers = Mutex(Watchers())

    /// An empty store.
    public init() {}

    private func change<Value: Sendable>(_ body: (inout MemoryState) -> Value) -> Value {
        state.withLock { state in
            state.revision += 1
            return body(&state)
        }
    }

    /// Every run, oldest first: for checks in tests, without a suspension.
    public func allRuns() -> [Run] { state.withLock { $0.orderedRuns.map(\.run) } }

    /// Grows with every call that may have changed something: lets a check after every step look only when it must.
    public var revision: Int { state.withLock { $0.revision } }

    /// The ids of all events: for checks in tests, without a suspension.
    public func eventIDs() -> Set<String> { state.withLock { Set($0.events.values.map(\.event.id)) } }

    /// Tells the listeners of ``externalChanges()`` that another node may have written.
    public func announceExternalChange() {
        let continuations = watchers.withLock { $0.continuations.sorted { $0.key < $1.key }.map(\.value) }
        for continuation in continuations { continuation.yield(()) }
    }

    public func accept(_ batch: [IntakeRecord]) async throws(StoreError) -> [Acceptance] {
        change { $0.accept(batch) }
    }

    public func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimResult {
        change { $0.claim(request) }
    }

    public func renew(
        _ leases: [Lease], until expiry: Timestamp, now: Timestamp
    ) async throws(StoreError) -> [LeaseRenewal] {
        change { $0.renew(leases, until: expiry, now: now) }
    }

    public func report(_ progress: [(lease: Lease, progress: Progress)]) async throws(StoreError) {
        change { $0.report(progress) }
    }

    public func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
        change { $0.settle(settlements) }
    }

    public func cancelRequests(node: NodeID) async throws(StoreError) -> [RunID] {
        state.withLock { $0.cancelRequests(node: node) }
    }

    public func expired(now: Timestamp, limit: Int) async throws(StoreError) -> [ExpiredRun] {
        state.withLock { $0.expired(now: now, limit: limit) }
    }

    public func change(
        _ command: RunCommand, _ selection: RunSelection, now: Timestamp, limit: Int
    ) async throws(StoreError) -> [RunChange] {
        change { $0.change(command, selection, now: now, limit: limit) }
    }

    public func run(_ id: RunID) async throws(StoreError) -> Run? {
        state.withLock { $0.runs[id]?.run }
    }

    public func runs(_ query: RunQuery) async throws(StoreError) -> RunPage {
        state.withLock { $0.page(query) }
    }

    public func events(id: String, source: String?) async throws(StoreError) -> [EventRecord] {
        state.withLock { state in
            state.records { _, event in event.id == id && (source.map { event.source == $0 } ?? true) }.reversed()
        }
    }

    public func events(after sequence: Int64?, limit: Int) async throws(StoreError) -> [EventRecord] {
        state.withLock { state in
            guard let sequence else { return Array(state.records { _, _ in true }.suffix(limit)) }
            return Array(state.records { candidate, _ in candidate > sequence }.prefix(limit))
        }
    }

    public func counts() async throws(StoreError) -> [String: [RunState: Int]] {
        state.withLock { $0.counts() }
    }

    public func sourceState(trigger: String) async throws(StoreError) -> [String: [UInt8]] {
        state.withLock { $0.sourceStates[trigger] ?? [:] }
    }

    public func pauses() async throws(StoreError) -> Set<Pause> {
        state.withLock { $0.pauses }
    }

    public func setPaused(_ pause: Pause, _ isPaused: Bool, now: Timestamp) async throws(StoreError) {
        state.withLock { state in
            if isPaused { state.pauses.insert(pause) } else { state.pauses.remove(pause) }
        }
    }

    public func prune(
        runsBefore: Timestamp, eventsBefore: Timestamp, limit: Int
    ) async throws(StoreError) -> Int {
        change { $0.prune(runsBefore: runsBefore, eventsBefore: eventsBefore, limit: limit) }
    }

    public func externalChanges() -> AsyncStream<Void> {
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let id = watchers.withLock { watchers in
            watchers.next += 1
            watchers.continuations[watchers.next] = continuation
            return watchers.next
        }
        continuation.onTermination = { [weak self] _ in
            self?.watchers.withLock { _ = $0.continuations.removeValue(forKey: id) }
        }
        return stream
    }
}
