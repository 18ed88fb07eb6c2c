import CloudEvents
import NightjarCore

/// Runs that have a key in common, and runs that are suspected of killing their nodes.
extension MemoryState {
    /// Why a key has no run to start.
    private enum Candidate {
        case run(RunID)
        case waits(until: Timestamp)
        case none
    }

    /// One run of each key after the other, until no key has one more.
    mutating func claimByKey(
        _ demand: ClaimRequest.Demand, limit: Int, _ request: ClaimRequest, wait: (Timestamp) -> Void
    ) -> [ClaimedRun] {
        guard let policy = demand.perKey, limit > 0 else { return [] }
        var claimed: [ClaimedRun] = []
        var lookedAt = Int64.min
        while claimed.count < limit {
            let next = lanes.filter { $0.key.job == demand.job && $0.value.turn > lookedAt }
                .min { $0.value.turn < $1.value.turn }
            let keylessTurn = keylessTurns[demand.job] ?? 0
            if keylessTurn > lookedAt, keylessTurn < next?.value.turn ?? .max {
                lookedAt = keylessTurn
                guard let id = available(demand.job, request, where: { $0.run.key == nil }).first?.run.id else {
                    continue
                }
                claimed += [lease(id, request)].compactMap { $0 }
                keylessTurns[demand.job] = nextTurn()
                continue
            }
            guard let lane = next?.key, let turn = next?.value.turn else { break }
            lookedAt = turn
            guard case .run(let id) = candidate(lane, policy, request) else { continue }
            serve(lane, demand, at: request.now)
            claimed += [lease(id, request)].compactMap { $0 }
        }
        if claimed.count < limit {
            for lane in lanes.keys where lane.job == demand.job {
                if case .waits(let time) = candidate(lane, policy, request) { wait(time) }
            }
        }
        return claimed
    }

    /// Notes that a run of the key starts now.
    mutating func serve(_ lane: LaneKey, _ demand: ClaimRequest.Demand, at now: Timestamp) {
        let turn = nextTurn()
        lanes[lane]?.turn = turn
        guard let rate = demand.perKey?.rate?.waiting else { return }
        let arrival = rate.arrival(lanes[lane]?.arrival, after: 1, at: now)
        lanes[lane]?.arrival = arrival
    }

    /// The lane of a run, where keys matter.
    func lane(of id: RunID, _ demand: ClaimRequest.Demand) -> LaneKey? {
        demand.perKey == nil ? nil : runs[id].flatMap { LaneKey($0.run) }
    }

    /// The run of the key that may start next.
    private mutating func candidate(_ lane: LaneKey, _ policy: KeyPolicy, _ request: ClaimRequest) -> Candidate {
        if isPaused(lane) || isFull(lane, policy) { return .none }
        let unfinished = runs(of: lane).filter { !$0.run.state.isFinished }
        let stop = stop(lane)
        func mayStart(_ stored: StoredRun) -> Bool {
            stored.run.state == .available && !stored.history.isSuspect && stored.event < stop ?? .max
        }
        let inOrder: [StoredRun]
        if policy.isOrdered {
            inOrder = unfinished.min { $0.event < $1.event }.map { [$0] } ?? []
        } else if stop != nil {
            inOrder = unfinished.sorted { $0.event < $1.event }
        } else {
            inOrder = unfinished.sorted(by: Self.goesFirst)
        }
        let candidates = inOrder.filter(mayStart)
        guard !candidates.isEmpty else { return .none }
        if let rate = policy.rate?.waiting, rate.available(lanes[lane]?.arrival, at: request.now) < 1 {
            let arrival = rate.clamped(lanes[lane]?.arrival, at: request.now) ?? request.now
            lanes[lane]?.arrival = arrival
            return .waits(until: rate.nextStart(arrival, at: request.now))
        }
        return candidates.first { !isPaused($0) }.map { .run($0.run.id) } ?? .none
    }

    /// The job's first suspect that may start, if the node has none in hand.
    func suspect(
        _ demand: ClaimRequest.Demand, _ request: ClaimRequest, wait: (Timestamp) -> Void
    ) -> RunID? {
        let all = live.compactMap { runs[$0] }.filter(\.history.isSuspect)
        if all.contains(where: { $0.run.lease?.node == request.node }) { return nil }
        let waiting = all.filter { $0.run.state == .available && $0.run.job == demand.job }
        for suspect in waiting.sorted(by: Self.goesFirst) where !isPaused(suspect) {
            guard let policy = demand.perKey, let lane = LaneKey(suspect.run) else { return suspect.run.id }
            if isFull(lane, policy) { continue }
            if let stop = stop(lane), stop < suspect.event { continue }
            let first = runs(of: lane).filter { !$0.run.state.isFinished }.map(\.event).min()
            if policy.isOrdered, first != suspect.event { continue }
            if let rate = policy.rate?.waiting, rate.available(lanes[lane]?.arrival, at: request.now) < 1 {
                wait(rate.nextStart(lanes[lane]?.arrival, at: request.now))
                continue
            }
            return suspect.run.id
        }
        return nil
    }

    private func runs(of lane: LaneKey) -> [StoredRun] {
        runs.values.filter { LaneKey($0.run) == lane }
    }

    private func isPaused(_ lane: LaneKey) -> Bool {
        pauses.contains(Pause(key: String(decoding: lane.key, as: UTF8.self), ofJob: lane.job))
    }

    /// Whether so many runs of the key are running as may.
    private func isFull(_ lane: LaneKey, _ policy: KeyPolicy) -> Bool {
        guard let limit = policy.isOrdered ? 1 : policy.concurrency else { return false }
        return runs(of: lane).filter { $0.run.state == .running }.count >= limit
    }

    /// The event of the first dead run that stops the key.
    private func stop(_ lane: LaneKey) -> Int64? {
        runs(of: lane).filter { $0.run.state == .dead && $0.stopsKey }.map(\.event).min()
    }

    func circumstances(of id: RunID) -> RunCircumstances? {
        guard let stored = runs[id] else { return nil }
        func listed(_ runs: [StoredRun]) -> [RunID] {
            Array(runs.filter { $0.run.state == .running }.map(\.run.id).sorted().prefix(RunCircumstances.mostListed))
        }
        let run = stored.run
        var found = RunCircumstances(
            run: id, job: run.job, state: run.state, runAt: run.runAt, trigger: run.trigger, key: run.key,
            isSuspect: stored.history.isSuspect, pauses: pauses, arrivalOfJob: arrivals[run.job],
            runningSuspects: listed(runs.values.filter(\.history.isSuspect)))
        guard let lane = LaneKey(run) else { return found }
        let all = runs(of: lane)
        found.firstOfKey = all.filter { !$0.run.state.isFinished }.min { $0.event < $1.event }?.run.id
        found.runningOfKey = listed(all)
        let stops = all.filter { $0.run.state == .dead && $0.stopsKey && $0.event < stored.event }
        found.stoppedBy = stops.min { $0.event < $1.event }?.run.id
        found.arrivalOfKey = lanes[lane]?.arrival
        return found
    }
}
