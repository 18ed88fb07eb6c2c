import CloudEvents
import NightjarCore

extension MemoryState {
    mutating func claim(_ request: ClaimRequest) -> ClaimResult {
        promote(now: request.now)
        var claimed: [ClaimedRun] = []
        for demand in request.demands {
            let limit = min(demand.limit, request.limit - claimed.count)
            guard limit > 0 else { continue }
            for id in available(demand.job, pausedTriggers: request.pausedTriggers).prefix(limit) {
                if let run = lease(id, request) { claimed.append(run) }
            }
        }
        return ClaimResult(runs: claimed, nextDueAt: nextDueAt())
    }

    private mutating func promote(now: Timestamp) {
        for id in live {
            guard let run = runs[id]?.run, run.state == .scheduled || run.state == .retryable else { continue }
            if run.runAt <= now { runs[id]?.run.state = .available }
        }
    }

    /// The job's available runs in the order of claims.
    private func available(_ job: String, pausedTriggers: Set<String>) -> [RunID] {
        let candidates = live.compactMap { runs[$0] }.filter { stored in
            guard stored.run.state == .available, stored.run.job == job else { return false }
            return stored.run.trigger.map { !pausedTriggers.contains($0) } ?? true
        }
        return candidates.sorted(by: Self.goesFirst).map(\.run.id)
    }

    private static func goesFirst(_ left: StoredRun, _ right: StoredRun) -> Bool {
        if left.run.priority != right.run.priority { return left.run.priority > right.run.priority }
        if left.run.runAt != right.run.runAt { return left.run.runAt < right.run.runAt }
        return left.event < right.event
    }

    private mutating func lease(_ id: RunID, _ request: ClaimRequest) -> ClaimedRun? {
        guard var stored = runs[id] else { return nil }
        lastToken += 1
        let lease = Lease(run: id, token: lastToken, node: request.node, expiresAt: request.leaseExpiresAt)
        stored.run.state = .running
        stored.run.lease = lease
        stored.attempt += 1
        stored.startedAt = request.now
        runs[id] = stored
        return ClaimedRun(
            job: stored.run.job, trigger: stored.run.trigger, event: stored.run.event, input: stored.run.input,
            attempt: stored.attempt,
            history: stored.history, createdAt: stored.run.createdAt, lease: lease)
    }

    private func nextDueAt() -> Timestamp? {
        let waiting = live.compactMap { runs[$0]?.run }.filter { $0.state == .scheduled || $0.state == .retryable }
        return waiting.map(\.runAt).min()
    }

    mutating func renew(_ leases: [Lease], until expiry: Timestamp, now: Timestamp) -> [LeaseRenewal] {
        leases.map { lease in
            guard let stored = holder(of: lease) else { return .lost }
            runs[lease.run]?.run.lease?.expiresAt = expiry
            return stored.run.isCancelRequested ? .cancelRequested : .renewed
        }
    }

    mutating func report(_ progress: [(lease: Lease, progress: Progress)]) {
        for (lease, progress) in progress where holder(of: lease) != nil {
            runs[lease.run]?.run.progress = progress
        }
    }

    func cancelRequests(node: NodeID) -> [Lease] {
        live.sorted().compactMap { id in
            guard let run = runs[id]?.run, run.isCancelRequested, run.lease?.node == node else { return nil }
            return run.lease
        }
    }

    func expired(now: Timestamp, limit: Int) -> [ExpiredRun] {
        let running = live.compactMap { runs[$0] }.compactMap { stored -> ExpiredRun? in
            guard let lease = stored.run.lease, isOver(lease, at: now) else { return nil }
            return ExpiredRun(
                job: stored.run.job, lease: lease, attempt: stored.attempt, startedAt: stored.startedAt,
                history: stored.history, isCancelRequested: stored.run.isCancelRequested)
        }
        return Array(running.sorted { $0.lease.token < $1.lease.token }.prefix(max(0, limit)))
    }

    /// The run that a lease holds; `nil` if the lease is stale.
    func holder(of lease: Lease) -> StoredRun? {
        guard let stored = runs[lease.run], stored.run.state == .running, stored.run.lease?.token == lease.token else {
            return nil
        }
        return stored
    }

    /// Whether another node may take the run from the lease's holder.
    func isOver(_ lease: Lease, at now: Timestamp) -> Bool {
        lease.expiresAt <= now || deadNodes.contains(lease.node)
    }
}
