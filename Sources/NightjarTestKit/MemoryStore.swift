public import CloudEvents
public import NightjarCore
import Synchronization

/// A ``NightjarCore/RunStore`` in memory: for tests, and the oracle that other stores are compared with.
///
/// It keeps the whole contract but durability. Its methods never suspend, and what they answer depends on the calls alone,
/// so on a seeded executor it behaves the same every time.
public final class MemoryStore: Sendable {
    private struct Watchers {
        var continuations: [Int: AsyncStream<Void>.Continuation] = [:]
        var lastNumber = 0
        var isClosed = false
    }

    private struct State {
        var memory = MemoryState()
        var revision = 0
    }

    private let state = Mutex(State())
    private let watchers = Mutex(Watchers())

    /// An empty store.
    public init() {}

    private func write<Value: Sendable>(
        _ transaction: (inout MemoryState) throws(StoreError) -> Value
    ) throws(StoreError) -> Value {
        try state.withLock { state throws(StoreError) in
            state.revision += 1
            return try transaction(&state.memory)
        }
    }

    private func read<Value: Sendable>(_ body: (MemoryState) -> Value) -> Value {
        state.withLock { body($0.memory) }
    }

    /// Grows with every call that may have changed something: lets a check after every step look only when it must.
    public var revision: Int { state.withLock { $0.revision } }

    /// Every run, oldest first: for checks in tests, without a suspension.
    public func allRuns() -> [Run] { read { $0.allRuns() } }

    /// The number that each event got when it was accepted, by its id: for checks in tests, without a suspension.
    public func eventSequences() -> [String: Int64] {
        read { Dictionary($0.events.map { ($0.event.id, $0.sequence) }) { first, _ in first } }
    }

    /// The ids of all events: for checks in tests, without a suspension.
    public func eventIDs() -> Set<String> { read { Set($0.events.map(\.event.id)) } }

    /// Tells those who watch ``externalChanges()`` that another node may have written.
    public func announceExternalChange() {
        for continuation in watching() { continuation.yield() }
    }

    /// Ends the streams of ``externalChanges()``.
    public func close() {
        watchers.withLock { $0.isClosed = true }
        for continuation in watching() { continuation.finish() }
    }

    /// In the order in which they came; used outside the lock, which their termination takes.
    private func watching() -> [AsyncStream<Void>.Continuation] {
        watchers.withLock { watchers in watchers.continuations.sorted { $0.key < $1.key }.map(\.value) }
    }

    /// Makes it known that a node is dead: its runs are ``expired(now:limit:)`` at once.
    public func declareDead(_ node: NodeID) {
        state.withLock { _ = $0.memory.deadNodes.insert(node) }
    }

    /// What should never be seen in a store, in words; empty if all is well: runs run if and only if they have a lease,
    /// are finished if and only if they have a finishing time, are the only ones of their event and job, and no two
    /// leases share a token.
    public func checkInvariants() -> [String] {
        read { $0.violations() }
    }
}

// What these methods promise stands at the protocol.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension MemoryStore: RunStore {
    public func accept(_ batch: [IntakeRecord]) async throws(StoreError) -> [Acceptance] {
        try write { state throws(StoreError) in try state.accept(batch) }
    }

    public func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimResult {
        try write { $0.claim(request) }
    }

    public func renew(
        _ leases: [Lease], until expiry: Timestamp, now: Timestamp
    ) async throws(StoreError) -> [LeaseRenewal] {
        try write { $0.renew(leases, until: expiry, now: now) }
    }

    public func report(_ progress: [(lease: Lease, progress: Progress)]) async throws(StoreError) {
        try write { $0.report(progress) }
    }

    public func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
        try write { state throws(StoreError) in try state.settle(settlements) }
    }

    public func cancelRequests(node: NodeID) async throws(StoreError) -> [Lease] {
        read { $0.cancelRequests(node: node) }
    }

    public func expired(now: Timestamp, limit: Int) async throws(StoreError) -> [ExpiredRun] {
        read { $0.expired(now: now, limit: limit) }
    }

    public func change(
        _ command: RunCommand, _ selection: RunSelection, now: Timestamp, limit: Int
    ) async throws(StoreError) -> [RunChange] {
        try write { $0.change(command, selection, now: now, limit: limit) }
    }

    public func retry(_ id: RunID, input: [UInt8], now: Timestamp) async throws(StoreError) -> RunChange {
        try write { $0.retry(id, input: input, now: now) }
    }

    public func run(_ id: RunID) async throws(StoreError) -> Run? {
        read { $0.run(id) }
    }

    public func circumstances(of run: RunID) async throws(StoreError) -> RunCircumstances? {
        read { $0.circumstances(of: run) }
    }

    public func runs(_ query: RunQuery) async throws(StoreError) -> RunPage {
        read { $0.runs(query) }
    }

    public func events(id: String, source: String?) async throws(StoreError) -> [EventRecord] {
        read { $0.events(id: id, source: source) }
    }

    public func events(after sequence: Int64?, limit: Int) async throws(StoreError) -> [EventRecord] {
        read { $0.events(after: sequence, limit: limit) }
    }

    public func count(_ filter: RunFilter) async throws(StoreError) -> Int {
        read { $0.count(filter) }
    }

    public func events(_ query: EventQuery) async throws(StoreError) -> [EventRecord] {
        read { $0.events(query) }
    }

    public func counts() async throws(StoreError) -> [String: [RunState: Int]] {
        read { $0.counts() }
    }

    public func sourceState(trigger: String) async throws(StoreError) -> [String: [UInt8]] {
        read { $0.sourceStates[trigger] ?? [:] }
    }

    public func pauses() async throws(StoreError) -> Set<Pause> {
        read { $0.pauses }
    }

    public func setPaused(_ pause: Pause, _ isPaused: Bool, now: Timestamp) async throws(StoreError) {
        try write { state in
            if isPaused { state.pauses.insert(pause) } else { state.pauses.remove(pause) }
        }
    }

    public func prune(
        runsBefore: Timestamp, eventsBefore: Timestamp, limit: Int
    ) async throws(StoreError) -> Int {
        try write { $0.prune(runsBefore: runsBefore, eventsBefore: eventsBefore, limit: limit) }
    }

    public func pruneUnmatched(keeping: Int, limit: Int) async throws(StoreError) -> Int {
        try write { $0.pruneUnmatched(keeping: keeping, limit: limit) }
    }

    public func externalChanges() -> AsyncStream<Void> {
        // One pending change says as much as many.
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self, bufferingPolicy: .bufferingNewest(1))
        let number = watchers.withLock { watchers -> Int? in
            if watchers.isClosed { return nil }
            watchers.lastNumber += 1
            watchers.continuations[watchers.lastNumber] = continuation
            return watchers.lastNumber
        }
        guard let number else {
            continuation.finish()
            return stream
        }
        continuation.onTermination = { [weak self] _ in
            self?.watchers.withLock { _ = $0.continuations.removeValue(forKey: number) }
        }
        return stream
    }
}
