public import CloudEvents
public import NightjarCore

extension SQLiteStore {
    /// Leases available runs to a node.
    ///
    /// At most 10,000 scheduled and retryable runs become available in one claim. When more are due, `nextDueAt` lies in the
    /// past, and the next claim goes on.
    public func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimResult {
        try await register(request.node)
        return try await committer.perform(rows: request.limit) { connection in
            try connection.promote(now: request.now)
            return ClaimResult(runs: try connection.claim(request), nextDueAt: try connection.nextDueAt())
        }
    }

    /// Prolongs leases of runs that were not taken back.
    public func renew(
        _ leases: [Lease], until expiry: Timestamp, now: Timestamp
    ) async throws(StoreError) -> [LeaseRenewal] {
        guard !leases.isEmpty else { return [] }
        return try await committer.perform(rows: leases.count) { connection in
            let update = try connection.statement(
                """
                UPDATE runs SET lease_expires_at = ?
                WHERE id = ? AND lease_token = ? AND state = 2 RETURNING cancel_requested
                """)
            return try leases.map { lease in
                update.bind(1, expiry)
                update.bind(2, lease.run)
                update.bind(3, lease.token)
                var renewal = LeaseRenewal.lost
                while try update.step() { renewal = update.int(0) == 0 ? .renewed : .cancelRequested }
                return renewal
            }
        }
    }

    /// Records the newest progress of runs whose leases hold.
    public func report(_ progress: [(lease: Lease, progress: Progress)]) async throws(StoreError) {
        guard !progress.isEmpty else { return }
        try await committer.perform(rows: progress.count) { connection in
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
    public func cancelRequests(node: NodeID) async throws(StoreError) -> [Lease] {
        try await read { connection in
            let select = try connection.statement(
                """
                SELECT id, lease_token, lease_expires_at FROM runs
                WHERE state = 2 AND lease_node = ? AND cancel_requested = 1 ORDER BY id
                """)
            select.bind(1, node)
            var leases: [Lease] = []
            while try select.step() {
                leases.append(
                    Lease(run: select.runID(0), token: select.int64(1), node: node, expiresAt: select.timestamp(2)))
            }
            return leases
        }
    }

    /// Uses runs_running, which is as small as the nodes' slots are few.
    ///
    /// It asks the writer: there it cannot come between the lock of a node that comes back under its name and the end of
    /// the leases that the node left behind.
    public func expired(now: Timestamp, limit: Int) async throws(StoreError) -> [ExpiredRun] {
        try await committer.perform { [locks] connection in
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
            return Array(expired.sorted { $0.lease.token < $1.lease.token }.prefix(max(0, limit)))
        }
    }
}

extension Connection {
    private static let maximumPromoted = 10_000

    /// Uses runs_due.
    fileprivate func promote(now: Timestamp) throws {
        let update = try statement(
            """
            UPDATE runs SET state = 1 WHERE id IN (
                SELECT id FROM runs INDEXED BY runs_due WHERE state IN (0, 3) AND run_at <= ? ORDER BY run_at LIMIT ?)
            """)
        update.bind(1, now)
        update.bind(2, Self.maximumPromoted)
        try update.run()
    }

    /// Uses runs_due.
    fileprivate func nextDueAt() throws -> Timestamp? {
        let select = try statement(
            "SELECT run_at FROM runs INDEXED BY runs_due WHERE state IN (0, 3) ORDER BY run_at LIMIT 1")
        defer { select.reset() }
        return try select.step() ? select.timestamp(0) : nil
    }

    /// Job after job, so that a job that is named twice finds what it was given before already taken.
    fileprivate func claim(_ request: ClaimRequest) throws -> [ClaimedRun] {
        let paused = request.pausedTriggers.isEmpty ? nil : Self.list(request.pausedTriggers)
        var claimed: [ClaimedRun] = []
        for demand in request.demands {
            let limit = min(demand.limit, request.limit - claimed.count)
            if limit <= 0 { continue }
            var runs = try available(demand.job, limit: limit, pausedTriggers: paused, request)
            try lease(&runs, request)
            claimed += runs
        }
        return claimed
    }

    /// Uses runs_available, whose order is the order of claims.
    private func available(
        _ job: String, limit: Int, pausedTriggers: String?, _ request: ClaimRequest
    ) throws -> [ClaimedRun] {
        let columns = """
            r.id, r.trigger, r.attempt, r.failures, r.snoozes, r.crashes, r.created_at,
            e.id, e.source, e.type, e.subject, e.time, e.data_content_type, e.data_schema, e.extensions, e.data, r.input
            """
        let select: SQLStatement
        if let pausedTriggers {
            // The index has all that the inner query asks for: runs of paused triggers are passed over without a look.
            select = try statement(
                """
                SELECT \(columns) FROM (
                    SELECT id FROM runs INDEXED BY runs_available
                    WHERE state = 1 AND job = ?1
                    AND (trigger IS NULL OR trigger NOT IN (SELECT value FROM json_each(?3)))
                    ORDER BY priority DESC, run_at, event LIMIT ?2) found
                CROSS JOIN runs r ON r.id = found.id CROSS JOIN events e ON e.sequence = r.event
                ORDER BY r.priority DESC, r.run_at, r.event
                """)
            select.bind(3, pausedTriggers)
        } else {
            select = try statement(
                """
                SELECT \(columns) FROM runs r INDEXED BY runs_available CROSS JOIN events e ON e.sequence = r.event
                WHERE r.state = 1 AND r.job = ?1 ORDER BY r.priority DESC, r.run_at, r.event LIMIT ?2
                """)
        }
        select.bind(1, job)
        select.bind(2, limit)
        var runs: [ClaimedRun] = []
        while try select.step() {
            runs.append(
                ClaimedRun(
                    job: job, trigger: select.optionalText(1), event: try event(select, from: 7),
                    input: select.optionalBytes(16),
                    attempt: select.int(2) + 1,
                    history: RunHistory(failures: select.int(3), snoozes: select.int(4), crashes: select.int(5)),
                    createdAt: select.timestamp(6),
                    lease: Lease(
                        run: select.runID(0), token: 0, node: request.node, expiresAt: request.leaseExpiresAt)))
        }
        return runs
    }

    /// Leases the runs to the node, each with a token of its own.
    private func lease(_ runs: inout [ClaimedRun], _ request: ClaimRequest) throws {
        guard !runs.isEmpty else { return }
        let firstToken = try take(runs.count, from: "fencing_token")
        let update = try statement(
            """
            UPDATE runs SET state = 2, attempt = ?, lease_token = ?, lease_node = ?, lease_expires_at = ?, started_at = ?
            WHERE id = ?
            """)
        for index in runs.indices {
            runs[index].lease.token = firstToken + Int64(index)
            update.bind(1, runs[index].attempt)
            update.bind(2, runs[index].lease.token)
            update.bind(3, request.node)
            update.bind(4, request.leaseExpiresAt)
            update.bind(5, request.now)
            update.bind(6, runs[index].lease.run)
            try update.run()
        }
    }

    private static func list(_ names: Set<String>) -> String {
        var list = JSONWriter()
        list.beginArray()
        for name in names.sorted() { list.string(name) }
        list.endArray()
        return String(decoding: list.bytes, as: UTF8.self)
    }
}
