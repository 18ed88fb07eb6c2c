import CloudEvents
import GRDB
import NightjarCore
import Testing

@testable import NightjarSQLite

@Suite("SQLite store, events that are kept to be decided on again")
struct KeptEventTests {
    @Test("events of a file of an earlier version have no addressee, those that come now have one")
    func earlierVersion() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("n.db")
        do {
            let pool = try DatabasePool(path: path)
            try Schema.migrator.migrate(pool, upTo: "4-keys-and-ranks")
            try await pool.write { database in
                try database.execute(
                    sql: """
                        PRAGMA application_id = \(Schema.applicationID);
                        UPDATE counters SET value = 1 WHERE name = 'event_sequence';
                        INSERT INTO events (sequence, id, source, type, accepted_at, unmatched)
                        VALUES (1, 'old', '/s', 't', 5, 1);
                        """)
            }
            try pool.close()
        }
        let store = try SQLiteStore(path: path)
        let event = Event(id: "new", source: "/s", type: "t")
        _ = try await store.accept([IntakeRecord(event: event, acceptedAt: Records.start, runs: [])])
        let found = try await store.events(EventQuery(isUnmatched: true))
        #expect(found.map(\.event.id) == ["old", "new"])
        #expect(found.map(\.addressee) == [nil, .bus])
        try store.close()
    }

    @Test("events without runs are found, and the newest of them kept, by an index that holds no others")
    func plans() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        _ = try await store.pruneUnmatched(keeping: 5, limit: 10)
        let texts = try await store.committer.perform { $0.preparedTexts }.filter { $0.contains("DELETE FROM events") }
        #expect(texts.count == 1)
        for text in texts + [Connection.eventsQuery(isUnmatched: true)] {
            let plan = try await store.pool.read { database in
                let statement = try database.makeStatement(sql: "EXPLAIN QUERY PLAN " + text)
                statement.setUncheckedArguments([])
                return try Row.fetchAll(statement).map { $0["detail"] as String? ?? "" }.joined(separator: "; ")
            }
            #expect(plan.contains("events_unmatched_order (unmatched=?"), "\(plan)")
            #expect(!plan.contains("SCAN events") && !plan.contains("TEMP B-TREE"), "\(plan)")
        }
        try store.close()
    }

    @Test("an addressee is read as it was written, and nothing else is one")
    func addressees() {
        for addressee in [
            EventAddressee.bus, .trigger("a.b-c_1"), .trigger("bus", isIdentified: false), .job("job"),
        ] {
            #expect(EventAddressee(addressee.description) == addressee)
        }
        for text in ["", "trigger", "none:x", "BUS"] { #expect(EventAddressee(text) == nil) }
    }
}
