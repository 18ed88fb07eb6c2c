public import CloudEvents
public import NightjarCore

extension SQLiteStore {
    /// Removes old finished runs, each event with the last of its runs, and old events that never had a run; at most
    /// `limit` runs, `limit` such events, and what is known of `limit` keys.
    public func prune(
        runsBefore: Timestamp, eventsBefore: Timestamp, limit: Int
    ) async throws(StoreError) -> Int {
        guard limit > 0 else { return 0 }
        return try await committer.perform(rows: limit) { connection in
            let runs = try connection.pruneRuns(
                finishedBefore: runsBefore, eventsBefore: eventsBefore, limit: limit)
            let lanes = try connection.pruneLanes(before: eventsBefore, limit: limit)
            return runs + lanes + (try connection.pruneUnmatchedEvents(acceptedBefore: eventsBefore, limit: limit))
        }
    }

    /// Removes the oldest events without runs that are more than so many.
    public func pruneUnmatched(keeping: Int, limit: Int) async throws(StoreError) -> Int {
        guard limit > 0 else { return 0 }
        return try await committer.perform(rows: limit) { connection in
            try connection.pruneUnmatchedEvents(keeping: max(0, keeping), limit: limit)
        }
    }
}

extension Connection {
    /// Uses runs_finished, which holds neither live nor dead runs. A run outlives its event's time, so that the event,
    /// should it come again, makes no second one; it finished after its event came, so the earlier of both times bounds
    /// the search. An event goes with the last of its runs: nobody has to look for it among those that still have some.
    fileprivate func pruneRuns(finishedBefore: Timestamp, eventsBefore: Timestamp, limit: Int) throws -> Int {
        let select = try statement(
            """
            SELECT r.id, r.event FROM runs r CROSS JOIN events e ON e.sequence = r.event
            WHERE r.state IN (4, 6) AND r.finished_at < ? AND e.accepted_at < ? ORDER BY r.finished_at LIMIT ?
            """)
        select.bind(1, min(finishedBefore, eventsBefore))
        select.bind(2, eventsBefore)
        select.bind(3, limit)
        var doomed: [(run: RunID, event: Int64)] = []
        while try select.step() { doomed.append((select.runID(0), select.int64(1))) }
        let deleteAttempts = try statement("DELETE FROM attempts WHERE run = ?")
        let deleteRun = try statement("DELETE FROM runs WHERE id = ?")
        let deleteEvent = try statement(
            """
            DELETE FROM events WHERE sequence = ?1 AND NOT EXISTS (SELECT 1 FROM runs WHERE event = ?1)
                AND NOT EXISTS (SELECT 1 FROM run_items WHERE event = ?1)
            """)
        var runs = 0
        var events = 0
        var joined = 0
        for (run, event) in doomed where joined < limit {
            runs += 1
            deleteAttempts.bind(1, run)
            try deleteAttempts.run()
            deleteRun.bind(1, run)
            try deleteRun.run()
            // Those that joined it go as well, unless another run has them.
            let items = try removeItems(of: run)
            joined += items.count
            for event in items.isEmpty ? [event] : items {
                deleteEvent.bind(1, event)
                events += try deleteEvent.run()
            }
        }
        return runs + events
    }

    /// Uses events_unmatched, which holds only events without runs.
    fileprivate func pruneUnmatchedEvents(acceptedBefore: Timestamp, limit: Int) throws -> Int {
        let delete = try statement(
            """
            DELETE FROM events WHERE sequence IN (
                SELECT sequence FROM events INDEXED BY events_unmatched
                WHERE unmatched = 1 AND accepted_at < ? ORDER BY accepted_at, sequence LIMIT ?)
            """)
        delete.bind(1, acceptedBefore)
        delete.bind(2, limit)
        return try delete.run()
    }

    /// Uses events_unmatched_order; the sequences alone are read of it.
    fileprivate func pruneUnmatchedEvents(keeping: Int, limit: Int) throws -> Int {
        let delete = try statement(
            """
            DELETE FROM events WHERE sequence IN (
                SELECT sequence FROM events INDEXED BY events_unmatched_order
                WHERE unmatched = 1 AND sequence <= (
                    SELECT sequence FROM events INDEXED BY events_unmatched_order
                    WHERE unmatched = 1 ORDER BY sequence DESC LIMIT 1 OFFSET ?)
                ORDER BY sequence LIMIT ?)
            """)
        delete.bind(1, keeping)
        delete.bind(2, limit)
        return try delete.run()
    }
}
