public import CloudEvents
public import NightjarCore

extension SQLiteStore {
    /// Removes old finished runs and the old events that no run is left of, at most `limit` of each.
    public func prune(
        runsBefore: Timestamp, eventsBefore: Timestamp, limit: Int
    ) async throws(StoreError) -> Int {
        guard limit > 0 else { return 0 }
        return try await committer.perform(rows: limit) { connection in
            let runs = try connection.pruneRuns(
                finishedBefore: runsBefore, eventsBefore: eventsBefore, limit: limit)
            return runs + (try connection.pruneEvents(acceptedBefore: eventsBefore, limit: limit))
        }
    }
}

extension Connection {
    /// Uses runs_finished, which holds neither live nor dead runs. A run outlives its event's time, so that the event,
    /// should it come again, makes no second one; it finished after its event came, so the earlier of both times bounds
    /// the search.
    fileprivate func pruneRuns(finishedBefore: Timestamp, eventsBefore: Timestamp, limit: Int) throws -> Int {
        let select = try statement(
            """
            SELECT r.id FROM runs r CROSS JOIN events e ON e.sequence = r.event
            WHERE r.state IN (4, 6) AND r.finished_at < ? AND e.accepted_at < ? ORDER BY r.finished_at LIMIT ?
            """)
        select.bind(1, min(finishedBefore, eventsBefore))
        select.bind(2, eventsBefore)
        select.bind(3, limit)
        var runs: [RunID] = []
        while try select.step() { runs.append(select.runID(0)) }
        let deleteAttempts = try statement("DELETE FROM attempts WHERE run = ?")
        let deleteRun = try statement("DELETE FROM runs WHERE id = ?")
        for run in runs {
            deleteAttempts.bind(1, run)
            try deleteAttempts.run()
            deleteRun.bind(1, run)
            try deleteRun.run()
        }
        return runs.count
    }

    /// Uses events_accepted and runs_event: looks at old events only, however many younger ones there are.
    fileprivate func pruneEvents(acceptedBefore: Timestamp, limit: Int) throws -> Int {
        let delete = try statement(
            """
            DELETE FROM events WHERE sequence IN (
                SELECT sequence FROM events e INDEXED BY events_accepted
                WHERE accepted_at < ? AND NOT EXISTS (SELECT 1 FROM runs WHERE event = e.sequence)
                ORDER BY accepted_at, sequence LIMIT ?)
            """)
        delete.bind(1, acceptedBefore)
        delete.bind(2, limit)
        return try delete.run()
    }
}
