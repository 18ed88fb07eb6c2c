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
            let expired = try connection.expire(now: request.now)
            var claim = try SQLiteClaim(connection, request)
            try claim.run()
            let due = try [claim.nextStart, connection.nextDueAt()].compactMap { $0 }.min()
            return ClaimResult(
                runs: try connection.withItems(claim.claimed, in: claim.batches), nextDueAt: due, expired: expired,
                tooHeavy: claim.tooHeavy)
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
                    r.snoozes, r.crashes, r.cancel_requested, n.slot,
                    coalesce(r.starts_over_at, r.created_at)
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
                        startsOverAt: select.timestamp(12), isCancelRequested: select.int(10) != 0))
            }
            return Array(expired.sorted { $0.lease.token < $1.lease.token }.prefix(max(0, limit)))
        }
    }
}
