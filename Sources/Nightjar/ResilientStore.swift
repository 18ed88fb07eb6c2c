import CloudEvents
import Logging
import Metrics
import NightjarCore

/// The one decorator over a store: retries of transient errors, telemetry, and the last error for readiness.
final class ResilientStore: RunStore {
    private let base: any RunStore
    private let time: any TimeSource
    private let random: RandomSource
    private let retries: RetryPolicy
    private let logger: Logger

    init(_ base: any RunStore, time: any TimeSource, random: RandomSource, logger: Logger) {
        self.base = base
        self.time = time
        self.random = random
        self.logger = logger
        retries = RetryPolicy(attempts: 5, from: .milliseconds(20), upTo: .seconds(1))
    }

    private func attempt<Value: Sendable>(
        _ name: StaticString, _ call: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        var failures = 0
        while true {
            let start = time.elapsed
            do throws(StoreError) {
                let value = try await call()
                record(name, since: start)
                return value
            } catch {
                failures += 1
                Counter(label: "nightjar_store_errors", dimensions: [("call", "\(name)"), ("code", "\(error.code)")])
                    .increment()
                guard error.code == .transient, failures < retries.attempts, !Task.isCancelled else { throw error }
                logger.warning(
                    "a store call failed and is tried again", metadata: ["call": "\(name)", "error": "\(error)"])
                let wait = random.withGenerator { retries.delay(afterFailure: failures, using: &$0) }
                do { try await time.sleep(for: wait) } catch {
                    throw StoreError(.transient, "cancelled while waiting to try again")
                }
            }
        }
    }

    private func record(_ name: StaticString, since start: Duration) {
        Metrics.Timer(label: "nightjar_store_seconds", dimensions: [("call", "\(name)")])
            .recordMicroseconds((time.elapsed - start).microseconds)
    }

    func accept(_ batch: [IntakeRecord]) async throws(StoreError) -> [Acceptance] {
        try await attempt("accept") { () async throws(StoreError) in try await base.accept(batch) }
    }

    func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimResult {
        // Not repeated here: a claim that failed after it committed would be repeated on top. The dispatcher tries again.
        try await base.claim(request)
    }

    func renew(_ leases: [Lease], until expiry: Timestamp, now: Timestamp) async throws(StoreError) -> [LeaseRenewal] {
        try await attempt("renew") { () async throws(StoreError) in
            try await base.renew(leases, until: expiry, now: now)
        }
    }

    func report(_ progress: [(lease: Lease, progress: Progress)]) async throws(StoreError) {
        try await attempt("report") { () async throws(StoreError) in try await base.report(progress) }
    }

    func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
        try await attempt("settle") { () async throws(StoreError) in try await base.settle(settlements) }
    }

    func cancelRequests(node: NodeID) async throws(StoreError) -> [Lease] {
        try await attempt("cancelRequests") { () async throws(StoreError) in
            try await base.cancelRequests(node: node)
        }
    }

    func expired(now: Timestamp, limit: Int) async throws(StoreError) -> [ExpiredRun] {
        try await attempt("expired") { () async throws(StoreError) in try await base.expired(now: now, limit: limit) }
    }

    func change(_ command: RunCommand, _ selection: RunSelection, now: Timestamp, limit: Int)
        async throws(StoreError) -> [RunChange]
    {
        try await attempt("change") { () async throws(StoreError) in
            try await base.change(command, selection, now: now, limit: limit)
        }
    }

    func retry(_ id: RunID, input: [UInt8], now: Timestamp) async throws(StoreError) -> RunChange {
        try await attempt("retry") { () async throws(StoreError) in
            try await base.retry(id, input: input, now: now)
        }
    }

    func run(_ id: RunID) async throws(StoreError) -> Run? {
        try await attempt("run") { () async throws(StoreError) in try await base.run(id) }
    }

    func circumstances(of run: RunID) async throws(StoreError) -> RunCircumstances? {
        try await attempt("circumstances") { () async throws(StoreError) in try await base.circumstances(of: run) }
    }

    func runs(_ query: RunQuery) async throws(StoreError) -> RunPage {
        try await attempt("runs") { () async throws(StoreError) in try await base.runs(query) }
    }

    func events(id: String, source: String?) async throws(StoreError) -> [EventRecord] {
        try await attempt("events") { () async throws(StoreError) in try await base.events(id: id, source: source) }
    }

    func events(after sequence: Int64?, limit: Int) async throws(StoreError) -> [EventRecord] {
        try await attempt("events") { () async throws(StoreError) in
            try await base.events(after: sequence, limit: limit)
        }
    }

    func count(_ filter: RunFilter) async throws(StoreError) -> Int {
        try await attempt("count") { () async throws(StoreError) in try await base.count(filter) }
    }

    func events(_ query: EventQuery) async throws(StoreError) -> [EventRecord] {
        try await attempt("events") { () async throws(StoreError) in try await base.events(query) }
    }

    func counts() async throws(StoreError) -> [String: [RunState: Int]] {
        try await attempt("counts") { () async throws(StoreError) in try await base.counts() }
    }

    func sourceState(trigger: String) async throws(StoreError) -> [String: [UInt8]] {
        try await attempt("sourceState") { () async throws(StoreError) in
            try await base.sourceState(trigger: trigger)
        }
    }

    func pauses() async throws(StoreError) -> Set<Pause> {
        try await attempt("pauses") { () async throws(StoreError) in try await base.pauses() }
    }

    func setPaused(_ pause: Pause, _ isPaused: Bool, now: Timestamp) async throws(StoreError) {
        try await attempt("setPaused") { () async throws(StoreError) in
            try await base.setPaused(pause, isPaused, now: now)
        }
    }

    func prune(runsBefore: Timestamp, eventsBefore: Timestamp, limit: Int) async throws(StoreError) -> Int {
        try await attempt("prune") { () async throws(StoreError) in
            try await base.prune(runsBefore: runsBefore, eventsBefore: eventsBefore, limit: limit)
        }
    }

    func pruneUnmatched(keeping: Int, limit: Int) async throws(StoreError) -> Int {
        try await attempt("pruneUnmatched") { () async throws(StoreError) in
            try await base.pruneUnmatched(keeping: keeping, limit: limit)
        }
    }

    func externalChanges() -> AsyncStream<Void> { base.externalChanges() }
}
