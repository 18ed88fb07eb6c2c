import CloudEvents
import NightjarCore

/// Runs that are suspected of killing their nodes.
extension SQLiteClaim {
    private struct Suspect {
        var id: RunID
        var key: String?
        var trigger: String?
        var event: Int64
    }

    /// The job's first suspect that may start, with its key's lane. Uses runs_suspect: there are never more than the nodes
    /// that died had slots.
    mutating func suspect(_ demand: ClaimRequest.Demand) throws -> (run: RunID, lane: Lane?)? {
        let select = try connection.statement(
            """
            SELECT id, key, trigger, event FROM runs INDEXED BY runs_suspect
            WHERE state = 1 AND crashes > 0 AND job = ? ORDER BY rank, event
            """)
        select.bind(1, demand.job)
        defer { select.reset() }
        while try select.step() {
            let suspect = Suspect(
                id: select.runID(0), key: select.optionalText(1), trigger: select.optionalText(2),
                event: select.int64(3))
            if let trigger = suspect.trigger, pausedTriggers.contains(trigger) { continue }
            guard let key = suspect.key else { return (suspect.id, nil) }
            if try connection.isPaused(Pause(key: key, ofJob: demand.job)) { continue }
            guard let policy = demand.perKey else { return (suspect.id, nil) }
            if try mayStart(suspect, key, demand.job, policy), let lane = try connection.lane(demand.job, key) {
                guard let rate = policy.rate?.waiting, rate.available(lane.arrival, at: request.now) < 1 else {
                    return (suspect.id, lane)
                }
                wait(until: rate.nextStart(lane.arrival, at: request.now))
            }
        }
        return nil
    }

    /// Whether its key lets it start, but for its rate.
    private func mayStart(_ suspect: Suspect, _ key: String, _ job: String, _ policy: KeyPolicy) throws -> Bool {
        if try isFull(key, job, policy) { return false }
        if let stop = try connection.stop(job, key), stop < suspect.event { return false }
        return try !policy.isOrdered || connection.firstUnfinished(job, key) == suspect.id
    }
}

extension Connection {
    /// Whether the node has a suspect in hand. Uses runs_suspect_running.
    func hasSuspectInHand(_ node: NodeID) throws -> Bool {
        let select = try statement(
            """
            SELECT 1 FROM runs INDEXED BY runs_suspect_running
            WHERE state = 2 AND crashes > 0 AND lease_node = ? LIMIT 1
            """)
        select.bind(1, node)
        defer { select.reset() }
        return try select.step()
    }
}
