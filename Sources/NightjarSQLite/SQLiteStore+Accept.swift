import CloudEvents
public import NightjarCore

extension SQLiteStore {
    public func accept(_ batch: [IntakeRecord]) async throws(StoreError) -> [Acceptance] {
        guard !batch.isEmpty else { return [] }
        return try await committer.perform { try $0.accept(batch) }
    }

    public func sourceState(trigger: String) async throws(StoreError) -> [String: [UInt8]] {
        try await read { connection in
            let select = try connection.statement("SELECT key, value FROM source_state WHERE trigger = ?")
            select.bind(1, trigger)
            var state: [String: [UInt8]] = [:]
            while try select.step() { state[select.text(0)] = select.optionalBytes(1) ?? [] }
            return state
        }
    }
}

extension Connection {
    /// Records events and makes their runs.
    func accept(_ batch: [IntakeRecord]) throws -> [Acceptance] {
        try batch.map { try accept($0) }
    }

    private func accept(_ record: IntakeRecord) throws -> Acceptance {
        let event = record.event
        let insert = try statement(
            """
            INSERT INTO events (id, source, type, subject, time, data_content_type, data_schema, extensions, data,
                accepted_at, refusals)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, source) DO NOTHING
            """)
        insert.bind(1, event.id)
        insert.bind(2, event.source)
        insert.bind(3, event.type)
        insert.bind(4, event.subject)
        insert.bind(5, event.time)
        insert.bind(6, event.dataContentType)
        insert.bind(7, event.dataSchema)
        insert.bind(8, try StoredJSON.extensions(event.extensions))
        insert.bind(9, event.data)
        insert.bind(10, record.acceptedAt)
        insert.bind(11, try StoredJSON.refusals(record.refusals))
        let isNew = try insert.run() == 1

        var acceptance = Acceptance(
            source: event.source, id: event.id, outcome: isNew ? .accepted : .duplicate, runs: [])
        let sequence = isNew ? lastInsertedRowID : try self.sequence(of: event.id, event.source)
        for run in record.runs {
            if !isNew, let existing = try existingRun(event: sequence, job: run.job) {
                acceptance.runs.append(existing)
            } else {
                try insertRun(run, event: sequence, acceptedAt: record)
                acceptance.runs.append(run.id)
            }
        }
        for change in record.stateChanges { try apply(change) }
        return acceptance
    }

    /// Uses events_identity.
    private func sequence(of id: String, _ source: String) throws -> Int64 {
        let select = try statement("SELECT sequence FROM events WHERE id = ? AND source = ?")
        select.bind(1, id)
        select.bind(2, source)
        defer { select.reset() }
        guard try select.step() else {
            throw StoreError(.conflict, "the event \(id) of \(source) is neither new nor known")
        }
        return select.int64(0)
    }

    /// Uses runs_event.
    private func existingRun(event: Int64, job: String) throws -> RunID? {
        let select = try statement("SELECT id FROM runs WHERE event = ? AND job = ?")
        select.bind(1, event)
        select.bind(2, job)
        defer { select.reset() }
        return try select.step() ? select.runID(0) : nil
    }

    private func insertRun(_ run: NewRun, event: Int64, acceptedAt record: IntakeRecord) throws {
        let insert = try statement(
            """
            INSERT INTO runs (id, event, job, trigger, state, priority, created_at, run_at)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?)
            """)
        let state = run.runAt <= record.acceptedAt ? RunState.available : .scheduled
        insert.bind(1, run.id)
        insert.bind(2, event)
        insert.bind(3, run.job)
        insert.bind(4, run.trigger)
        insert.bind(5, state.rawValue)
        insert.bind(6, run.priority)
        insert.bind(7, record.acceptedAt)
        insert.bind(8, run.runAt)
        try insert.run()
    }

    private func apply(_ change: SourceStateChange) throws {
        guard let value = change.value else {
            let delete = try statement("DELETE FROM source_state WHERE trigger = ? AND key = ?")
            delete.bind(1, change.trigger)
            delete.bind(2, change.key)
            try delete.run()
            return
        }
        let upsert = try statement(
            """
            INSERT INTO source_state (trigger, key, value) VALUES (?, ?, ?)
            ON CONFLICT (trigger, key) DO UPDATE SET value = excluded.value
            """)
        upsert.bind(1, change.trigger)
        upsert.bind(2, change.key)
        upsert.bind(3, value)
        try upsert.run()
    }
}
