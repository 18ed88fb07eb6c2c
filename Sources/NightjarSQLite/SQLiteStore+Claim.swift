public import CloudEvents
public import NightjarCore
import Synchronization

extension SQLiteStore {
    public func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimResult {
        try await register(request.node)
        return try await committer.perform { connection in
            try connection.promote(now: request.now)
            return ClaimResult(runs: try connection.claim(request), nextDueAt: try connection.nextDueAt())
        }
    }

    public func renew(
        _ leases: [Lease], until expiry: Timestamp, now: Timestamp
    ) async throws(StoreError) -> [LeaseRenewal] {
        guard !leases.isEmpty else { return [] }
        return try await committer.perform { connection in
            let update = try connection.statement(
                """
                UPDATE runs SET lease_expires_at = ?
                WHERE id = ? AND lease_token = ? AND state = 2 AND lease_expires_at > ? RETURNING cancel_requested
                """)
            return try leases.map { lease in
                update.bind(1, expiry)
                update.bind(2, lease.run)
                update.bind(3, lease.token)
                update.bind(4, now)
                var renewal = LeaseRenewal.lost
                while try update.step() { renewal = update.int(0) == 0 ? .renewed : .cancelRequested }
                return renewal
            }
        }
    }

    public func report(_ progress: [(lease: Lease, progress: Progress)]) async throws(StoreError) {
        guard !progress.isEmpty else { return }
        try await committer.perform { connection in
            let update = try connection.statement(
                "UPDATE runs SET progress = ?, progress_text = ? WHERE id = ? AND lease_token = ? AND state = 2")
            for (lease, progress) in progress {
                update.bind(1, progress.fraction)
                update.bind(2, progress.text)
                update.bind(3, lease.run)
                update.bind(4, lease.token)
                try update.run()
            }
        }
    }

    /// Uses runs_running.
    public func cancelRequests(node: NodeID) async throws(StoreError) -> [RunID] {
        try await read { connection in
            let select = try connection.statement(
                "SELECT id FROM runs WHERE state = 2 AND lease_node = ? AND cancel_requested = 1 ORDER BY id")
            select.bind(1, node)
            var runs: [RunID] = []
            while try select.step() { runs.append(select.runID(0)) }
            return runs
        }
    }

    /// Uses runs_running, which is as small as the nodes' slots are few.
    public func expired(now: Timestamp, limit: Int) async throws(StoreError) -> [ExpiredRun] {
        try await read { [locks] connection in
            let select = try connection.statement(
                """
                SELECT r.id, r.job, r.lease_token, r.lease_node, r.lease_expires_at, r.attempt, r.started_at, r.failures,
                    r.snoozes, r.crashes, r.cancel_requested, n.slot
                FROM runs r INDEXED BY runs_running LEFT JOIN nodes n ON n.name = r.lease_node
                WHERE r.state = 2
                """)
            var isDead: [Int64: Bool] = [:]
            var expired: [ExpiredRun] = []
            while try select.step() {
                let expiry = select.timestamp(4)
                if expiry > now {
                    guard let slot = select.optionalInt64(11) else { continue }
                    let dead = isDead[slot] ?? locks.isDead(slot)
                    isDead[slot] = dead
                    guard dead else { continue }
                }
                expired.append(
                    ExpiredRun(
                        job: select.text(1),
                        lease: Lease(
                            run: select.runID(0), token: select.int64(2), node: select.text(3), expiresAt: expiry),
                        attempt: select.int(5), startedAt: select.timestamp(6),
                        history: RunHistory(failures: select.int(7), snoozes: select.int(8), crashes: select.int(9)),
                        isCancelRequested: select.int(10) != 0))
            }
            return Array(expired.sorted { $0.lease.token < $1.lease.token }.prefix(limit))
        }
    }

    /// Gives the node a slot in the lock file before its first claim, so that others can tell when it dies.
    private func register(_ node: NodeID) async throws(StoreError) {
        if registered.withLock({ $0[node] != nil }) { return }
        let slot = try await committer.perform { [locks] connection in
            let insert = try connection.statement("INSERT INTO nodes (name) VALUES (?) ON CONFLICT (name) DO NOTHING")
            insert.bind(1, node)
            try insert.run()
            let select = try connection.statement("SELECT slot, name FROM nodes")
            var own: Int64 = 0
            var dead: [Int64] = []
            while try select.step() {
                if select.text(1) == node {
                    own = select.int64(0)
                } else if locks.isDead(select.int64(0)) {
                    dead.append(select.int64(0))
                }
            }
            // Rows of dead nodes are kept as long as they explain why a run is rescued.
            let delete = try connection.statement(
                """
                DELETE FROM nodes WHERE slot = ?
                AND NOT EXISTS (SELECT 1 FROM runs WHERE state = 2 AND lease_node = nodes.name)
                """)
            for slot in dead {
                delete.bind(1, slot)
                try delete.run()
            }
            return own
        }
        try locks.hold(slot)
        registered.withLock { $0[node] = slot }
    }
}

