import CloudEvents
import NightjarCore

extension Connection {
    private static let maximumPromoted = 10_000

    /// Makes available what was waiting for its time. Uses runs_due.
    func promote(now: Timestamp) throws {
        let update = try statement(
            """
            UPDATE runs SET state = 1 WHERE id IN (
                SELECT id FROM runs INDEXED BY runs_due WHERE state IN (0, 3) AND run_at <= ? ORDER BY run_at LIMIT ?)
            """)
        update.bind(1, now)
        update.bind(2, Self.maximumPromoted)
        try update.run()
    }

    /// Makes dead what was not started in time. Uses runs_expiring.
    func expire(now: Timestamp) throws -> [UnstartedRun] {
        let select = try statement(
            """
            SELECT id, job, trigger FROM runs INDEXED BY runs_expiring
            WHERE expires_at IS NOT NULL AND attempt = 0 AND state IN (0, 1) AND expires_at <= ?
            ORDER BY expires_at, id LIMIT ?
            """)
        select.bind(1, now)
        select.bind(2, UnstartedRun.mostAtOnce)
        var expired: [UnstartedRun] = []
        while try select.step() {
            expired.append(
                UnstartedRun(id: select.runID(0), job: select.text(1), trigger: select.optionalText(2)))
        }
        guard !expired.isEmpty else { return [] }
        let update = try statement("UPDATE runs SET state = 5, finished_at = ?, reason = ? WHERE id = ?")
        for run in expired {
            update.bind(1, now)
            update.bind(2, UnstartedRun.reason)
            update.bind(3, run.id)
            try update.run()
        }
        return expired
    }

    /// When the next run becomes available or expires. Uses runs_due and runs_expiring.
    func nextDueAt() throws -> Timestamp? {
        let due = try first(
            "SELECT run_at FROM runs INDEXED BY runs_due WHERE state IN (0, 3) ORDER BY run_at LIMIT 1")
        let expiring = try first(
            """
            SELECT expires_at FROM runs INDEXED BY runs_expiring
            WHERE expires_at IS NOT NULL AND attempt = 0 AND state IN (0, 1) ORDER BY expires_at LIMIT 1
            """)
        return [due, expiring].compactMap { $0 }.min()
    }

    private func first(_ sql: String) throws -> Timestamp? {
        let select = try statement(sql)
        defer { select.reset() }
        return try select.step() ? select.timestamp(0) : nil
    }
}
