import CloudEvents
import NightjarCore

/// Runs that collect events; see `CollectClaim`.
extension Connection {
    /// The run of that job that an event joined; `nil` if it joined none. Uses run_items_event.
    func joinedRun(event: Int64, job: String) throws -> RunID? {
        let select = try statement("SELECT run FROM run_items WHERE event = ? AND job = ?")
        select.bind(1, event)
        select.bind(2, job)
        defer { select.reset() }
        return try select.step() ? select.runID(0) : nil
    }

    /// The run that events of this key join; `nil` if none is open. One whose time is over is not. Uses runs_collecting.
    private func openRun(
        _ claim: CollectClaim, of job: String, at now: Timestamp
    ) throws -> (id: RunID, run: CollectingRun, keep: DebouncePolicy.Keep)? {
        guard claim.isOpen else { return nil }
        let select = try statement(
            """
            SELECT id, run_at, expires_at, collects_until, collects_size, collected, collected_bytes, keeps
            FROM runs INDEXED BY runs_collecting
            WHERE job = ? AND collect_key = ? AND collects = 1 AND state = 0 AND run_at >= ? ORDER BY id LIMIT 1
            """)
        select.bind(1, job)
        select.bind(2, claim.key)
        select.bind(3, now)
        defer { select.reset() }
        guard try select.step() else { return nil }
        let run = CollectingRun(
            runAt: select.timestamp(1), expiresAt: select.optionalTimestamp(2), until: select.optionalTimestamp(3),
            size: select.int(4), count: select.int(5), bytes: select.int(6))
        return (select.runID(0), run, Self.keeps[min(max(0, select.int(7)), Self.keeps.count - 1)])
    }

    /// Lets the event join the open run, if there is one: the run that it joined.
    func join(_ new: NewRun, _ claim: CollectClaim, event: Int64, bytes: Int, now: Timestamp) throws -> RunID? {
        guard let (id, open, keep) = try openRun(claim, of: new.job, at: now) else { return nil }
        var run = open
        run.join(new, bytes: keep == .all ? bytes : 0, at: now)
        try insertItem(new, of: id, position: open.count, event: event, keepsInput: keep == .all)
        let update = try statement(
            """
            UPDATE runs SET run_at = ?1, rank = ?1 - priority * \(RunRank.microsecondsPerLevel), expires_at = ?2,
                collected = ?3, collected_bytes = ?4, collects = ?5, state = CASE WHEN ?5 = 0 AND ?1 <= ?6 THEN 1 ELSE 0 END
            WHERE id = ?7
            """)
        update.bind(1, run.runAt)
        update.bind(2, run.expiresAt)
        update.bind(3, run.count)
        update.bind(4, run.bytes)
        update.bind(5, run.isFull ? 0 : 1)
        update.bind(6, now)
        update.bind(7, id)
        try update.run()
        if keep == .last { try takeOver(id, new, event: event) }
        return id
    }

    /// The run is the last event's now.
    private func takeOver(_ run: RunID, _ new: NewRun, event: Int64) throws {
        let update = try statement(
            """
            UPDATE runs SET event = ?1, trigger = ?2, input = ?3, priority = ?4,
                rank = run_at - ?4 * \(RunRank.microsecondsPerLevel) WHERE id = ?5
            """)
        update.bind(1, event)
        update.bind(2, new.trigger)
        update.bind(3, new.input)
        update.bind(4, new.priority)
        update.bind(5, run)
        try update.run()
    }

    /// Notes that a run that was just made collects, with its first event.
    func begin(_ run: CollectingRun, _ new: NewRun, _ claim: CollectClaim, event: Int64) throws {
        try insertItem(new, of: new.id, position: 0, event: event, keepsInput: claim.keep == .all)
        let update = try statement(
            """
            UPDATE runs SET collects = ?, collect_key = ?, collects_until = ?, collects_size = ?, collected = 1,
                collected_bytes = ?, keeps = ? WHERE id = ?
            """)
        update.bind(1, claim.isOpen && !run.isFull ? 1 : 0)
        update.bind(2, claim.key)
        update.bind(3, run.until)
        update.bind(4, run.size)
        update.bind(5, run.bytes)
        update.bind(6, Self.keeps.firstIndex(of: claim.keep) ?? 0)
        update.bind(7, new.id)
        try update.run()
    }

    /// What `keeps` says, by its value.
    private static let keeps: [DebouncePolicy.Keep] = [.first, .all, .last]
    /// The value of `keeps` for runs whose handler gets an array.
    static let keepsAll = 1

    private func insertItem(
        _ new: NewRun, of run: RunID, position: Int, event: Int64, keepsInput: Bool
    ) throws {
        let insert = try statement(
            "INSERT INTO run_items (run, position, event, job, trigger, input) VALUES (?, ?, ?, ?, ?, ?)")
        insert.bind(1, run)
        insert.bind(2, position)
        insert.bind(3, event)
        insert.bind(4, new.job)
        insert.bind(5, new.trigger)
        insert.bind(6, keepsInput ? new.input : nil)
        try insert.run()
    }

    /// The claimed runs, batches with the items that are left to do.
    func withItems(_ runs: [ClaimedRun], in batches: Set<RunID>) throws -> [ClaimedRun] {
        guard !batches.isEmpty else { return runs }
        let select = try statement(
            """
            SELECT \(Self.eventColumns), e.data, i.position, i.trigger, i.input
            FROM run_items i CROSS JOIN events e ON e.sequence = i.event
            WHERE i.run = ? AND i.done = 0 ORDER BY i.position
            """)
        return try runs.map { claimed in
            guard batches.contains(claimed.lease.run) else { return claimed }
            var claimed = claimed
            select.bind(1, claimed.lease.run)
            while try select.step() {
                claimed.items.append(
                    RunItem(
                        position: select.int(9), trigger: select.optionalText(10), event: try event(select, from: 0),
                        input: select.optionalBytes(11)))
            }
            return claimed
        }
    }

    /// Notes that some items of a run are done.
    func finishItems(_ positions: [Int], of run: RunID) throws {
        let finish = try statement("UPDATE run_items SET done = 1 WHERE run = ? AND position = ? AND done = 0")
        var count = 0
        for position in positions {
            finish.bind(1, run)
            finish.bind(2, position)
            count += try finish.run()
        }
        let update = try statement("UPDATE runs SET items_done = items_done + ? WHERE id = ?")
        update.bind(1, count)
        update.bind(2, run)
        try update.run()
    }

    /// Removes what is known of a run's items.
    /// - Returns: their events.
    func removeItems(of run: RunID) throws -> [Int64] {
        let select = try statement("SELECT event FROM run_items WHERE run = ?")
        select.bind(1, run)
        var events: [Int64] = []
        while try select.step() { events.append(select.int64(0)) }
        guard !events.isEmpty else { return [] }
        let delete = try statement("DELETE FROM run_items WHERE run = ?")
        delete.bind(1, run)
        try delete.run()
        return events
    }
}
