import CloudEvents
import NightjarCore

/// Runs that stand for the same thing; see `UniquePolicy`.
extension Connection {
    /// The runs that count as the first of this one: the unfinished ones, latest event first, or else the completed one that
    /// came last.
    func firsts(_ claim: UniqueClaim, of job: String) throws -> [UniqueClaim.First] {
        let unfinished = try unfinishedFirsts(claim, of: job)
        guard unfinished.isEmpty, claim.states.contains(.completed) else { return unfinished }
        return try completedFirst(claim, of: job).map { [$0] } ?? []
    }

    /// Uses runs_unique.
    private func unfinishedFirsts(_ claim: UniqueClaim, of job: String) throws -> [UniqueClaim.First] {
        let select = try statement(
            """
            SELECT id, state FROM runs INDEXED BY runs_unique
            WHERE job = ? AND unique_key = ? AND unique_key IS NOT NULL AND state IN (0, 1, 2, 3) AND created_at > ?
            ORDER BY event DESC
            """)
        select.bind(1, job)
        select.bind(2, claim.key)
        select.bind(3, claim.after?.microsecondsSince1970 ?? Int64.min)
        var firsts: [UniqueClaim.First] = []
        while try select.step() {
            let id = select.runID(0)
            let state = try state(select.int(1), of: id)
            if claim.states.contains(state) { firsts.append(UniqueClaim.First(id: id, state: state)) }
        }
        return firsts
    }

    /// Uses runs_unique_completed.
    private func completedFirst(_ claim: UniqueClaim, of job: String) throws -> UniqueClaim.First? {
        let select = try statement(
            """
            SELECT id FROM runs INDEXED BY runs_unique_completed
            WHERE job = ? AND unique_key = ? AND unique_key IS NOT NULL AND unique_completed = 1 AND state = 4
                AND created_at > ?
            ORDER BY created_at DESC, id DESC LIMIT 1
            """)
        select.bind(1, job)
        select.bind(2, claim.key)
        select.bind(3, claim.after?.microsecondsSince1970 ?? Int64.min)
        defer { select.reset() }
        return try select.step() ? UniqueClaim.First(id: select.runID(0), state: .completed) : nil
    }

    /// Gives a first that waits the time of a second. One that is to be retried stays so.
    func extend(_ first: RunID, as second: NewRun, now: Timestamp) throws {
        let update = try statement(
            """
            UPDATE runs SET state = CASE WHEN ?1 <= ?2 THEN 1 WHEN state = 3 THEN 3 ELSE 0 END, run_at = ?1,
                rank = ?1 - priority * \(RunRank.microsecondsPerLevel), expires_at = ?3, collects = 0 WHERE id = ?4
            """)
        update.bind(1, second.runAt)
        update.bind(2, now)
        update.bind(3, second.expiresAt)
        update.bind(4, first)
        try update.run()
    }
}
