import CloudEvents
import Logging
import NightjarCore

/// Takes runs back from nodes that died or lost their leases. What this node itself has in hand it does not take back, but renews.
struct Rescuer: Sendable {
    /// How many runs are asked for at first. If there may be more, all are: who is charged with a node's death cannot be told
    /// from some of its runs. There are never more than the nodes that died had slots.
    private static let batch = 500

    let store: any RunStore
    let time: any TimeSource
    let random: RandomSource
    let inHand: RunsInHand
    let keeper: LeaseKeeper
    let policy: @Sendable (_ job: String) -> RetryPolicy
    let interval: Duration
    let lease: Duration
    let onRescued: @Sendable ([Settlement], [SettleResult], [ExpiredRun]) -> Void
    let logger: Logger

    /// Rescues at once, then after each interval, until the task is cancelled.
    func run() async {
        var judge = CrashJudge(memory: lease)
        while !Task.isCancelled {
            await rescue(&judge)
            do { try await time.sleep(for: interval) } catch { return }
        }
    }

    /// Rescues every run whose lease has expired by now.
    private func rescue(_ judge: inout CrashJudge) async {
        do throws(StoreError) {
            while true {
                let now = time.now
                var found = try await store.expired(now: now, limit: Self.batch)
                if found.count == Self.batch { found = try await store.expired(now: now, limit: .max) }
                // The machine slept, its clock was set, or the store was away: the handlers live all the same.
                let own = found.filter { inHand.entry($0.lease) != nil }
                if !own.isEmpty { await keeper.renew(own.map(\.lease)) }
                let expired = found.filter { run in !own.contains { $0.lease.token == run.lease.token } }
                guard !expired.isEmpty else { return }
                // In one transaction: who looks next must not find the spared without the charged.
                let settlements = zip(expired, judge.judge(expired, at: now)).map { settlement(for: $0, $1, now: now) }
                let results = try await store.settle(settlements)
                for (run, result) in zip(expired, results) where result != .leaseLost {
                    logger.warning(
                        "a run was taken back from a node that died or lost its lease",
                        metadata: ["run": "\(run.lease.run)", "job": "\(run.job)", "node": "\(run.lease.node)"])
                }
                onRescued(settlements, results, expired)
                // None was settled: others rescue too, or the leases were prolonged in between.
                if found.count < Self.batch || results.allSatisfy({ $0 == .leaseLost }) { return }
            }
        } catch {
            logger.error("runs of dead nodes could not be taken back; tried again", metadata: ["error": "\(error)"])
        }
    }

    private func settlement(for run: ExpiredRun, _ verdict: CrashVerdict, now: Timestamp) -> Settlement {
        let decision = random.withGenerator {
            AttemptDecision(
                .crashed(verdict), policy: policy(run.job), history: run.history, startsOverAt: run.startsOverAt,
                isCancelRequested: run.isCancelRequested, now: now, using: &$0)
        }
        return Settlement(
            lease: run.lease,
            attempt: Attempt(
                number: run.attempt, node: run.lease.node, startedAt: run.startedAt, endedAt: now,
                outcome: decision.outcome, error: decision.error),
            transition: decision.transition, at: now, onlyIfExpired: true)
    }
}
