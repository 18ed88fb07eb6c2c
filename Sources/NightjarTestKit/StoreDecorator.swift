public import CloudEvents
public import NightjarCore

/// A store in front of another one: every call goes through ``call(_:)``, and those that it has methods of its own for do
/// something else.
public protocol StoreDecorator: RunStore {
    /// The store behind it.
    var base: any RunStore { get }
    /// Makes a call of the store behind it.
    func call<Value: Sendable>(
        _ effect: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value
}

// What these methods promise stands at the protocol of stores.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension StoreDecorator {
    public func call<Value: Sendable>(
        _ effect: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value { try await effect() }

    public func accept(_ batch: [IntakeRecord]) async throws(StoreError) -> [Acceptance] {
        try await call { () async throws(StoreError) in try await base.accept(batch) }
    }

    public func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimResult {
        try await call { () async throws(StoreError) in try await base.claim(request) }
    }

    public func renew(
        _ leases: [Lease], until expiry: Timestamp, now: Timestamp
    ) async throws(StoreError) -> [LeaseRenewal] {
        try await call { () async throws(StoreError) in try await base.renew(leases, until: expiry, now: now) }
    }

    public func report(_ progress: [(lease: Lease, progress: Progress)]) async throws(StoreError) {
        try await call { () async throws(StoreError) in try await base.report(progress) }
    }

    public func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
        try await call { () async throws(StoreError) in try await base.settle(settlements) }
    }

    public func cancelRequests(node: NodeID) async throws(StoreError) -> [Lease] {
        try await call { () async throws(StoreError) in try await base.cancelRequests(node: node) }
    }

    public func expired(now: Timestamp, limit: Int) async throws(StoreError) -> [ExpiredRun] {
        try await call { () async throws(StoreError) in try await base.expired(now: now, limit: limit) }
    }

    public func change(
        _ command: RunCommand, _ selection: RunSelection, now: Timestamp, limit: Int
    ) async throws(StoreError) -> [RunChange] {
        try await call { () async throws(StoreError) in
            try await base.change(command, selection, now: now, limit: limit)
        }
    }

    public func retry(_ id: RunID, input: [UInt8], now: Timestamp) async throws(StoreError) -> RunChange {
        try await call { () async throws(StoreError) in try await base.retry(id, input: input, now: now) }
    }

    public func run(_ id: RunID) async throws(StoreError) -> Run? {
        try await call { () async throws(StoreError) in try await base.run(id) }
    }

    public func circumstances(of run: RunID) async throws(StoreError) -> RunCircumstances? {
        try await call { () async throws(StoreError) in try await base.circumstances(of: run) }
    }

    public func runs(_ query: RunQuery) async throws(StoreError) -> RunPage {
        try await call { () async throws(StoreError) in try await base.runs(query) }
    }

    public func count(_ filter: RunFilter) async throws(StoreError) -> Int {
        try await call { () async throws(StoreError) in try await base.count(filter) }
    }

    public func events(id: String, source: String?) async throws(StoreError) -> [EventRecord] {
        try await call { () async throws(StoreError) in try await base.events(id: id, source: source) }
    }

    public func events(after sequence: Int64?, limit: Int) async throws(StoreError) -> [EventRecord] {
        try await call { () async throws(StoreError) in try await base.events(after: sequence, limit: limit) }
    }

    public func events(_ query: EventQuery) async throws(StoreError) -> [EventRecord] {
        try await call { () async throws(StoreError) in try await base.events(query) }
    }

    public func counts() async throws(StoreError) -> [String: [RunState: Int]] {
        try await call { () async throws(StoreError) in try await base.counts() }
    }

    public func sourceState(trigger: String) async throws(StoreError) -> [String: [UInt8]] {
        try await call { () async throws(StoreError) in try await base.sourceState(trigger: trigger) }
    }

    public func pauses() async throws(StoreError) -> Set<Pause> {
        try await call { () async throws(StoreError) in try await base.pauses() }
    }

    public func setPaused(_ pause: Pause, _ isPaused: Bool, now: Timestamp) async throws(StoreError) {
        try await call { () async throws(StoreError) in try await base.setPaused(pause, isPaused, now: now) }
    }

    public func prune(
        runsBefore: Timestamp, eventsBefore: Timestamp, limit: Int
    ) async throws(StoreError) -> Int {
        try await call { () async throws(StoreError) in
            try await base.prune(runsBefore: runsBefore, eventsBefore: eventsBefore, limit: limit)
        }
    }

    public func pruneUnmatched(keeping: Int, limit: Int) async throws(StoreError) -> Int {
        try await call { () async throws(StoreError) in try await base.pruneUnmatched(keeping: keeping, limit: limit) }
    }

    public func externalChanges() -> AsyncStream<Void> { base.externalChanges() }
}
