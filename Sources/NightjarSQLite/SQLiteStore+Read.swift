import CloudEvents
public import NightjarCore

extension SQLiteStore {
    public func run(_ id: RunID) async throws(StoreError) -> Run? {
        try await read { connection in
            let select = try connection.statement(
                "SELECT \(Connection.runColumns) FROM runs r JOIN events e ON e.sequence = r.event WHERE r.id = ?")
            select.bind(1, id)
            guard try select.step() else { return nil }
            var run = try connection.run(select)
            run.attempts = try connection.attempts(of: run)
            return run
        }
    }

    /// Walks the runs' own order backwards; lists of dead and of live runs use their partial indexes.
    public func runs(_ query: RunQuery) async throws(StoreError) -> RunPage {
        guard query.limit > 0 else { return RunPage(runs: [], next: nil) }
        return try await read { connection in
            let (condition, bind) = Connection.condition(query.filter)
            let before = query.before == nil ? "" : " AND r.id < ?\(Connection.beforeParameter)"
            let select = try connection.statement(
                """
                SELECT \(Connection.runColumns) FROM runs r JOIN events e ON e.sequence = r.event
                WHERE \(condition)\(before) ORDER BY r.id DESC LIMIT ?\(Connection.limitParameter)
                """)
            bind(select)
            if let id = query.before { select.bind(Connection.beforeParameter, id) }
            select.bind(Connection.limitParameter, query.limit + 1)
            var runs: [Run] = []
            while try select.step() {
                var run = try connection.run(select)
                run.event.data = nil
                run.result = nil
                runs.append(run)
            }
            let hasMore = runs.count > query.limit
            if hasMore { runs.removeLast() }
            for index in runs.indices {
                runs[index].attempts = try connection.attempts(of: runs[index])
                for attempt in runs[index].attempts.indices { runs[index].attempts[attempt].output = nil }
            }
            return RunPage(runs: runs, next: hasMore ? runs.last?.id : nil)
        }
    }

    /// Uses events_identity.
    public func events(id: String, source: String?) async throws(StoreError) -> [EventRecord] {
        try await read { connection in
            let select = try connection.statement(
                """
                SELECT \(Connection.eventColumns) FROM events e
                WHERE e.id = ?1 AND (?2 IS NULL OR e.source = ?2) ORDER BY e.sequence DESC
                """)
            select.bind(1, id)
            select.bind(2, source)
            return try connection.records(select)
        }
    }

    public func events(after sequence: Int64?, limit: Int) async throws(StoreError) -> [EventRecord] {
        try await read { connection in
            guard let sequence else {
                let select = try connection.statement(
                    "SELECT \(Connection.eventColumns) FROM events e ORDER BY e.sequence DESC LIMIT ?")
                select.bind(1, limit)
                return try connection.records(select).reversed()
            }
            let select = try connection.statement(
                "SELECT \(Connection.eventColumns) FROM events e WHERE e.sequence > ? ORDER BY e.sequence LIMIT ?")
            select.bind(1, sequence)
            select.bind(2, limit)
            return try connection.records(select)
        }
    }

