import CloudEvents
import NightjarCore
import NightjarTestKit
import Synchronization

/// A memory store whose calls a test holds up, or lets fail, before they are done or after.
final class HookedStore: RunStore {
    /// What is called, where a test needs to tell.
    enum Call: Sendable {
        case claim(ClaimRequest)
        case report
        case settle([Settlement])
        case other

        /// Whether it is a claim that may bring runs.
        var isClaim: Bool { if case .claim(let request) = self { !request.demands.isEmpty } else { false } }

        /// Whether it settles that run.
        func settles(_ run: RunID) -> Bool {
            if case .settle(let settlements) = self { settlements.contains { $0.lease.run == run } } else { false }
        }
    }

    typealias Hook = @Sendable (Call) async throws(StoreError) -> Void

    let base = MemoryStore()
    private let hooks = Mutex<(before: Hook?, after: Hook?)>((nil, nil))

    /// Called before each call; if it throws, the call does nothing.
    func before(_ hook: @escaping Hook) { hooks.withLock { $0.before = hook } }

    /// Called after each call; if it throws, the answer is lost.
    func after(_ hook: @escaping Hook) { hooks.withLock { $0.after = hook } }

    /// From now on calls are done as they come.
    func clear() { hooks.withLock { $0 = (nil, nil) } }

    private func call<Value: Sendable>(
        _ call: Call = .other, _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let hooks = hooks.withLock { $0 }
        if let before = hooks.before { try await before(call) }
        let value = try await body()
        if let after = hooks.after { try await after(call) }
        return value
    }

    func accept(_ batch: [IntakeRecord]) async throws(StoreError) -> [Acceptance] {
        try await call { () async throws(StoreError) in try await base.accept(batch) }
    }
    func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimResult {
        try await call(.claim(request)) { () async throws(StoreError) in try await base.claim(request) }
    }
    func renew(_ leases: [Lease], until expiry: Timestamp, now: Timestamp) async throws(StoreError) -> [LeaseRenewal] {
        try await call { () async throws(StoreError) in try await base.renew(leases, until: expiry, now: now) }
    }
    func report(_ progress: [(lease: Lease, progress: Progress)]) async throws(StoreError) {
        try await call(.report) { () async throws(StoreError) in try await base.report(progress) }
    }
    func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
        try await call(.settle(settlements)) { () async throws(StoreError) in try await base.settle(settlements) }
    }
    func cancelRequests(node: NodeID) async throws(StoreError) -> [Lease] {
        try await call { () async throws(StoreError) in try await base.cancelRequests(node: node) }
    }
    func expired(now: Timestamp, limit: Int) async throws(StoreError) -> [ExpiredRun] {
        try await call { () async throws(StoreError) in try await base.expired(now: now, limit: limit) }
    }
    func change(
        _ command: RunCommand, _ selection: RunSelection, now: Timestamp, limit: Int
    ) async throws(StoreError) -> [RunChange] {
        try await call { () async throws(StoreError) in
            try await base.change(command, selection, now: now, limit: limit)
        }
    }
    func circumstances(of id: RunID) async throws(StoreError) -> RunCircumstances? {
        try await call { () async throws(StoreError) in try await base.circumstances(of: id) }
    }
    func run(_ id: RunID) async throws(StoreError) -> Run? {
        try await call { () async throws(StoreError) in try await base.run(id) }
    }
    func runs(_ query: RunQuery) async throws(StoreError) -> RunPage {
        try await call { () async throws(StoreError) in try await base.runs(query) }
    }
    func events(id: String, source: String?) async throws(StoreError) -> [EventRecord] {
        try await call { () async throws(StoreError) in try await base.events(id: id, source: source) }
    }
    func events(after sequence: Int64?, limit: Int) async throws(StoreError) -> [EventRecord] {
        try await call { () async throws(StoreError) in try await base.events(after: sequence, limit: limit) }
    }
    func counts() async throws(StoreError) -> [String: [RunState: Int]] {
        try await call { () async throws(StoreError) in try await base.counts() }
    }
    func sourceState(trigger: String) async throws(StoreError) -> [String: [UInt8]] {
        try await call { () async throws(StoreError) in try await base.sourceState(trigger: trigger) }
    }
    func pauses() async throws(StoreError) -> Set<Pause> {
        try await call { () async throws(StoreError) in try await base.pauses() }
    }
    func setPaused(_ pause: Pause, _ isPaused: Bool, now: Timestamp) async throws(StoreError) {
        try await call { () async throws(StoreError) in try await base.setPaused(pause, isPaused, now: now) }
    }
    func prune(runsBefore: Timestamp, eventsBefore: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try await call { () async throws(StoreError) in
            try await base.prune(runsBefore: runsBefore, eventsBefore: eventsBefore, limit: limit)
        }
    }
    func retry(_ id: RunID, input: [UInt8], now: Timestamp) async throws(StoreError) -> RunChange {
        try await call { () async throws(StoreError) in try await base.retry(id, input: input, now: now) }
    }
    func count(_ filter: RunFilter) async throws(StoreError) -> Int {
        try await call { () async throws(StoreError) in try await base.count(filter) }
    }
    func events(_ query: EventQuery) async throws(StoreError) -> [EventRecord] {
        try await call { () async throws(StoreError) in try await base.events(query) }
    }
    func pruneUnmatched(keeping: Int, limit: Int) async throws(StoreError) -> Int {
        try await call { () async throws(StoreError) in try await base.pruneUnmatched(keeping: keeping, limit: limit) }
    }
    func externalChanges() -> AsyncStream<Void> { base.externalChanges() }
}
