import CloudEvents
import GRDB
import NightjarCore

/// What plain SQLite can do at most with the same tables: the yardstick of `nightjar bench`.
///
/// The statements and the durability are the store's own; there is no engine, no concurrency and no value made of a row.
package struct RawLifecycle: Sendable {
    private let store: SQLiteStore

    /// Measures on the store's file.
    package init(_ store: SQLiteStore) {
        self.store = store
    }

    /// Accepts, claims and settles `count` runs in transactions of `batch` runs each.
    /// - Returns: how long it took.
    package func run(count: Int, batch: Int, payload: [UInt8]) throws -> Duration {
        try store.pool.writeWithoutTransaction { database in
            let connection = try Connection(database)
            defer { connection.finalizeStatements() }
            var generator = SystemRandomNumberGenerator()
            var ids = RunIDGenerator()
            let now = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)
            return try ContinuousClock().measure {
                for start in stride(from: 0, to: count, by: batch) {
                    let runs = (0..<min(batch, count - start)).map { _ in
                        ids.next(microseconds: now.microsecondsSince1970, using: &generator)
                    }
                    try transaction(database) { try accept(connection, runs, payload, now) }
                    try transaction(database) { try claim(connection, runs.count, now) }
                    try transaction(database) { try settle(connection, runs, now) }
                }
            }
        }
    }

    /// How long it takes to make one event with its run durable, each waited for: the disk's own latency.
    package func commits(_ count: Int, payload: [UInt8]) throws -> [Duration] {
        try store.pool.writeWithoutTransaction { database in
            let connection = try Connection(database)
            defer { connection.finalizeStatements() }
            var generator = SystemRandomNumberGenerator()
            var ids = RunIDGenerator()
            let now = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)
            return try (0..<count).map { _ in
                let id = ids.next(microseconds: now.microsecondsSince1970, using: &generator)
                return try ContinuousClock().measure {
                    try transaction(database) { try accept(connection, [id], payload, now) }
                }
            }
        }
    }

    private func transaction(_ database: Database, _ body: () throws -> Void) throws {
        try database.beginTransaction(.immediate)
        try body()
        try database.commit()
    }

    private func accept(
        _ connection: Connection, _ runs: [RunID], _ payload: [UInt8], _ now: Timestamp
    ) throws {
        let event = try connection.statement(
            "INSERT INTO events (sequence, id, source, type, data, accepted_at) VALUES (?, ?, '/raw', 'raw', ?, ?)")
        let run = try connection.statement(
            "INSERT INTO runs (id, event, job, trigger, state, priority, created_at, run_at) VALUES (?, ?, 'raw', 'raw', 1, 0, ?, ?)"
        )
        let first = try connection.take(runs.count, from: "event_sequence")
        for (sequence, id) in zip(first..., runs) {
            event.bind(1, sequence)
            event.bind(2, id.description)
            event.bind(3, payload)
            event.bind(4, now)
            try event.run()
            run.bind(1, id)
            run.bind(2, sequence)
            run.bind(3, now)
            run.bind(4, now)
            try run.run()
        }
    }

    private func claim(_ connection: Connection, _ count: Int, _ now: Timestamp) throws {
        let select = try connection.statement(
            """
            SELECT r.id, e.data FROM runs r INDEXED BY runs_available CROSS JOIN events e ON e.sequence = r.event
            WHERE r.state = 1 AND r.key IS NULL AND r.crashes = 0 AND r.job = 'raw' ORDER BY r.rank, r.event LIMIT ?
            """)
        select.bind(1, count)
        var found: [[UInt8]] = []
        while try select.step() { found.append(select.optionalBytes(0) ?? []) }
        let update = try connection.statement(
            """
            UPDATE runs SET state = 2, attempt = 1, lease_token = 1, lease_node = 'raw', lease_expires_at = ?, started_at = ?
            WHERE id = ?
            """)
        for id in found {
            update.bind(1, now)
            update.bind(2, now)
            update.bind(3, id)
            try update.run()
        }
    }

    private func settle(_ connection: Connection, _ runs: [RunID], _ now: Timestamp) throws {
        let update = try connection.statement(
            """
            UPDATE runs SET state = 4, finished_at = ?, lease_token = NULL, lease_node = NULL, lease_expires_at = NULL,
                started_at = NULL WHERE id = ? AND lease_token = 1 AND state = 2
            """)
        let insert = try connection.statement(
            "INSERT INTO attempts (run, number, node, started_at, ended_at, outcome) VALUES (?, 1, 'raw', ?, ?, 0)")
        for id in runs {
            update.bind(1, now)
            update.bind(2, id)
            try update.run()
            insert.bind(1, id)
            insert.bind(2, now)
            insert.bind(3, now)
            try insert.run()
        }
    }
}
