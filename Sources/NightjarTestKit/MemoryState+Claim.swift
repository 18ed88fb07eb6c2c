import CloudEvents
import NightjarCore

extension MemoryState {
    mutating func claim(_ request: ClaimRequest) -> ClaimResult {
        promote(now: request.now)
        let expired = expire(now: request.now)
        var result = ClaimResult(runs: [], nextDueAt: nil, expired: expired)
        func wait(until time: Timestamp) {
            if time > request.now { result.nextDueAt = min(result.nextDueAt ?? time, time) }
        }
        var slots = request.limit
        for demand in request.demands
        where demand.limit > 0 && !pauses.contains(Pause(.job, demand.job)) {
            var room = min(demand.limit, request.mostRuns - result.runs.count)
            if let rate = demand.rate?.waiting {
                room = min(room, rate.available(arrivals[demand.job], at: request.now))
            }
            let limit = min(room, slots / demand.weight)
            var runs: [ClaimedRun] = []
            if limit > 0 {
                runs = claim(demand, limit: limit, request, wait: wait)
            } else if room > 0, demand.weight > request.limit {
                // What it would do is done to a copy.
                var trial = self
                if !trial.claim(demand, limit: 1, request, wait: wait).isEmpty { result.tooHeavy.insert(demand.job) }
            }
            if let rate = demand.rate?.waiting {
                let arrival = arrivals[demand.job]
                arrivals[demand.job] =
                    runs.isEmpty
                    ? rate.clamped(arrival, at: request.now)
                    : rate.arrival(arrival, after: runs.count, at: request.now)
                wait(until: rate.nextStart(arrivals[demand.job], at: request.now))
            }
            slots -= runs.count * demand.weight
            result.runs += runs
        }
        result.nextDueAt = [result.nextDueAt, nextDueAt()].compactMap { $0 }.min()
        return result
    }

    private mutating func claim(
        _ demand: ClaimRequest.Demand, limit: Int, _ request: ClaimRequest, wait: (Timestamp) -> Void
    ) -> [ClaimedRun] {
        var claimed: [ClaimedRun] = []
        if let suspect = suspect(demand, request, wait: wait) {
            if let lane = lane(of: suspect, demand) { serve(lane, demand, at: request.now) }
            claimed += [lease(suspect, request)].compactMap { $0 }
        }
        if demand.perKey != nil {
            return claimed + claimByKey(demand, limit: limit - claimed.count, request, wait: wait)
        }
        let rest = available(demand.job, request) { _ in true }.prefix(limit - claimed.count)
        return claimed + rest.compactMap { lease($0.run.id, request) }
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

    /// The job's available runs, but for suspects and what is paused, in the order of claims.
    func available(
        _ job: String, _ request: ClaimRequest, where fits: (StoredRun) -> Bool
    ) -> [StoredRun] {
        let candidates = live.compactMap { runs[$0] }.filter { stored in
            stored.run.state == .available && stored.run.job == job && !stored.history.isSuspect
                && !isPaused(stored) && fits(stored)
        }
        return candidates.sorted(by: Self.goesFirst)
    }

    /// Whether its trigger or its key is paused.
    func isPaused(_ stored: StoredRun) -> Bool {
        if let trigger = stored.run.trigger, pauses.contains(Pause(.trigger, trigger)) { return true }
        return stored.run.key.map { pauses.contains(Pause(key: $0, ofJob: stored.run.job)) } ?? false
    }

    static func goesFirst(_ left: StoredRun, _ right: StoredRun) -> Bool {
        left.rank == right.rank ? left.event < right.event : left.rank < right.rank
    }

    mutating func lease(_ id: RunID, _ request: ClaimRequest) -> ClaimedRun? {
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
            attempt: stored.attempt, history: stored.history, createdAt: stored.run.createdAt,
            startsOverAt: stored.startsOverAt, key: stored.run.key, lease: lease)
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
                history: stored.history, startsOverAt: stored.startsOverAt,
                isCancelRequested: stored.run.isCancelRequested)
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