    /// Uses the partial indexes, none of which holds completed runs.
    public func counts() async throws(StoreError) -> [String: [RunState: Int]] {
        try await read { connection in
            let select = try connection.statement(
                """
                SELECT job, state, count(*) FROM runs INDEXED BY runs_available WHERE state = 1 GROUP BY job, state
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
    static let eventColumns = """
        e.id, e.source, e.type, e.subject, e.time, e.data_content_type, e.data_schema, e.extensions, e.data,
        e.sequence, e.accepted_at, e.refusals
        """
    static let runColumns = """
        e.id, e.source, e.type, e.subject, e.time, e.data_content_type, e.data_schema, e.extensions, e.data,
        r.id, r.job, r.trigger, r.state, r.priority, r.created_at, r.run_at, r.finished_at, r.progress, r.progress_text,
        r.result, r.reason, r.cancel_requested, r.lease_token, r.lease_node, r.lease_expires_at, r.attempt, r.started_at
        """
    static let beforeParameter: Int32 = 20
    static let limitParameter: Int32 = 21

    fileprivate func run(_ row: SQLStatement) throws -> Run {
        let id = row.runID(9)
        var run = Run(
            id: id, job: row.text(10), state: RunState(rawValue: row.int(12)) ?? .available,
            trigger: row.optionalText(11), event: try event(row, from: 0), priority: row.int(13),
            createdAt: row.timestamp(14), runAt: row.timestamp(15), finishedAt: row.optionalTimestamp(16),
            progress: row.isNull(17) ? nil : Progress(row.double(17), row.optionalText(18)),
            result: row.optionalBytes(19), reason: row.optionalText(20), isCancelRequested: row.int(21) != 0)
        if run.state == .running {
            run.lease = Lease(
                run: id, token: row.int64(22), node: row.text(23), expiresAt: row.timestamp(24))
            run.attempts = [Attempt(number: row.int(25), node: row.text(23), startedAt: row.timestamp(26))]
        }
        return run
    }

    /// The attempts that ended, then the one under way.
    fileprivate func attempts(of run: Run) throws -> [Attempt] {
        let select = try statement(
            "SELECT number, node, started_at, ended_at, outcome, error, output FROM attempts WHERE run = ? ORDER BY number"
        )
        select.bind(1, run.id)
        var attempts: [Attempt] = []
        while try select.step() {
            attempts.append(
                Attempt(
                    number: select.int(0), node: select.text(1), startedAt: select.timestamp(2),
                    endedAt: select.timestamp(3), outcome: Attempt.Outcome(rawValue: select.int(4)),
                    error: select.optionalText(5), output: select.optionalBytes(6)))
        }
        return attempts + run.attempts
    }

    fileprivate func records(_ select: SQLStatement) throws -> [EventRecord] {
        var records: [EventRecord] = []
        var refusals: [[Decision]] = []
        while try select.step() {
            records.append(
                EventRecord(
                    sequence: select.int64(9), event: try event(select, from: 0), acceptedAt: select.timestamp(10),
                    decisions: []))
            refusals.append(try StoredJSON.refusals(select.optionalText(11)))
        }
        // Uses runs_event.
        let runs = try statement("SELECT trigger, job, id FROM runs WHERE event = ? ORDER BY id")
        for index in records.indices {
            runs.bind(1, records[index].sequence)
            while try runs.step() {
                records[index].decisions.append(
                    Decision(
                        trigger: runs.optionalText(0), job: runs.text(1), outcome: .started, run: runs.runID(2)))
            }
            records[index].decisions += refusals[index]
        }
        return records
    }

    /// The runs that fit, oldest first.
    func select(_ filter: RunFilter, limit: Int) throws -> [RunID] {
        let (condition, bind) = Self.condition(filter)
        let select = try statement(
            """
            SELECT r.id FROM runs r JOIN events e ON e.sequence = r.event
            WHERE \(condition) ORDER BY r.id LIMIT ?\(Self.limitParameter)
            """)
        bind(select)
        select.bind(Self.limitParameter, limit)
        var ids: [RunID] = []
        while try select.step() { ids.append(select.runID(0)) }
        return ids
    }

    /// The filter as SQL, and what binds its parameters.
    static func condition(_ filter: RunFilter) -> (sql: String, bind: (SQLStatement) -> Void) {
        var parts = ["1"]
        if !filter.states.isEmpty {
            parts.append("r.state IN (\(filter.states.map { "\($0.rawValue)" }.sorted().joined(separator: ", ")))")
        }
        if filter.job != nil { parts.append("r.job = ?1") }
        if filter.trigger != nil { parts.append("r.trigger = ?2") }
        if filter.text != nil {
            let columns = ["r.job", "r.trigger", "r.reason", "e.id", "e.type", "e.subject"]
            parts.append("(" + columns.map { "\($0) LIKE ?3 ESCAPE '\\'" }.joined(separator: " OR ") + ")")
        }
        return (
            parts.joined(separator: " AND "),
            { select in
                if let job = filter.job { select.bind(1, job) }
                if let trigger = filter.trigger { select.bind(2, trigger) }
                if let text = filter.text {
                    let escaped = text.flatMap { "%_\\".contains($0) ? "\\\($0)" : "\($0)" }
                    select.bind(3, "%" + String(escaped) + "%")
                }
            }
        )
    }
}
