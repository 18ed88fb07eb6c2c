import CloudEvents
import NightjarCore

/// Runs that have a key in common.
extension SQLiteClaim {
    /// How many keys are looked up at a time.
    private static let lanesAtOnce = 256

    /// One run of each key after the other, until no key has one more. A key that is served goes to the end of the line, and
    /// one that has nothing leaves it, so that what is still ahead has not been looked at.
    mutating func claimByKey(_ demand: ClaimRequest.Demand, _ policy: KeyPolicy, upTo end: Int) throws {
        let job = demand.job
        try prepare(job, policy)
        var last = Int64.min
        let firstKeylessTurn = try connection.keylessTurn(of: job)
        var keylessTurn: Int64? = firstKeylessTurn
        while claimed.count < end {
            let lanes = try connection.lanes(job, after: last, limit: min(Self.lanesAtOnce, end - claimed.count))
            if lanes.isEmpty {
                // Without a key that has one more, nothing stands between the runs without keys.
                guard keylessTurn != nil else { break }
                let rest = try keyless(job, limit: end - claimed.count)
                try lease(rest)
                if !rest.isEmpty { keylessTurn = try connection.take(rest.count, from: "turn") + Int64(rest.count - 1) }
                break
            }
            var pass: [ClaimedRun] = []
            var served: [Lane] = []
            var keylessPlace: Int?
            for lane in lanes {
                if let turn = keylessTurn, turn > last, turn < lane.turn {
                    let run = try keyless(job, limit: 1)
                    if run.isEmpty { keylessTurn = nil } else { keylessPlace = pass.count }
                    pass += run
                }
                guard claimed.count + pass.count < end else { break }
                last = lane.turn
                guard let id = try next(of: lane, job, policy), let run = try run(id, job) else { continue }
                pass.append(run)
                served.append(lane)
                if claimed.count + pass.count == end { break }
            }
            try lease(pass)
            if let place = keylessPlace {
                // In the order in which they were served.
                try serve(Array(served.prefix(place)), demand)
                keylessTurn = try connection.take(1, from: "turn")
                try serve(Array(served.dropFirst(place)), demand)
            } else {
                try serve(served, demand)
            }
        }
        if let keylessTurn, keylessTurn != firstKeylessTurn { try connection.setKeylessTurn(keylessTurn, of: job) }
        if claimed.count < end, let next = try connection.nextStart(of: job) { wait(until: next) }
    }

    /// Whether some key has a run that might start now.
    mutating func hasKeyedRun(_ demand: ClaimRequest.Demand, _ policy: KeyPolicy) throws -> Bool {
        try prepare(demand.job, policy)
        var last = Int64.min
        while let lane = try connection.lanes(demand.job, after: last, limit: 1).first {
            if try next(of: lane, demand.job, policy) != nil { return true }
            last = lane.turn
        }
        if let next = try connection.nextStart(of: demand.job) { wait(until: next) }
        return false
    }

    private func prepare(_ job: String, _ policy: KeyPolicy) throws {
        try connection.use(policy, of: job)
        try connection.wakeLanes(job, policy.rate?.waiting, at: request.now)
    }

    /// The run of the key that may start next. A key that has none is not looked at again before something changes.
    private func next(of lane: Lane, _ job: String, _ policy: KeyPolicy) throws -> RunID? {
        if try connection.isPaused(Pause(key: lane.key, ofJob: job)) { return try rest(.paused, lane, job) }
        if try isFull(lane.key, job, policy) { return try rest(.blocked, lane, job) }
        let stop = try connection.stop(job, lane.key)
        guard let first = try candidate(lane, job, policy, before: stop) else { return try rest(.blocked, lane, job) }
        if let rate = policy.rate?.waiting, rate.available(lane.arrival, at: request.now) < 1 {
            try connection.wait(lane, job, rate, at: request.now)
            return nil
        }
        guard let trigger = first.trigger, pausedTriggers.contains(trigger) else { return first.id }
        if !policy.isOrdered, let other = try candidate(lane, job, policy, before: stop, sparing: pausedTriggerList) {
            return other.id
        }
        // Whoever resumes the trigger wakes the keys that wait for it.
        return try rest(.paused, lane, job)
    }

    private func rest(_ activity: Lane.Activity, _ lane: Lane, _ job: String) throws -> RunID? {
        try connection.set(activity, lane, job)
        return nil
    }

    /// Whether so many runs of the key are running as may.
    func isFull(_ key: String, _ job: String, _ policy: KeyPolicy) throws -> Bool {
        guard let limit = policy.isOrdered ? 1 : policy.concurrency else { return false }
        return try connection.running(job, key, upTo: limit) >= limit
    }

    /// Of an ordered key the first unfinished run, if it is available and above suspicion; else the first such run, by rank,
    /// where the key is stopped by acceptance. Uses runs_key_unfinished or runs_key_available, in their own order.
    private func candidate(
        _ lane: Lane, _ job: String, _ policy: KeyPolicy, before stop: Int64?, sparing triggers: String? = nil
    ) throws -> (id: RunID, trigger: String?)? {
        let spared =
            triggers == nil ? "" : "AND (trigger IS NULL OR trigger NOT IN (SELECT value FROM json_each(?4)))"
        let select: SQLStatement
        if policy.isOrdered || stop != nil {
            select = try connection.statement(
                """
                SELECT id, trigger, state, crashes FROM runs INDEXED BY runs_key_unfinished
                WHERE job = ?1 AND key = ?2 AND key IS NOT NULL AND state IN (0, 1, 2, 3) AND event < ?3
                    \(policy.isOrdered ? "" : "AND state = 1 AND crashes = 0") \(spared) ORDER BY event LIMIT 1
                """)
            select.bind(3, stop ?? .max)
        } else {
            select = try connection.statement(
                """
                SELECT id, trigger, state, crashes FROM runs INDEXED BY runs_key_available
                WHERE job = ?1 AND key = ?2 AND key IS NOT NULL AND state = 1 AND crashes = 0 \(spared)
                ORDER BY rank, event LIMIT 1
                """)
        }
        select.bind(1, job)
        select.bind(2, lane.key)
        if let triggers { select.bind(4, triggers) }
        defer { select.reset() }
        guard try select.step(), select.int(2) == RunState.available.rawValue, select.int(3) == 0 else { return nil }
        return (select.runID(0), select.optionalText(1))
    }
}
