import CloudEvents
public import NightjarCore

extension SQLiteStore {
    /// One run, with its whole history.
    public func run(_ id: RunID) async throws(StoreError) -> Run? {
        try await read { try $0.run(id, isWhole: true) }
    }

    /// Runs are found by ``RunSearch``, then read one by one.
    public func runs(_ query: RunQuery) async throws(StoreError) -> RunPage {
        guard query.limit > 0 else { return RunPage(runs: [], next: nil) }
        return try await read { connection in
            let limit = query.limit == .max ? query.limit : query.limit + 1
            let found = try RunSearch(query.filter, order: .newestFirst, before: query.before).ids(
                connection, limit: limit)
            let runs = try found.prefix(query.limit).compactMap { try connection.run($0, isWhole: false) }
            return RunPage(runs: runs, next: found.count > query.limit ? runs.last?.id : nil)
        }
    }

    /// Looks where a list of these runs does.
    public func count(_ filter: RunFilter) async throws(StoreError) -> Int {
        try await read { try RunSearch(filter, order: .oldestFirst).count($0) }
    }

    /// Uses the partial indexes, none of which holds completed runs, and all but the smallest without a look at the rows.
    public func counts() async throws(StoreError) -> [String: [RunState: Int]] {
        try await read { connection in
            let select = try connection.statement(
                """
                SELECT job, state, count(*) FROM runs INDEXED BY runs_available
                    WHERE state = 1 AND key IS NULL AND crashes = 0 GROUP BY job, state
                UNION ALL SELECT job, state, count(*) FROM runs INDEXED BY runs_keyed
                    WHERE state = 1 AND key IS NOT NULL AND crashes = 0 GROUP BY job, state
                UNION ALL SELECT job, state, count(*) FROM runs INDEXED BY runs_suspect
                    WHERE state = 1 AND crashes > 0 GROUP BY job, state
                UNION ALL SELECT job, state, count(*) FROM runs INDEXED BY runs_due WHERE state IN (0, 3) GROUP BY job, state
                UNION ALL SELECT job, state, count(*) FROM runs INDEXED BY runs_running WHERE state = 2 GROUP BY job, state
                UNION ALL SELECT job, state, count(*) FROM runs INDEXED BY runs_dead WHERE state = 5 GROUP BY job, state
                """)
            var counts: [String: [RunState: Int]] = [:]
            while try select.step() {
                guard let state = RunState(rawValue: select.int(1)) else { continue }
                counts[select.text(0), default: [:]][state, default: 0] += select.int(2)
            }
            return counts
        }
    }
}

extension Connection {
    /// A run with its history: whole, or without the event's data, the result and the attempts' outputs, which are not
    /// even read then.
    fileprivate func run(_ id: RunID, isWhole: Bool) throws -> Run? {
        let select = try statement(
            """
            SELECT \(Self.eventColumns), \(isWhole ? "e.data" : "NULL"),
                r.job, r.trigger, r.state, r.priority, r.created_at, r.run_at, r.finished_at, r.progress, r.progress_text,
                \(isWhole ? "r.result" : "NULL"), r.reason, r.cancel_requested, r.lease_token, r.lease_node,
                r.lease_expires_at, r.attempt, r.started_at, \(isWhole ? "r.input" : "NULL"), r.expires_at, r.key,
                r.keeps, r.collected, r.items_done, r.input_edited_at
            FROM runs r CROSS JOIN events e ON e.sequence = r.event WHERE r.id = ?
            """)
        select.bind(1, id)
        defer { select.reset() }
        guard try select.step() else { return nil }
        var run = Run(
            id: id, job: select.text(9), state: try state(select.int(11), of: id), trigger: select.optionalText(10),
            event: try event(select, from: 0), input: select.optionalBytes(26), priority: select.int(12),
            createdAt: select.timestamp(13),
            runAt: select.timestamp(14), expiresAt: select.optionalTimestamp(27), key: select.optionalText(28),
            finishedAt: select.optionalTimestamp(15),
            attempts: try attempts(id, isWhole: isWhole),
            progress: select.isNull(16) ? nil : Progress(select.double(16), select.optionalText(17)),
            result: select.optionalBytes(18), reason: select.optionalText(19), isCancelRequested: select.int(20) != 0)
        if select.int(29) == Self.keepsAll {
            run.items = select.int(30)
            run.itemsDone = run.state == .completed ? run.items : select.int(31)
        }
        run.inputEditedAt = select.optionalTimestamp(32)
        if run.state == .running {
            run.lease = Lease(run: id, token: select.int64(21), node: select.text(22), expiresAt: select.timestamp(23))
            run.attempts.append(
                Attempt(number: select.int(24), node: select.text(22), startedAt: select.timestamp(25)))
        }
        return run
    }

    /// The state of that number.
    func state(_ number: Int, of run: RunID) throws -> RunState {
        guard let state = RunState(rawValue: number) else {
            throw StoreError(.permanent, "the database is damaged: the run \(run) has the unknown state \(number)")
        }
        return state
    }

    /// The attempts that ended.
    private func attempts(_ run: RunID, isWhole: Bool) throws -> [Attempt] {
        let select = try statement(
            """
            SELECT number, node, started_at, ended_at, outcome, error, \(isWhole ? "output" : "NULL") FROM attempts
            WHERE run = ? ORDER BY number
            """)
        select.bind(1, run)
        var attempts: [Attempt] = []
        while try select.step() {
            attempts.append(
                Attempt(
                    number: select.int(0), node: select.text(1), startedAt: select.timestamp(2),
                    endedAt: select.timestamp(3), outcome: Attempt.Outcome(rawValue: select.int(4)),
                    error: select.optionalText(5), output: select.optionalBytes(6)))
        }
        return attempts
    }
}
