import CloudEvents
import NightjarCore
import Synchronization

/// An empty store and the words in which the cases speak of it. Times are seconds after a fixed instant, ids are numbered.
final class StoreScene: Sendable {
    static let beginning = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)
    static let microsecond = Duration.microseconds(1)

    let store: any RunStore
    private let lastNumber = Mutex(0)

    init(_ store: any RunStore) {
        self.store = store
    }

    /// So many seconds after the beginning.
    static func second(_ seconds: Int) -> Timestamp { beginning + .seconds(seconds) }

    /// So many seconds after the beginning.
    func second(_ seconds: Int) -> Timestamp { Self.second(seconds) }

    /// A new run id; each is greater than those before.
    func newRunID() -> RunID {
        let number = lastNumber.withLock { number in
            number += 1
            return UInt64(number)
        }
        return RunID(high: (1_800_000_000_000 + number) << 16 | 0x7000, low: 0x8000_0000_0000_0000 | number)
    }

    func event(_ id: String, source: String = "/orders", data: [UInt8]? = Array("{}".utf8)) -> Event {
        Event(id: id, source: source, type: "order.placed", data: data)
    }

    func newRun(
        _ job: String, trigger: String? = "orders", runAt: Int = 0, priority: Int = 0, id: RunID? = nil
    ) -> NewRun {
        NewRun(id: id ?? newRunID(), job: job, trigger: trigger, runAt: second(runAt), priority: priority)
    }

    func record(
        _ id: String, _ runs: [NewRun], at: Int = 0, refusals: [Decision] = [], stateChanges: [SourceStateChange] = []
    ) -> IntakeRecord {
        IntakeRecord(
            event: event(id), acceptedAt: second(at), runs: runs, refusals: refusals, stateChanges: stateChanges)
    }

    /// Accepts one event for one job, and answers the run's id.
    @discardableResult
    func accept(
        _ id: String, job: String = "send", trigger: String? = "orders", at: Int = 0, runAt: Int = 0, priority: Int = 0
    ) async throws -> RunID {
        let run = newRun(job, trigger: trigger, runAt: runAt, priority: priority)
        _ = try await store.accept([record(id, [run], at: at)])
        return run.id
    }

    /// Claims for these jobs, each with the limit; the lease lasts 30 seconds.
    func claim(
        _ jobs: [String] = ["send"], limit: Int = 100, total: Int = 10_000, node: NodeID = "node-1", at: Int = 0,
        lasting: Int = 30
    ) async throws -> [ClaimedRun] {
        try await claimResult(
            jobs.map { .init(job: $0, limit: limit) }, total: total, node: node, at: second(at), lasting: lasting
        ).runs
    }

    func claimResult(
        _ demands: [ClaimRequest.Demand], total: Int = 10_000, node: NodeID = "node-1", at now: Timestamp,
        lasting: Int = 30
    ) async throws -> ClaimResult {
        try await store.claim(
            ClaimRequest(
                node: node, now: now, leaseExpiresAt: now + .seconds(lasting), demands: demands, limit: total))
    }

    /// Claims exactly one run.
    func claimOne(
        _ job: String = "send", node: NodeID = "node-1", at: Int = 0, lasting: Int = 30, file: StaticString = #fileID,
        line: UInt = #line
    ) async throws -> ClaimedRun {
        let claimed = try await claim([job], limit: 1, node: node, at: at, lasting: lasting)
        return try require("a run of \(job) can be claimed", claimed.first, file: file, line: line)
    }

    /// Accepts an event and claims its run.
    func running(_ id: String, job: String = "send", at: Int = 0, lasting: Int = 30) async throws -> ClaimedRun {
        try await accept(id, job: job, at: at, runAt: at)
        return try await claimOne(job, at: at, lasting: lasting)
    }

    /// What an attempt of this run that ended at `at` leaves in the history.
    func attempt(
        of run: ClaimedRun, _ outcome: Attempt.Outcome, startedAt: Int = 0, endedAt: Int = 1, error: String? = nil,
        output: [UInt8]? = nil
    ) -> Attempt {
        Attempt(
            number: run.attempt, node: run.lease.node, startedAt: second(startedAt), endedAt: second(endedAt),
            outcome: outcome, error: error, output: output)
    }

    /// The settlement that ends an attempt.
    func settlement(
        _ run: ClaimedRun, _ transition: Settlement.Transition, at: Int = 1, error: String? = nil,
        onlyIfExpired: Bool = false, emitted: [IntakeRecord] = []
    ) -> Settlement {
        let outcome: Attempt.Outcome? =
            switch transition {
            case .complete: .completed
            case .retry, .die: .failed
            case .cancel: .cancelled
            case .release: nil
            }
        let attempt = outcome.map { self.attempt(of: run, $0, endedAt: at, error: error) }
        return Settlement(
            lease: run.lease, attempt: attempt, transition: transition, at: second(at), emitted: emitted,
            onlyIfExpired: onlyIfExpired)
    }

    /// Settles one run and answers what the store said.
    @discardableResult
    func settle(
        _ run: ClaimedRun, _ transition: Settlement.Transition, at: Int = 1, error: String? = nil,
        onlyIfExpired: Bool = false, emitted: [IntakeRecord] = []
    ) async throws -> SettleResult {
        let one = settlement(
            run, transition, at: at, error: error, onlyIfExpired: onlyIfExpired, emitted: emitted)
        let results = try await store.settle([one])
        return try require("a settlement is answered", results.first)
    }

    /// The run, which has to exist.
    func run(_ id: RunID, file: StaticString = #fileID, line: UInt = #line) async throws -> Run {
        try require("the run exists", try await store.run(id), file: file, line: line)
    }

    /// The one event of that id.
    func record(of id: String, file: StaticString = #fileID, line: UInt = #line) async throws -> EventRecord {
        let found = try await store.events(id: id, source: nil)
        try expect("one event has this id", found.count, 1, file: file, line: line)
        return found[0]
    }

    /// Expects a run to stand at a state.
    func expectState(
        _ id: RunID, _ state: RunState, file: StaticString = #fileID, line: UInt = #line
    ) async throws {
        try expect("the run's state", try await run(id, file: file, line: line).state, state, file: file, line: line)
    }

    /// Brings a new run to a state by the store's own methods. It never has a result, a reason or a lease without need.
    func run(at state: RunState, event id: String = "e1", job: String = "send") async throws -> RunID {
        switch state {
        case .scheduled:
            return try await accept(id, job: job, runAt: 1000)
        case .available:
            return try await accept(id, job: job)
        case .running:
            return try await running(id, job: job).lease.run
        case .retryable:
            let claimed = try await running(id, job: job)
            try await settle(claimed, .retry(at: second(1000), history: RunHistory(failures: 1)), error: "no answer")
            return claimed.lease.run
        case .completed:
            let claimed = try await running(id, job: job)
            try await settle(claimed, .complete(result: Array("42".utf8)))
            return claimed.lease.run
        case .dead:
            let claimed = try await running(id, job: job)
            let history = RunHistory(failures: 1, snoozes: 2, crashes: 3)
            try await settle(claimed, .die(reason: "out of attempts", history: history), error: "no answer")
            return claimed.lease.run
        case .cancelled:
            let claimed = try await running(id, job: job)
            try await settle(claimed, .cancel(reason: "cancelled while it ran"))
            return claimed.lease.run
        }
    }
}
