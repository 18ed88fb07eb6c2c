import CloudEvents
import Logging
import NightjarCore

/// Tells the rest of the node what became durable: slots get free, jobs have work, listeners hear of it.
struct RunNews: Sendable {
    let hub: UpdateHub
    let dispatcher: Dispatcher
    let inHand: RunsInHand
    let time: any TimeSource
    let logger: Logger

    func made(_ runs: [NewRun], at now: Timestamp) {
        dispatcher.hint(runs.lazy.filter { $0.runAt <= now }.map(\.job))
        for run in runs where run.runAt > now { dispatcher.noteDue(at: run.runAt) }
        guard hub.hasListeners else { return }
        hub.send(
            runs.map {
                RunUpdate(
                    run: $0.id, job: $0.job, trigger: $0.trigger, state: $0.runAt <= now ? .available : .scheduled,
                    attempt: 0, at: now)
            })
    }

    func claimed(_ run: ClaimedRun) {
        guard hub.hasListeners else { return }
        hub.send([
            RunUpdate(
                run: run.lease.run, job: run.job, trigger: run.trigger, state: .running, attempt: run.attempt,
                at: time.now)
        ])
    }

    func settled(_ settlements: [Settlement], _ results: [SettleResult]) {
        var updates: [RunUpdate] = []
        var mayHaveWork: Set<String> = []
        let hasListeners = hub.hasListeners
        for (settlement, result) in zip(settlements, results) {
            let entry = inHand.remove(settlement.lease)
            if let entry { dispatcher.release(entry.job, weight: entry.weight) }
            guard case .settled(let state, _) = result else {
                // Nothing was lost: whoever holds the lease now does the run. Look whether that is to be this node.
                logger.warning("a stale lease settled nothing", metadata: ["run": "\(settlement.lease.run)"])
                if let entry { mayHaveWork.insert(entry.job) }
                continue
            }
            guard let entry else { continue }
            // What has the same key may have waited for it.
            if entry.key != nil { mayHaveWork.insert(entry.job) }
            // Now the node may take another run that is suspected of killing its nodes, whatever its job.
            if entry.isSuspect { dispatcher.hintAll() }
            switch settlement.transition {
            case .retry(let at, _) where state == .retryable: dispatcher.noteDue(at: at)
            case .retry, .release: mayHaveWork.insert(entry.job)
            case .die(let reason, _):
                logger.error(
                    "a run is dead",
                    metadata: ["run": "\(settlement.lease.run)", "job": "\(entry.job)", "reason": "\(reason)"])
            case .complete, .cancel: break
            }
            guard hasListeners else { continue }
            updates.append(
                RunUpdate(
                    run: settlement.lease.run, job: entry.job, trigger: entry.trigger, state: state,
                    attempt: entry.attempt, progress: settlement.progress, reason: settlement.attempt?.error,
                    at: settlement.at))
        }
        if !mayHaveWork.isEmpty { dispatcher.hint(mayHaveWork) }
        if !updates.isEmpty { hub.send(updates) }
    }

    func rescued(_ settlements: [Settlement], _ results: [SettleResult], _ runs: [ExpiredRun]) {
        dispatcher.hint(Set(runs.map(\.job)))
        guard hub.hasListeners else { return }
        for (settlement, (result, run)) in zip(settlements, zip(results, runs)) {
            guard case .settled(let state, _) = result else { continue }
            hub.send([
                RunUpdate(
                    run: run.lease.run, job: run.job, trigger: nil, state: state, attempt: run.attempt,
                    reason: settlement.attempt?.error, at: settlement.at)
            ])
        }
    }

    /// Runs are dead because they were not started in time.
    func expired(_ runs: [UnstartedRun]) {
        for run in runs {
            logger.error(
                "a run is dead",
                metadata: ["run": "\(run.id)", "job": "\(run.job)", "reason": "\(UnstartedRun.reason)"])
        }
        guard hub.hasListeners, !runs.isEmpty else { return }
        let now = time.now
        hub.send(
            runs.map {
                RunUpdate(
                    run: $0.id, job: $0.job, trigger: $0.trigger, state: .dead, attempt: 0,
                    reason: UnstartedRun.reason, at: now)
            })
    }

    func abandoned(_ lease: Lease) {
        if let entry = inHand.remove(lease) { dispatcher.release(entry.job, weight: entry.weight) }
    }
}
