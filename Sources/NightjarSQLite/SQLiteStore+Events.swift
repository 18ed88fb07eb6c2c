import CloudEvents
public import NightjarCore

extension SQLiteStore {
    /// Uses events_identity.
    public func events(id: String, source: String?) async throws(StoreError) -> [EventRecord] {
        try await read { connection in
            let select = try connection.statement(
                """
                SELECT \(Connection.recordColumns) FROM events e
                WHERE e.id = ?1 AND (?2 IS NULL OR e.source = ?2) ORDER BY e.sequence DESC
                """)
            select.bind(1, id)
            select.bind(2, source)
            return try connection.records(select)
        }
    }

    /// Walks the events in their own order, which is the order of acceptance.
    public func events(after sequence: Int64?, limit: Int) async throws(StoreError) -> [EventRecord] {
        guard limit > 0 else { return [] }
        return try await read { connection in
            guard let sequence else {
                let select = try connection.statement(
                    "SELECT \(Connection.recordColumns) FROM events e ORDER BY e.sequence DESC LIMIT ?")
                select.bind(1, limit)
                return try connection.records(select).reversed()
            }
            let select = try connection.statement(
                "SELECT \(Connection.recordColumns) FROM events e WHERE e.sequence > ? ORDER BY e.sequence LIMIT ?")
            select.bind(1, sequence)
            select.bind(2, limit)
            return try connection.records(select)
        }
    }

    /// Walks events_unmatched_order, or the events in their own order.
    public func events(_ query: EventQuery) async throws(StoreError) -> [EventRecord] {
        guard query.limit > 0 else { return [] }
        return try await read { connection in
            let select = try connection.statement(Connection.eventsQuery(isUnmatched: query.isUnmatched))
            select.bind(1, query.after)
            return try connection.records(select, query)
        }
    }
}

extension Connection {
    /// What an event is made of, without its data.
    static let eventColumns = """
        e.id, e.source, e.type, e.subject, e.time, e.data_content_type, e.data_schema, e.extensions
        """
    fileprivate static let recordColumns =
        eventColumns + ", e.data, e.sequence, e.accepted_at, e.refusals, e.addressee"

    /// It has no limit: whoever steps through it leaves out what does not fit, without a look at the data, and stops.
    static func eventsQuery(isUnmatched: Bool) -> String {
        """
        SELECT \(recordColumns) FROM events e\(isUnmatched ? " INDEXED BY events_unmatched_order" : "")
        WHERE \(isUnmatched ? "e.unmatched = 1 AND " : "")e.sequence > ? ORDER BY e.sequence
        """
    }

    /// An event from ``eventColumns`` and the data, which begin at `column`.
    func event(_ row: SQLStatement, from column: Int32) throws -> Event {
        Event(
            id: row.text(column), source: row.text(column + 1), type: row.text(column + 2),
            subject: row.optionalText(column + 3), time: row.optionalTimestamp(column + 4),
            dataContentType: row.optionalText(column + 5), dataSchema: row.optionalText(column + 6),
            extensions: try StoredJSON.extensions(row.optionalText(column + 7)), data: row.optionalBytes(column + 8))
    }

    fileprivate func records(_ select: SQLStatement, _ query: EventQuery? = nil) throws -> [EventRecord] {
        var records: [EventRecord] = []
        var refusals: [[Decision]] = []
        var bytes = 0
        defer { select.reset() }
        while try select.step() {
            if let query,
                !query.fits(type: select.text(2), source: select.text(1), acceptedAt: select.timestamp(10))
            {
                continue
            }
            records.append(
                EventRecord(
                    sequence: select.int64(9), event: try event(select, from: 0), acceptedAt: select.timestamp(10),
                    decisions: [], addressee: select.optionalText(12).flatMap { EventAddressee($0) }))
            refusals.append(try StoredJSON.refusals(select.optionalText(11)))
            guard let query else { continue }
            bytes += records.last?.event.data?.count ?? 0
            if records.count == query.limit || bytes >= query.mostBytes { break }
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
            records[index].decisions += try joined(event: records[index].sequence)
            records[index].decisions += refusals[index]
        }
        return records
    }

    /// The runs that an event joined and that are not its own. Uses run_items_event.
    private func joined(event: Int64) throws -> [Decision] {
        let select = try statement(
            """
            SELECT i.trigger, i.job, i.run FROM run_items i CROSS JOIN runs r ON r.id = i.run
            WHERE i.event = ?1 AND r.event <> ?1 ORDER BY i.run
            """)
        select.bind(1, event)
        var decisions: [Decision] = []
        while try select.step() {
            decisions.append(
                Decision(
                    trigger: select.optionalText(0), job: select.text(1), outcome: .joined, run: select.runID(2)))
        }
        return decisions
    }
}
