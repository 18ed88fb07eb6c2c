public import CloudEvents
public import NightjarCore
import Synchronization

/// A store behind a bad line: its calls take their time, fail, or lose their answers, as a plan and a seed decide.
///
/// What it throws is transient, as a broken connection is. Copies share one plan, one generator and one fate.
public struct FaultyStore: Sendable {
    private final class Line: Sendable {
        let decider: Mutex<FaultDecider>

        init(_ decider: FaultDecider) {
            self.decider = Mutex(decider)
        }
    }

    private let base: any RunStore
    private let clock: any TimeSource
    private let line: Line

    /// Puts `base` behind a bad line.
    /// - Parameters:
    ///   - seed: decides when what fails.
    ///   - clock: what slow calls wait on.
    public init(_ base: any RunStore, plan: FaultPlan, seed: UInt64, clock: any TimeSource) {
        self.base = base
        self.clock = clock
        line = Line(FaultDecider(plan: plan, seed: seed))
    }

    /// How many calls were made.
    public var callCount: Int { line.decider.withLock { $0.callCount } }

    /// Follows another plan from the next call on.
    public func follow(_ plan: FaultPlan) {
        line.decider.withLock { $0.plan = plan }
    }

    /// Nothing fails from the next call on.
    public func heal() { follow(.none) }

    /// Cuts the line for good, as when the node dies: nothing that is still on its way reaches the store, and no answer
    /// comes back.
    public func cut() {
        line.decider.withLock { $0.isCut = true }
    }

    private func call<Value: Sendable>(
        _ effect: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let fate = line.decider.withLock { $0.next() }
        try await wait(yields: fate.yieldsBefore, delay: fate.delayBefore)
        if fate.fault == .beforeCommit { throw StoreError(.transient, "the line broke before the call arrived") }
        let value = try await effect()
        try await wait(yields: fate.yieldsAfter, delay: fate.delayAfter)
        if fate.fault == .afterCommit { throw StoreError(.transient, "the line broke before the answer arrived") }
        return value
    }

    /// Waits, and throws if the line is cut by then.
    private func wait(yields: Int, delay: Duration) async throws(StoreError) {
        for _ in 0..<yields { await Task.yield() }
        if delay > .zero {
            do {
                try await clock.sleep(until: clock.now + delay)
            } catch {
                throw StoreError(.transient, "the call was cancelled", underlying: error)
            }
        }
        if line.decider.withLock({ $0.isCut }) { throw StoreError(.transient, "the line is cut") }
    }
}

// What these methods promise stands at the protocol.
// swift-format-ignore: AllPublicDeclarationsHaveDocumentation
extension FaultyStore: RunStore {
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

    public func events(id: String, source: String?) async throws(StoreError) -> [EventRecord] {
        try await call { () async throws(StoreError) in try await base.events(id: id, source: source) }
    }

    public func events(after sequence: Int64?, limit: Int) async throws(StoreError) -> [EventRecord] {
        try await call { () async throws(StoreError) in try await base.events(after: sequence, limit: limit) }
    }

    public func count(_ filter: RunFilter) async throws(StoreError) -> Int {
        try await call { () async throws(StoreError) in try await base.count(filter) }
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
        try await call { () async throws(StoreError) in
            try await base.pruneUnmatched(keeping: keeping, limit: limit)
        }
    }

    public func externalChanges() -> AsyncStream<Void> { base.externalChanges() }
}
