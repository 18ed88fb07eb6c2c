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
        return try batch.map { record in
            defer { sequence += 1 }
            if record.isReplay, try knownSequence(of: record.event.id, record.event.source) == nil {
                return Acceptance(source: record.event.source, id: record.event.id, outcome: .duplicate, runs: [])
            }
            let isNew = try !record.isReplay && insert(record, sequence, insertEvent)
            let known = isNew ? sequence : try self.sequence(of: record.event.id, record.event.source)
            if record.isReplay { try replaceRefusals(of: known, by: record) }
            let runs = try makeRuns(record, event: known, isNew: isNew)
            for change in record.stateChanges { try apply(change) }
            return Acceptance(
                source: record.event.source, id: record.event.id, outcome: isNew ? .accepted : .duplicate, runs: runs)
        }
    }

    /// Makes the runs that are to be made of an event, and notes why others are not.
    private func makeRuns(_ record: IntakeRecord, event: Int64, isNew: Bool) throws -> [RunID] {
        guard !record.runs.isEmpty else { return [] }
        var runs: [RunID] = []
        var refusals: [Decision] = []
        var hasRun = false
        for run in record.runs {
            if !isNew, let known = try knownRun(event: event, job: run.job) {
                runs.append(known)
                continue
            }
            switch try make(run, record, event: event) {
            case .made(let id):
                runs.append(id)
                hasRun = true
            case .refused(let decision):
                // A rate says no for now; that another run stands for this one is said for good.
                if isNew || record.isReplay || decision.run != nil { refusals.append(decision) }
                if let id = decision.run { runs.append(id) }
            }
        }
        if !refusals.isEmpty { try setRefusals(try self.refusals(of: event) + refusals, of: event) }
        if isNew, !hasRun { try setUnmatched(event: event, true) }
        if !isNew, hasRun { try setUnmatched(event: event, false) }
        return runs
    }

    /// What becomes of a run that is to be made.
    private enum Making {
        /// It was made, or its event joined this one.
        case made(RunID)
        case refused(Decision)
    }

    private func make(_ new: NewRun, _ record: IntakeRecord, event: Int64) throws -> Making {
        let now = record.acceptedAt
        func refused(_ reason: String, by run: RunID? = nil) -> Making {
            .refused(Decision(trigger: new.trigger, job: new.job, outcome: .refused, run: run, reason: reason))
        }
        var replaced: [RunID] = []
        if let unique = new.unique {
            switch unique.ruling(try firsts(unique, of: new.job)) {
            case .make(let cancelling): replaced = cancelling
            case .refuse(let first): return refused(unique.refusal(by: first), by: first)
            case .extend(let first):
                try extend(first, as: new, now: now)
                return refused(unique.refusal(by: first, isExtended: true), by: first)
            }
        }
        let bytes = new.input?.count ?? record.event.data?.count ?? 0
        if let collect = new.collect, let id = try join(new, collect, event: event, bytes: bytes, now: now) {
            return .made(id)
        }
        if new.dropsBeyond != .init(), let reason = try dropReason(new, at: now) { return refused(reason) }
        for first in replaced { try cancel(first, reason: UniqueClaim.replacement(by: new.id), now: now) }
        guard let collect = new.collect else {
            try insert(new, event: event, acceptedAt: now)
            return .made(new.id)
        }
        var first = new
        let run = CollectingRun(first: new, collect, bytes: collect.keep == .all ? bytes : 0, at: now)
        first.runAt = run.runAt
        first.expiresAt = run.expiresAt
        try insert(first, event: event, acceptedAt: now)
        try begin(run, first, collect, event: event)
        return .made(new.id)
    }

    /// The run that an event made or joined, or that stands for the one it was not to make.
    private func knownRun(event: Int64, job: String) throws -> RunID? {
        if let run = try existingRun(event: event, job: job) ?? joinedRun(event: event, job: job) { return run }
        return try refusals(of: event).last { $0.job == job && $0.run != nil }?.run
    }

    /// The decisions that are kept with an event.
    private func refusals(of event: Int64) throws -> [Decision] {
        let select = try statement("SELECT refusals FROM events WHERE sequence = ?")
        select.bind(1, event)
        defer { select.reset() }
        return try select.step() ? StoredJSON.refusals(select.optionalText(0)) : []
    }

    private func setRefusals(_ refusals: [Decision], of event: Int64) throws {
        let update = try statement("UPDATE events SET refusals = ? WHERE sequence = ?")
        update.bind(1, try StoredJSON.refusals(refusals))
        update.bind(2, event)
        try update.run()
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

    /// Notes whether an event has no run.
    private func setUnmatched(event: Int64, _ isUnmatched: Bool) throws {
        let update = try statement("UPDATE events SET unmatched = ?1 WHERE sequence = ?2 AND unmatched <> ?1")
        update.bind(1, isUnmatched ? 1 : 0)
        update.bind(2, event)
        try update.run()
    }

    /// An event that was decided on again is refused by others now, or for other reasons.
    private func replaceRefusals(of event: Int64, by record: IntakeRecord) throws {
        let old = try refusals(of: event)
        let new = record.refusals(replacing: old)
        if new != old { try setRefusals(new, of: event) }
    }

    /// Uses runs_event.
    func existingRun(event: Int64, job: String) throws -> RunID? {
        let select = try statement("SELECT id FROM runs WHERE event = ? AND job = ?")
        select.bind(1, event)
        select.bind(2, job)
        defer { select.reset() }
        return try select.step() ? select.runID(0) : nil
    }

    private func insert(_ run: NewRun, event: Int64, acceptedAt: Timestamp) throws {
        let insert = try statement(
            """
            INSERT INTO runs (id, event, job, trigger, state, priority, created_at, run_at, input, expires_at, key, stops_key,
                rank, unique_key, unique_completed, finished_at, attempt, failures, snoozes, crashes, reason)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)
            """)
        let state = run.firstState(at: acceptedAt)
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
        insert.bind(14, run.unique?.key)
        insert.bind(15, run.unique?.states.contains(.completed) == true ? 1 : 0)
        let earlier = run.earlier
        insert.bind(16, state == .dead ? acceptedAt : nil)
        insert.bind(17, earlier?.attempt.number ?? 0)
        insert.bind(18, earlier?.history.failures ?? 0)
        insert.bind(19, earlier?.history.snoozes ?? 0)
        insert.bind(20, earlier?.history.crashes ?? 0)
        insert.bind(21, earlier?.death ?? earlier?.attempt.error)
        try insert.run()
        if let earlier { try self.insert(earlier.attempt, of: run.id) }
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
