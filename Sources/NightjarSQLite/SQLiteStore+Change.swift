public import CloudEvents
public import NightjarCore

extension SQLiteStore {
    /// Does what a person asked for, to runs that are named or to those that fit a filter.
    public func change(
        _ command: RunCommand, _ selection: RunSelection, now: Timestamp, limit: Int
    ) async throws(StoreError) -> [RunChange] {
        let limit = max(0, limit)
        switch selection {
        case .ids(let ids):
            var seen: Set<RunID> = []
            let ids = ids.filter { seen.insert($0).inserted }.prefix(limit)
            guard !ids.isEmpty else { return [] }
            return try await committer.perform(rows: ids.count) { connection in
                try ids.map {
                    try connection.change(command, $0, now: now) ?? RunChange(id: $0, job: nil, outcome: .notFound)
                }
            }
        case .filter(let filter, var last):
            // The search, which may be long, does not hold up the writer; what moved on in between is left out.
            guard let filter = filter.narrowed(to: command) else { return [] }
            while true {
                let search = RunSearch(filter, order: .oldestFirst, after: last)
                let ids = try await read { try search.ids($0, limit: limit) }
                guard !ids.isEmpty else { return [] }
                let changes = try await committer.perform(rows: ids.count) { connection in
                    try ids.compactMap { try connection.change(command, $0, from: filter.states, now: now) }
                }
                if !changes.isEmpty { return changes }
                // All of them moved on, which does not say that none is left.
                last = ids.last
            }
        }
    }

    /// Retries a run with another input.
    public func retry(_ id: RunID, input: [UInt8], now: Timestamp) async throws(StoreError) -> RunChange {
        try await committer.perform { connection in
            guard let change = try connection.change(.retry, id, now: now) else {
                return RunChange(id: id, job: nil, outcome: .notFound)
            }
            if case .changed = change.outcome { try connection.setInput(input, of: id, now: now) }
            return change
        }
    }

    /// What is paused.
    public func pauses() async throws(StoreError) -> Set<Pause> {
        try await read { try $0.pauses() }
    }

    /// Pauses or resumes a job, a trigger or a key.
    public func setPaused(_ pause: Pause, _ isPaused: Bool, now: Timestamp) async throws(StoreError) {
        try await committer.perform { try $0.setPaused(pause, isPaused, now: now) }
    }
}

extension Connection {
    /// `nil` if there is no such run, or it stands at none of these states (none given: any will do).
    fileprivate func change(
        _ command: RunCommand, _ id: RunID, from states: Set<RunState> = [], now: Timestamp
    ) throws -> RunChange? {
        let select = try statement("SELECT state, job FROM runs WHERE id = ?")
        select.bind(1, id)
        defer { select.reset() }
        guard try select.step() else { return nil }
        let state = try state(select.int(0), of: id)
        guard states.isEmpty || states.contains(state) else { return nil }
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
                UPDATE runs SET state = 1, run_at = ?1, rank = ?1 - priority * \(RunRank.microsecondsPerLevel),
                    starts_over_at = ?1, expires_at = NULL, finished_at = NULL, reason = NULL, result = NULL, progress = NULL,
                    progress_text = NULL, failures = 0, snoozes = 0, crashes = 0, cancel_requested = 0
                WHERE id = ?2
                """)
            update.bind(1, now)
            update.bind(2, id)
            try update.run()
            return .changed(.available)
        case (.retry, .scheduled), (.retry, .retryable):
            let update = try statement(
                """
                UPDATE runs SET state = 1, run_at = ?1, rank = ?1 - priority * \(RunRank.microsecondsPerLevel),
                    starts_over_at = ?1, expires_at = NULL WHERE id = ?2
                """)
            update.bind(1, now)
            update.bind(2, id)
            try update.run()
            return .changed(.available)
        case (.cancel, .scheduled), (.cancel, .available), (.cancel, .retryable):
            try cancel(id, reason: Settlement.cancelledByHand, now: now)
            return .changed(.cancelled)
        case (.cancel, .running):
            let update = try statement("UPDATE runs SET cancel_requested = 1 WHERE id = ?")
            update.bind(1, id)
            try update.run()
            return .cancelRequested
        case (.discard, .dead):
            try cancel(id, reason: "discarded by hand", now: now)
            return .changed(.cancelled)
        default:
            return .notApplicable(state)
        }
    }

    fileprivate func setInput(_ input: [UInt8], of id: RunID, now: Timestamp) throws {
        let update = try statement("UPDATE runs SET input = ?, input_edited_at = ? WHERE id = ?")
        update.bind(1, input)
        update.bind(2, now)
        update.bind(3, id)
        try update.run()
    }

    /// Cancels a run that does not run.
    func cancel(_ id: RunID, reason: String, now: Timestamp) throws {
        let update = try statement("UPDATE runs SET state = 6, finished_at = ?, reason = ? WHERE id = ?")
        update.bind(1, now)
        update.bind(2, reason)
        update.bind(3, id)
        try update.run()
    }
}
