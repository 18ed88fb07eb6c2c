import CloudEvents
public import NightjarCore

extension SQLiteStore {
    /// Records events and makes their runs in one transaction, which others may share.
    public func accept(_ batch: [IntakeRecord]) async throws(StoreError) -> [Acceptance] {
        guard !batch.isEmpty else { return [] }
        return try await committer.perform(rows: batch.reduce(0) { $0 + 1 + $1.runs.count }) { connection in
            try connection.accept(batch)
        }
    }

    /// What a trigger's source last recorded of itself.
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
        guard !batch.isEmpty else { return [] }
        var sequence = try take(batch.count, from: "event_sequence")
        let insertEvent = try statement(
            """
            INSERT INTO events (sequence, id, source, type, subject, time, data_content_type, data_schema, extensions,
                data, accepted_at, refusals, unmatched, addressee)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT (id, source) DO NOTHING
            """)
        let insertRun = try statement(
            """
            INSERT INTO runs (id, event, job, trigger, state, priority, created_at, run_at, input, expires_at, key, stops_key,
                rank)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        return try batch.map { record in
            defer { sequence += 1 }
            let event = record.event
            if record.isReplay, try knownSequence(of: event.id, event.source) == nil {
                return Acceptance(source: event.source, id: event.id, outcome: .duplicate, runs: [])
            }
            let record = try withoutDropped(record)
            let isNew = try !record.isReplay && insert(record, sequence, insertEvent)
            let known = isNew ? sequence : try self.sequence(of: event.id, event.source)
            if !isNew, !record.runs.isEmpty { try markMatched(event: known) }
            if record.isReplay { try replaceRefusals(of: known, by: record) }
            let runs = try record.runs.map { run in
                if !isNew, let existing = try existingRun(event: known, job: run.job) { return existing }
                try insert(run, event: known, acceptedAt: record.acceptedAt, insertRun)
                return run.id
            }
            for change in record.stateChanges { try apply(change) }
            return Acceptance(
                source: event.source, id: event.id, outcome: isNew ? .accepted : .duplicate, runs: runs)
        }
    }

    /// The first of `count` new numbers of that counter.
    func take(_ count: Int, from counter: String) throws -> Int64 {
        let update = try statement("UPDATE counters SET value = value + ? WHERE name = ? RETURNING value")
        update.bind(1, count)
        update.bind(2, counter)
        var last: Int64 = 0
        while try update.step() { last = update.int64(0) }
        return last - Int64(count) + 1
    }

    /// `false` if the event is known already. Uses events_identity.
    private func insert(_ record: IntakeRecord, _ sequence: Int64, _ insert: SQLStatement) throws -> Bool {
        let event = record.event
        insert.bind(1, sequence)
        insert.bind(2, event.id)
        insert.bind(3, event.source)
        insert.bind(4, event.type)
        insert.bind(5, event.subject)
        insert.bind(6, event.time)
        insert.bind(7, event.dataContentType)
        insert.bind(8, event.dataSchema)
        insert.bind(9, try StoredJSON.extensions(event.extensions))
        insert.bind(10, event.data)
        insert.bind(11, record.acceptedAt)
        insert.bind(12, try StoredJSON.refusals(record.refusals))
        insert.bind(13, record.runs.isEmpty ? 1 : 0)
        insert.bind(14, record.addressee.description)
        return try insert.run() == 1
    }

    private func sequence(of id: String, _ source: String) throws -> Int64 {
        guard let sequence = try knownSequence(of: id, source) else {
            throw StoreError(.conflict, "the event \(id) of \(source) is neither new nor known")
        }
        return sequence
    }

    /// The sequence of an event that is known. Uses events_identity.
    func knownSequence(of id: String, _ source: String) throws -> Int64? {
        let select = try statement("SELECT sequence FROM events WHERE id = ? AND source = ?")
        select.bind(1, id)
        select.bind(2, source)
        defer { select.reset() }
        return try select.step() ? select.int64(0) : nil
    }

    /// An event that came before and made no run makes one now.
    private func markMatched(event: Int64) throws {
        let update = try statement("UPDATE events SET unmatched = 0 WHERE sequence = ? AND unmatched = 1")
        update.bind(1, event)
        try update.run()
    }

    /// An event that was decided on again is refused by others now, or for other reasons.
    private func replaceRefusals(of event: Int64, by record: IntakeRecord) throws {
        let select = try statement("SELECT refusals FROM events WHERE sequence = ?")
        select.bind(1, event)
        defer { select.reset() }
        guard try select.step() else { return }
        let old = try StoredJSON.refusals(select.optionalText(0))
        let new = record.refusals(replacing: old)
        guard new != old else { return }
        let update = try statement("UPDATE events SET refusals = ? WHERE sequence = ?")
        update.bind(1, try StoredJSON.refusals(new))
        update.bind(2, event)
        try update.run()
    }

    /// Uses runs_event.
    func existingRun(event: Int64, job: String) throws -> RunID? {
        let select = try statement("SELECT id FROM runs WHERE event = ? AND job = ?")
        select.bind(1, event)
        select.bind(2, job)
        defer { select.reset() }
        return try select.step() ? select.runID(0) : nil
    }

    private func insert(
        _ run: NewRun, event: Int64, acceptedAt: Timestamp, _ insert: SQLStatement
    ) throws {
        let state = run.runAt <= acceptedAt ? RunState.available : .scheduled
        insert.bind(1, run.id)
        insert.bind(2, event)
        insert.bind(3, run.job)
        insert.bind(4, run.trigger)
        insert.bind(5, state.rawValue)
        insert.bind(6, run.priority)
        insert.bind(7, acceptedAt)
        insert.bind(8, run.runAt)
        insert.bind(9, run.input)
        insert.bind(10, run.expiresAt)
        insert.bind(11, run.key)
        insert.bind(12, run.stopsKey ? 1 : 0)
        insert.bind(13, RunRank.of(runAt: run.runAt, priority: run.priority))
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
