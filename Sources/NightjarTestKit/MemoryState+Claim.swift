import CloudEvents
import NightjarCore

extension MemoryState {
    mutating func claim(_ request: ClaimRequest) -> ClaimResult {
        promote(now: request.now)
        let expired = expire(now: request.now)
        var claimed: [ClaimedRun] = []
        var slots = request.limit
        var waitsUntil: [Timestamp] = []
        for demand in request.demands {
            var limit = min(demand.limit, slots / demand.weight)
            if let rate = demand.rate, rate.excess == .wait {
                let allowed = rate.available(arrivals[demand.job], at: request.now)
                limit = min(limit, allowed)
            }
            var runs: [ClaimedRun] = []
            if let perKey = demand.perKey { runs = claimByKey(demand.job, perKey, limit: limit, request) }
            let rest = available(demand.job, pausedTriggers: request.pausedTriggers, withKeys: demand.perKey == nil)
            for id in rest.prefix(max(0, limit - runs.count)) {
                if let run = lease(id, request) { runs.append(run) }
            }
            if let rate = demand.rate, rate.excess == .wait {
                if !runs.isEmpty {
                    arrivals[demand.job] = rate.arrival(arrivals[demand.job], after: runs.count, at: request.now)
                }
                let next = rate.nextStart(arrivals[demand.job])
                if next > request.now { waitsUntil.append(next) }
            }
            if let rate = demand.perKey?.rate, rate.excess == .wait {
                waitsUntil += lanes.filter { lane, state in
                    lane.job == demand.job && state.readyAt > request.now
                        && live.contains { run(of: lane, $0)?.run.state == .available }
                }.map(\.value.readyAt)
            }
            slots -= runs.count * demand.weight
            claimed += runs
        }
        return ClaimResult(
            runs: claimed, nextDueAt: (waitsUntil + [nextDueAt()].compactMap { $0 }).min(), expired: expired)
    }

    private func run(of lane: LaneKey, _ id: RunID) -> StoredRun? {
        guard let stored = runs[id], stored.run.job == lane.job, stored.run.key == lane.key else { return nil }
        return stored
    }

    private mutating func promote(now: Timestamp) {
        for id in live {
            guard let run = runs[id]?.run, run.state == .scheduled || run.state == .retryable else { continue }
            if run.runAt <= now { runs[id]?.run.state = .available }
        }
    }

    private mutating func expire(now: Timestamp) -> [UnstartedRun] {
        let late = live.compactMap { runs[$0] }.filter { canExpire($0) && $0.run.expiresAt ?? .distantFuture <= now }
        let oldestFirst = late.sorted { ($0.run.expiresAt ?? now, $0.run.id) < ($1.run.expiresAt ?? now, $1.run.id) }
        return oldestFirst.prefix(UnstartedRun.mostAtOnce).map { stored in
            let id = stored.run.id
            runs[id]?.run.state = .dead
            runs[id]?.run.finishedAt = now
            runs[id]?.run.reason = UnstartedRun.reason
            live.remove(id)
            return UnstartedRun(id: id, job: stored.run.job, trigger: stored.run.trigger)
        }
    }

    private func canExpire(_ stored: StoredRun) -> Bool {
        stored.attempt == 0 && (stored.run.state == .scheduled || stored.run.state == .available)
    }

    /// The job's available runs in the order of claims.
    private func available(_ job: String, pausedTriggers: Set<String>, withKeys: Bool) -> [RunID] {
        let candidates = live.compactMap { runs[$0] }.filter { stored in
            guard stored.run.state == .available, stored.run.job == job, withKeys || stored.run.key == nil else {
                return false
            }
            return stored.run.trigger.map { !pausedTriggers.contains($0) } ?? true
        }
        return candidates.sorted(by: Self.goesFirst).map(\.run.id)
    }

    private static func goesFirst(_ left: StoredRun, _ right: StoredRun) -> Bool {
        left.rank == right.rank ? left.event < right.event : left.rank < right.rank
    }

    /// One run of each key after the other, until no key has one more.
    private mutating func claimByKey(
        _ job: String, _ policy: KeyPolicy, limit: Int, _ request: ClaimRequest
    ) -> [ClaimedRun] {
        var claimed: [ClaimedRun] = []
        while claimed.count < limit {
            let ready = lanes.filter { $0.key.job == job && $0.value.readyAt <= request.now }.sorted { left, right in
                left.value.readyAt == right.value.readyAt
                    ? left.key.key.utf8.lexicographicallyPrecedes(right.key.key.utf8)
                    : left.value.readyAt < right.value.readyAt
            }
            var pass: [ClaimedRun] = []
            for (lane, _) in ready where claimed.count + pass.count < limit {
                guard let id = next(of: lane, policy, request.pausedTriggers), let run = lease(id, request) else {
                    continue
                }
                pass.append(run)
                lanes[lane]?.readyAt = request.now
                if let rate = policy.rate, rate.excess == .wait {
                    let arrival = rate.arrival(lanes[lane]?.arrival, after: 1, at: request.now)
                    lanes[lane]?.arrival = arrival
                    lanes[lane]?.readyAt = max(request.now, rate.nextStart(arrival))
                }
            }
            if pass.isEmpty { break }
            claimed += pass
        }
        return claimed
    }

    /// The run of the key that may start next.
    private func next(of lane: LaneKey, _ policy: KeyPolicy, _ pausedTriggers: Set<String>) -> RunID? {
        let runs = runs.values.filter { $0.run.job == lane.job && $0.run.key == lane.key }
        let unfinished = runs.filter { !$0.run.state.isFinished }
        let running = unfinished.filter { $0.run.state == .running }.count
        if running >= (policy.isOrdered ? 1 : policy.concurrency ?? .max) { return nil }
        if runs.contains(where: { $0.run.state == .dead && $0.stopsKey }) { return nil }
        func mayStart(_ stored: StoredRun) -> Bool {
            stored.run.state == .available && !pausedTriggers.contains(stored.run.trigger ?? "")
        }
        guard policy.isOrdered else { return unfinished.filter(mayStart).min(by: Self.goesFirst)?.run.id }
        return unfinished.min { $0.event < $1.event }.flatMap { mayStart($0) ? $0.run.id : nil }
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
        var claimed = ClaimedRun(
            job: stored.run.job, trigger: stored.run.trigger, event: stored.run.event, input: stored.run.input,
            attempt: stored.attempt,
            history: stored.history, createdAt: stored.run.createdAt, key: stored.run.key, lease: lease)
        claimed.items = stored.handed?.filter { !$0.isDone }.map(\.item) ?? []
        return claimed
    }

    private func nextDueAt() -> Timestamp? {
        let waiting = live.compactMap { runs[$0] }
        let due = waiting.filter { $0.run.state == .scheduled || $0.run.state == .retryable }.map(\.run.runAt)
        return (due + waiting.filter(canExpire).compactMap(\.run.expiresAt)).min()
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
                history: stored.history, createdAt: stored.run.createdAt, isCancelRequested: stored.run.isCancelRequested)
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
