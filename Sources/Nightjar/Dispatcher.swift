import CloudEvents
import Logging
import NightjarCore
import Synchronization

/// Claims runs for the node's free slots and starts their attempts.
final class Dispatcher: Sendable {
    /// What is polled even without a notification: the fallback for one that was lost.
    private static let pollInterval = Duration.seconds(1)

    private struct State {
        var slots: DispatchState
        var jobs: [String: Job] = [:]
        /// Whether the store is to be asked what is due, also if nothing can be claimed.
        var isDue = false
        var isStopping = false
        var isBackingOff = false
        var failures = 0
        /// Why the store does not lease this node any runs, if it says so.
        var refusal: String?
        var alarmAt = Timestamp.distantFuture
    }

    private let configuration: RuntimeConfiguration
    private let store: any RunStore
    private let time: any TimeSource
    private let alarms: Alarms
    private let inHand: RunsInHand
    private let logger: Logger
    private let state: Mutex<State>
    private let wake = Signal()

    init(
        configuration: RuntimeConfiguration, store: any RunStore, time: any TimeSource, alarms: Alarms,
        inHand: RunsInHand, logger: Logger
    ) {
        self.configuration = configuration
        self.store = store
        self.time = time
        self.alarms = alarms
        self.inHand = inHand
        self.logger = logger
        state = Mutex(
            State(slots: DispatchState(slots: configuration.concurrency, claimLimit: configuration.claimBatch)))
    }

    /// Whether no more runs are claimed.
    var isStopping: Bool { state.withLock { $0.isStopping } }

    /// Why the store refuses to lease this node any runs; `nil` if it does not.
    var refusal: String? { state.withLock { $0.refusal } }

    func job(_ name: String) -> Job? { state.withLock { $0.jobs[name] } }

    var jobs: [Job] { state.withLock { state in state.jobs.values.sorted { $0.name < $1.name } } }

    func used(by job: String) -> Int { state.withLock { $0.slots.used(by: job) } }

    func configure(_ jobs: [Job]) {
        state.withLock { state in
            state.jobs = Dictionary(jobs.map { ($0.name, $0) }) { first, _ in first }
            state.slots.configure(state.jobs.mapValues(\.policy))
        }
        wake.notify()
    }

    func pause(_ pauses: Set<Pause>) {
        state.withLock { state in
            state.slots.pause(Set(pauses.filter { $0.kind == .job }.map(\.name)))
            // What was resumed has work; it may have been paused and resumed without being heard of.
            state.slots.hintAll()
        }
        wake.notify()
    }

    /// Something says that these jobs have work.
    func hint(_ jobs: some Sequence<String>) {
        state.withLock { state in
            for job in jobs { state.slots.hint(job) }
        }
        wake.notify()
    }

    /// Some runs are about to be made. An idle node claims at once, and so waits in the store behind their acceptance; a
    /// busy one is told when they are there.
    func expect(_ jobs: Set<String>) {
        let isIdle = state.withLock { state in
            guard state.slots.used == 0 else { return false }
            for job in jobs { state.slots.hint(job) }
            return true
        }
        if isIdle { wake.notify() }
    }

    /// Something says that any job may have work.
    func hintAll() {
        state.withLock { $0.slots.hintAll() }
        wake.notify()
    }

    /// Some run becomes available at that time.
    func noteDue(at due: Timestamp) {
        state.withLock { state in
            guard due < state.alarmAt else { return }
            state.alarmAt = due
            alarms.set(.dispatch, after: due - time.now)
        }
    }

    /// The time of ``noteDue(at:)`` has come.
    func ring() {
        state.withLock { state in
            state.alarmAt = .distantFuture
            state.isDue = true
            state.slots.hintAll()
        }
        noteDue(at: time.now + Self.pollInterval)
        wake.notify()
    }

    /// The time to try again after a failed claim has come.
    func ringAfterFailure() {
        state.withLock { $0.isBackingOff = false }
        wake.notify()
    }

    /// A run is no longer in hand.
    func release(_ job: String, weight: Int) {
        state.withLock { $0.slots.release(job, weight: weight) }
        wake.notify()
    }

    /// Claims no more; `run` returns when the attempts under way have ended.
    func stop() {
        state.withLock { $0.isStopping = true }
        wake.notify()
    }

    /// Claims and starts attempts until stopped.
    /// - Parameters:
    ///   - expired: hears of runs that were not started in time.
    ///   - attempt: does a claimed run.
    func run(
        expired: @escaping @Sendable ([UnstartedRun]) -> Void,
        _ attempt: @escaping @Sendable (_ run: ClaimedRun) async -> Void
    ) async {
        noteDue(at: time.now + Self.pollInterval)
        await withDiscardingTaskGroup { group in
            while true {
                let (plan, isStopping) = state.withLock { state in (Self.plan(&state), state.isStopping) }
                if isStopping { return }
                guard let plan else {
                    await wake.wait()
                    continue
                }
                guard let result = await claim(plan) else { continue }
                expired(result.expired)
                for claimed in result.runs {
                    group.addTask { await attempt(claimed) }
                }
            }
        }
    }

    /// What to claim now. When something is due and nothing can be claimed, a claim of nothing sees to it.
    private static func plan(_ state: inout State) -> DispatchState.Plan? {
        if state.isBackingOff || state.isStopping { return nil }
        let plan = state.slots.plan() ?? (state.isDue ? state.slots.planOfNone() : nil)
        if plan != nil { state.isDue = false }
        return plan
    }

    private func claim(_ plan: DispatchState.Plan) async -> ClaimResult? {
        let now = time.now
        let request = ClaimRequest(
            node: configuration.node, now: now, leaseExpiresAt: now + configuration.lease, demands: plan.demands,
            limit: plan.limit, mostRuns: plan.mostRuns)
        inHand.beginClaim(at: now)
        do throws(StoreError) {
            let result = try await store.claim(request)
            inHand.endClaim(
                result.runs, weights: Dictionary(plan.demands.map { ($0.job, $0.weight) }) { first, _ in first })
            state.withLock { state in
                state.failures = 0
                state.refusal = nil
                state.slots.claimed(plan, result.runs.map(\.job), tooHeavy: result.tooHeavy)
            }
            if let due = result.nextDueAt { noteDue(at: due) }
            return result
        } catch {
            inHand.endClaim([])
            let refusal = error.code == .conflict ? error.message : nil
            let (failures, isKnown) = state.withLock { state in
                state.failures += 1
                state.isBackingOff = true
                state.isDue = true
                defer { state.refusal = refusal }
                return (state.failures, refusal != nil && refusal == state.refusal)
            }
            if !isKnown { logger.error("claiming runs failed and is tried again", metadata: ["error": "\(error)"]) }
            alarms.set(.retryClaim, after: .milliseconds(25 << Int64(min(failures, 7))))
            return nil
        }
    }
}
