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
    let lease: Duration
    let onRescued: @Sendable ([Settlement], [SettleResult], [ExpiredRun]) -> Void
    let logger: Logger

    /// Rescues at once, then after each interval, until the task is cancelled.
    func run() async {
        let interval = min(lease / 3, .seconds(5))
        var judge = CrashJudge(memory: lease)
        var trust = ExpiryTrust(interval: interval, lease: lease)
        while !Task.isCancelled {
            let now = time.now
            // In doubt, only the runs of nodes that are known to be dead: at no time has a lease expired in the distant past.
            let horizon = trust.look(now: now, elapsed: time.elapsed) ? now : .distantPast
            do throws(StoreError) {
                try await rescue(expiredAt: horizon, now: now, &judge)
            } catch {
                trust.doubt(elapsed: time.elapsed)
                logger.error(
                    "runs of dead nodes could not be taken back; tried again", metadata: ["error": "\(error)"])
            }
            do { try await time.sleep(for: interval) } catch { return }
        }
    }

    /// Rescues every run whose lease has expired at `horizon`, or whose node is known to be dead.
    private func rescue(
        expiredAt horizon: Timestamp, now: Timestamp, _ judge: inout CrashJudge
    ) async throws(StoreError) {
        var refused: Set<FencingToken> = []
        while true {
            let limit = Self.batch + refused.count
            var found = try await store.expired(now: horizon, limit: limit)
            // All that a node had in hand is judged together.
            if found.count == limit { found = try await store.expired(now: horizon, limit: .max) }
            // The machine slept, its clock was set, or the store was away: the handlers live all the same.
            let own = found.filter { $0.lease.node == keeper.node && inHand.mayHold($0.lease, startedAt: $0.startedAt) }
            if !own.isEmpty { await keeper.renew(own.map(\.lease)) }
            let kept = refused.union(own.map(\.lease.token))
            let expired = found.filter { !kept.contains($0.lease.token) }
            guard !expired.isEmpty else { return }
            let judged = zip(expired, judge.judge(expired, at: now)).map { (run: $0, verdict: $1) }
            let taken = try await takeBack(judged, now: now)
            refused.formUnion(taken.refused)
            // None was settled: others rescue too, or the leases were prolonged in between.
            if found.count < limit || taken.settled == 0 && taken.refused.isEmpty { return }
        }
    }

    /// Settles these runs, whose nodes are gone. One that the store refuses is left as it is, and does not hold up the others.
    private func takeBack(
        _ judged: [(run: ExpiredRun, verdict: CrashVerdict)], now: Timestamp
    ) async throws(StoreError) -> (settled: Int, refused: [FencingToken]) {
        let runs = judged.map(\.run)
        // In one transaction: who looks next must not find the spared without the charged.
        let settlements = judged.map { settlement(for: $0.run, $0.verdict, now: now) }
        do throws(StoreError) {
            let results = try await store.settle(settlements)
            for (run, result) in zip(runs, results) where result != .leaseLost {
                logger.warning(
                    "a run was taken back from a node that died or lost its lease",
                    metadata: ["run": "\(run.lease.run)", "job": "\(run.job)", "node": "\(run.lease.node)"])
            }
            onRescued(settlements, results, runs)
            return (results.count { $0 != .leaseLost }, [])
        } catch {
            guard error.code == .conflict else { throw error }
            guard runs.count > 1 else {
                logger.error(
                    "a run of a dead node could not be taken back; tried again",
                    metadata: ["run": "\(runs[0].lease.run)", "job": "\(runs[0].job)", "error": "\(error)"])
                return (0, [runs[0].lease.token])
            }
            var all: (settled: Int, refused: [FencingToken]) = (0, [])
            for one in judged {
                let one = try await takeBack([one], now: now)
                all.settled += one.settled
                all.refused += one.refused
            }
            return all
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
