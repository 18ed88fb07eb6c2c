public import CloudEvents
public import NightjarCore

extension SQLiteStore {
    public func change(
        _ command: RunCommand, _ selection: RunSelection, now: Timestamp, limit: Int
    ) async throws(StoreError) -> [RunChange] {
        try await committer.perform { connection in
            switch selection {
            case .ids(let ids):
                var seen: Set<RunID> = []
                return try ids.prefix(limit).filter { seen.insert($0).inserted }.map {
                    try connection.change(command, $0, now: now)
                }
            case .filter(let filter):
                return try connection.select(filter, limit: limit).map { try connection.change(command, $0, now: now) }
            }
        }
    }

    public func pauses() async throws(StoreError) -> Set<Pause> {
        try await read { connection in
            let select = try connection.statement("SELECT kind, name FROM pauses")
            var pauses: Set<Pause> = []
            while try select.step() {
                if let kind = Pause.Kind(rawValue: select.text(0)) { pauses.insert(Pause(kind, select.text(1))) }
            }
            return pauses
        }
    }

    public func setPaused(_ pause: Pause, _ isPaused: Bool, now: Timestamp) async throws(StoreError) {
        try await committer.perform { connection in
            if isPaused {
                let insert = try connection.statement(
                    "INSERT INTO pauses (kind, name, paused_at) VALUES (?, ?, ?) ON CONFLICT DO NOTHING")
                insert.bind(1, pause.kind.rawValue)
                insert.bind(2, pause.name)
                insert.bind(3, now)
                try insert.run()
            } else {
                let delete = try connection.statement("DELETE FROM pauses WHERE kind = ? AND name = ?")
                delete.bind(1, pause.kind.rawValue)
                delete.bind(2, pause.name)
                try delete.run()
            }
        }
    }

    /// Uses runs_finished, and the events' own order, which is the order of acceptance.
    public func prune(
        runsBefore: Timestamp, eventsBefore: Timestamp, limit: Int
    ) async throws(StoreError) -> Int {
        try await committer.perform { connection in
            let select = try connection.statement(
                "SELECT id FROM runs WHERE state IN (4, 6) AND finished_at < ? ORDER BY finished_at LIMIT ?")
            select.bind(1, runsBefore)
            select.bind(2, limit)
            var runs: [RunID] = []
            while try select.step() { runs.append(select.runID(0)) }
            let deleteAttempts = try connection.statement("DELETE FROM attempts WHERE run = ?")
            let deleteRun = try connection.statement("DELETE FROM runs WHERE id = ?")
            for run in runs {
                deleteAttempts.bind(1, run)
                try deleteAttempts.run()
                deleteRun.bind(1, run)
                try deleteRun.run()
            }
            let deleteEvents = try connection.statement(
                """
                DELETE FROM events WHERE sequence IN (
                    SELECT sequence FROM events e
                    WHERE sequence < coalesce(
                        (SELECT sequence FROM events WHERE accepted_at >= ?1 ORDER BY sequence LIMIT 1), ?3)
                    AND NOT EXISTS (SELECT 1 FROM runs WHERE event = e.sequence)
                    ORDER BY sequence LIMIT ?2)
                """)
            deleteEvents.bind(1, eventsBefore)
            deleteEvents.bind(2, limit)
            deleteEvents.bind(3, Int64.max)
            return runs.count + (try deleteEvents.run())
        }
    }
}

extension Connection {
    fileprivate func change(_ command: RunCommand, _ id: RunID, now: Timestamp) throws -> RunChange {
        let select = try statement("SELECT state, job FROM runs WHERE id = ?")
        select.bind(1, id)
        guard try select.step() else { return RunChange(id: id, job: nil, outcome: .notFound) }
        let state = RunState(rawValue: select.int(0)) ?? .available
        let job = select.text(1)
        select.reset()
        return RunChange(id: id, job: job, outcome: try change(command, id, state: state, now: now))
    }

    private func change(
        _ command: RunCommand, _ id: RunID, state: RunState, now: Timestamp
    ) throws -> RunChange.Outcome {
        switch (command, state) {
        case (.retry, .dead), (.retry, .cancelled):
            let update = try statement(
                """
                UPDATE runs SET state = 1, run_at = ?, finished_at = NULL, reason = NULL, result = NULL, progress = NULL,
                    progress_text = NULL, failures = 0, snoozes = 0, crashes = 0, cancel_requested = 0
                WHERE id = ?
                """)
            update.bind(1, now)
            update.bind(2, id)
            try update.run()
            return .changed(.available)
        case (.retry, .scheduled), (.retry, .retryable):
            let update = try statement("UPDATE runs SET state = 1, run_at = ? WHERE id = ?")
            update.bind(1, now)
            update.bind(2, id)
            try update.run()
            return .changed(.available)
        case (.cancel, .scheduled), (.cancel, .available), (.cancel, .retryable):
            try finish(id, reason: "cancelled by hand", now: now)
            return .changed(.cancelled)
        case (.cancel, .running):
            let update = try statement("UPDATE runs SET cancel_requested = 1 WHERE id = ?")
            update.bind(1, id)
            try update.run()
            return .cancelRequested
        case (.discard, .dead):
            try finish(id, reason: "discarded by hand", now: now)
            return .changed(.cancelled)
        default:
            return .notApplicable(state)
        }
    }

    private func finish(_ id: RunID, reason: String, now: Timestamp) throws {
        let update = try statement("UPDATE runs SET state = 6, finished_at = ?, reason = ? WHERE id = ?")
        update.bind(1, now)
        update.bind(2, reason)
        update.bind(3, id)
        try update.run()
    }
}
