import CloudEvents
public import NightjarCore

extension SQLiteStore {
    /// Ends attempts under their leases, with what they emitted, in one transaction.
    public func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
        guard !settlements.isEmpty else { return [] }
        let rows = settlements.reduce(0) { rows, settlement in
            rows + 2 + settlement.emitted.count + settlement.doneItems.count
        }
        return try await committer.perform(rows: rows) { [locks] connection in
            try settlements.map { settlement in
                if settlement.onlyIfExpired, try !connection.isExpired(settlement, locks) { return .leaseLost }
                return try connection.settle(settlement)
            }
        }
    }
}

extension Connection {
    /// Whether the lease has run out, or its node is dead.
    fileprivate func isExpired(_ settlement: Settlement, _ locks: NodeLocks) throws -> Bool {
        let select = try statement(
            """
            SELECT r.lease_expires_at, n.slot FROM runs r LEFT JOIN nodes n ON n.name = r.lease_node
            WHERE r.id = ? AND r.lease_token = ? AND r.state = 2
            """)
        select.bind(1, settlement.lease.run)
        select.bind(2, settlement.lease.token)
        defer { select.reset() }
        guard try select.step() else { return false }
        if select.timestamp(0) <= settlement.at { return true }
        return select.optionalInt64(1).map(locks.isDead) ?? false
    }

    fileprivate func settle(_ settlement: Settlement) throws -> SettleResult {
        guard let state = try move(settlement) else { return .leaseLost }
        if let attempt = settlement.attempt { try insert(attempt, of: settlement.lease.run) }
        if let progress = settlement.progress {
            let update = try statement("UPDATE runs SET progress = ?, progress_text = ? WHERE id = ?")
            update.bind(1, progress.fraction)
            update.bind(2, progress.text)
            update.bind(3, settlement.lease.run)
            try update.run()
        }
        if !settlement.doneItems.isEmpty { try finishItems(settlement.doneItems, of: settlement.lease.run) }
        guard settlement.takesEmitted else { return .settled(state, emitted: []) }
        return .settled(state, emitted: try accept(settlement.emitted))
    }

    /// Moves the run if the lease is not stale. Every statement compares the token.
    private func move(_ settlement: Settlement) throws -> RunState? {
        let update: SQLStatement
        let state: RunState
        switch try heedingCancelRequest(settlement) {
        case .complete(let result):
            state = .completed
            update = try statement(
                """
                UPDATE runs SET state = 4, finished_at = ?, result = ?, reason = NULL, \(Self.noLease)
                WHERE id = ? AND lease_token = ? AND state = 2
                """)
            update.bind(1, settlement.at)
            update.bind(2, result)
            update.bind(3, settlement.lease.run)
            update.bind(4, settlement.lease.token)
        case .retry(let runAt, let history):
            state = runAt <= settlement.at ? .available : .retryable
            update = try statement(
                """
                UPDATE runs SET state = ?1, run_at = ?2, rank = ?2 - priority * \(RunRank.microsecondsPerLevel),
                    failures = ?3, snoozes = ?4, crashes = ?5, reason = ?6, \(Self.noLease)
                WHERE id = ?7 AND lease_token = ?8 AND state = 2
                """)
            update.bind(1, state.rawValue)
            update.bind(2, runAt)
            bind(update, 3, history)
            update.bind(6, settlement.attempt?.error)
            update.bind(7, settlement.lease.run)
            update.bind(8, settlement.lease.token)
        case .die(let reason, let history):
            state = .dead
            update = try statement(
                """
                UPDATE runs SET state = 5, finished_at = ?, reason = ?, failures = ?, snoozes = ?, crashes = ?, \(Self.noLease)
                WHERE id = ? AND lease_token = ? AND state = 2
                """)
            update.bind(1, settlement.at)
            update.bind(2, reason)
            bind(update, 3, history)
            update.bind(6, settlement.lease.run)
            update.bind(7, settlement.lease.token)
        case .cancel(let reason):
            state = .cancelled
            update = try statement(
                """
                UPDATE runs SET state = 6, finished_at = ?, reason = ?, attempt = attempt - ?, \(Self.noLease)
                WHERE id = ? AND lease_token = ? AND state = 2
                """)
            update.bind(1, settlement.at)
            update.bind(2, reason)
            update.bind(3, settlement.attempt == nil ? 1 : 0)
            update.bind(4, settlement.lease.run)
            update.bind(5, settlement.lease.token)
        case .release:
            state = .available
            update = try statement(
                """
                UPDATE runs SET state = 1, attempt = attempt - 1, \(Self.noLease)
                WHERE id = ? AND lease_token = ? AND state = 2
                """)
            update.bind(1, settlement.lease.run)
            update.bind(2, settlement.lease.token)
        }
        return try update.run() == 1 ? state : nil
    }

    /// Where the run goes: `cancelled` if someone asked for it and its work is not done.
    private func heedingCancelRequest(_ settlement: Settlement) throws -> Settlement.Transition {
        switch settlement.transition {
        case .complete, .cancel: return settlement.transition
        case .retry, .die, .release: break
        }
        let select = try statement(
            "SELECT 1 FROM runs WHERE id = ? AND lease_token = ? AND state = 2 AND cancel_requested = 1")
        select.bind(1, settlement.lease.run)
        select.bind(2, settlement.lease.token)
        defer { select.reset() }
        return try select.step() ? .cancel(reason: Settlement.cancelledByHand) : settlement.transition
    }

    private static let noLease =
        "lease_token = NULL, lease_node = NULL, lease_expires_at = NULL, started_at = NULL, cancel_requested = 0"

    private func bind(_ update: SQLStatement, _ first: Int32, _ history: RunHistory) {
        update.bind(first, history.failures)
        update.bind(first + 1, history.snoozes)
        update.bind(first + 2, history.crashes)
    }

    func insert(_ attempt: Attempt, of run: RunID) throws {
        let insert = try statement(
            """
            INSERT INTO attempts (run, number, node, started_at, ended_at, outcome, error, output)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """)
        insert.bind(1, run)
        insert.bind(2, attempt.number)
        insert.bind(3, attempt.node)
        insert.bind(4, attempt.startedAt)
        insert.bind(5, attempt.endedAt ?? attempt.startedAt)
        insert.bind(6, (attempt.outcome ?? .failed).rawValue)
        insert.bind(7, attempt.error)
        insert.bind(8, attempt.output)
        try insert.run()
    }
}