extension Connection {
    /// Uses runs_due.
    fileprivate func promote(now: Timestamp) throws {
        let update = try statement("UPDATE runs SET state = 1 WHERE state IN (0, 3) AND run_at <= ?")
        update.bind(1, now)
        try update.run()
    }

    /// Uses runs_due.
    fileprivate func nextDueAt() throws -> Timestamp? {
        let select = try statement(
            "SELECT run_at FROM runs INDEXED BY runs_due WHERE state IN (0, 3) ORDER BY run_at LIMIT 1")
        defer { select.reset() }
        return try select.step() ? select.timestamp(0) : nil
    }

    fileprivate func claim(_ request: ClaimRequest) throws -> [ClaimedRun] {
        var claimed: [ClaimedRun] = []
        for demand in request.demands {
            let limit = min(demand.limit, request.limit - claimed.count)
            if limit <= 0 { continue }
            claimed += try available(demand.job, limit: limit, request)
        }
        guard !claimed.isEmpty else { return [] }
        let firstToken = try takeTokens(claimed.count)
        let update = try statement(
            """
            UPDATE runs SET state = 2, attempt = ?, lease_token = ?, lease_node = ?, lease_expires_at = ?, started_at = ?
            WHERE id = ?
            """)
        for index in claimed.indices {
            claimed[index].lease.token = firstToken + Int64(index)
            update.bind(1, claimed[index].attempt)
            update.bind(2, claimed[index].lease.token)
            update.bind(3, request.node)
            update.bind(4, request.leaseExpiresAt)
            update.bind(5, request.now)
            update.bind(6, claimed[index].lease.run)
            try update.run()
        }
        return claimed
    }

    /// Uses runs_available, whose order is the order of claims.
    private func available(_ job: String, limit: Int, _ request: ClaimRequest) throws -> [ClaimedRun] {
        let paused = request.pausedTriggers
        let select = try statement(
            """
            SELECT r.id, r.trigger, r.attempt, r.failures, r.snoozes, r.crashes, r.created_at,
                e.id, e.source, e.type, e.subject, e.time, e.data_content_type, e.data_schema, e.extensions, e.data
            FROM runs r INDEXED BY runs_available CROSS JOIN events e ON e.sequence = r.event
            WHERE r.state = 1 AND r.job = ?\(paused.isEmpty ? "" : " AND \(Self.notPaused)")
            ORDER BY r.priority DESC, r.run_at, r.event LIMIT ?
            """)
        select.bind(1, job)
        if paused.isEmpty {
            select.bind(2, limit)
        } else {
            var list = JSONWriter()
            list.beginArray()
            for name in paused.sorted() { list.string(name) }
            list.endArray()
            select.bind(2, String(decoding: list.bytes, as: UTF8.self))
            select.bind(3, limit)
        }
        var runs: [ClaimedRun] = []
        while try select.step() {
            runs.append(
                ClaimedRun(
                    job: job, trigger: select.optionalText(1), event: try event(select, from: 7),
                    attempt: select.int(2) + 1,
                    history: RunHistory(failures: select.int(3), snoozes: select.int(4), crashes: select.int(5)),
                    createdAt: select.timestamp(6),
                    lease: Lease(
                        run: select.runID(0), token: 0, node: request.node, expiresAt: request.leaseExpiresAt)))
        }
        return runs
    }

    private static let notPaused =
        "(r.trigger IS NULL OR r.trigger NOT IN (SELECT value FROM json_each(?)))"

    /// An event from ten columns that begin with its id.
    func event(_ row: SQLStatement, from column: Int32) throws -> Event {
        Event(
            id: row.text(column), source: row.text(column + 1), type: row.text(column + 2),
            subject: row.optionalText(column + 3), time: row.optionalTimestamp(column + 4),
            dataContentType: row.optionalText(column + 5), dataSchema: row.optionalText(column + 6),
            extensions: try StoredJSON.extensions(row.optionalText(column + 7)), data: row.optionalBytes(column + 8))
    }

    /// The first of `count` new fencing tokens.
    private func takeTokens(_ count: Int) throws -> FencingToken {
        let update = try statement(
            "UPDATE counters SET value = value + ? WHERE name = 'fencing_token' RETURNING value")
        update.bind(1, count)
        var last: FencingToken = 0
        while try update.step() { last = update.int64(0) }
        return last - Int64(count) + 1
    }
}
