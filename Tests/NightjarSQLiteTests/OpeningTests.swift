import Foundation
import GRDB
import NightjarCore
import Testing

@testable import NightjarSQLite

@Suite("SQLite store, its file")
struct OpeningTests {
    @Test("a commit is on the disk before it is answered: WAL, synchronous = FULL")
    func durability() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        let (mode, synchronous) = try await store.pool.writeWithoutTransaction { database in
            (
                try String.fetchOne(database, sql: "PRAGMA journal_mode"),
                try Int.fetchOne(database, sql: "PRAGMA synchronous")
            )
        }
        #expect(mode == "wal")
        #expect(synchronous == 2)
        try store.close()
    }

    @Test("the files are their owner's alone")
    func permissions() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        _ = try await store.accept(Records.make(1))
        for name in ["n.db", "n.db-wal", "n.db-shm", "n.db-nodes"] {
            let attributes = try FileManager.default.attributesOfItem(atPath: folder.path(name))
            #expect(attributes[.posixPermissions] as? Int == 0o600, "\(name)")
        }
        try store.close()
    }

    @Test("a link to a file that is not there yet leads to one that only its owner may read")
    func link() async throws {
        let folder = try TemporaryFolder()
        try FileManager.default.createSymbolicLink(
            atPath: folder.path("n.db"), withDestinationPath: folder.path("real.db"))
        let store = try SQLiteStore(path: folder.path("n.db"))
        let attributes = try FileManager.default.attributesOfItem(atPath: folder.path("real.db"))
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        try store.close()
    }

    @Test("what was accepted is there after the file was closed and opened again")
    func reopen() async throws {
        let folder = try TemporaryFolder()
        var store = try SQLiteStore(path: folder.path("n.db"))
        _ = try await store.accept(Records.make(10))
        try store.close()
        store = try SQLiteStore(path: folder.path("n.db"))
        #expect(try await store.runs(RunQuery()).runs.count == 10)
        #expect(try await store.accept(Records.make(10)).allSatisfy { $0.outcome == .duplicate })
        try store.close()
    }

    @Test("after a close the file alone is a whole copy")
    func copied() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        _ = try await store.accept(Records.make(10))
        // Readers are open too: SQLite itself empties the log only when the last to close can write.
        #expect(try await store.runs(RunQuery()).runs.count == 10)
        try store.close()
        try FileManager.default.copyItem(atPath: folder.path("n.db"), toPath: folder.path("copy.db"))
        let copy = try SQLiteStore(path: folder.path("copy.db"))
        #expect(try await copy.runs(RunQuery()).runs.count == 10)
        try copy.close()
    }

    @Test("many that open and close a new file at once all succeed", arguments: 0..<20)
    func openedAtOnce(round: Int) async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("n.db")
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<8 {
                group.addTask {
                    let store = try SQLiteStore(path: path)
                    _ = try await store.accept(Records.make(1, from: number))
                    try store.close()
                }
            }
            try await group.waitForAll()
        }
        let store = try SQLiteStore(path: path)
        #expect(try await store.counts()["a"]?[.available] == 8)
        try store.close()
    }

    @Test(
        "what cannot be a database is refused with a message that names it",
        arguments: ["text", "noise", "folder", "missing", "read-only"])
    func refused(kind: String) throws {
        let folder = try TemporaryFolder()
        var path = folder.path("n.db")
        switch kind {
        case "text":
            try Data(String(repeating: "this is no database\n", count: 500).utf8).write(to: URL(fileURLWithPath: path))
        case "noise": try Data(repeating: 7, count: 8192).write(to: URL(fileURLWithPath: path))
        case "folder": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        case "missing": path = folder.path("no/such/folder/n.db")
        // Nobody, not even root, can make a file here.
        default: path = "/proc/self/n.db"
        }
        #expect {
            _ = try SQLiteStore(path: path)
        } throws: { error in
            let error = error as? StoreError
            return error?.code == .permanent && error?.message.contains(path) == true
        }
    }

    @Test("a database of another program is refused and left as it was")
    func foreign() throws {
        let folder = try TemporaryFolder()
        let path = folder.path("n.db")
        let queue = try DatabaseQueue(path: path)
        try queue.write { try $0.execute(sql: "CREATE TABLE notes (text); INSERT INTO notes VALUES ('mine')") }
        try queue.close()
        let before = try Data(contentsOf: URL(fileURLWithPath: path))
        #expect {
            _ = try SQLiteStore(path: path)
        } throws: { error in
            "\(error)".contains("belongs to another program")
        }
        #expect(try Data(contentsOf: URL(fileURLWithPath: path)) == before)
        #expect(!FileManager.default.fileExists(atPath: path + "-wal"))
    }

    @Test("a database of a newer version is refused")
    func newer() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        try await store.pool.write { try $0.execute(sql: "INSERT INTO grdb_migrations VALUES ('999-from-the-future')") }
        try store.close()
        #expect {
            _ = try SQLiteStore(path: folder.path("n.db"))
        } throws: { error in
            "\(error)".contains("newer version")
        }
    }

    @Test("a file of any earlier version is brought up to date", arguments: 0..<Schema.migrator.migrations.count)
    func migration(applied: Int) async throws {
        let folder = try TemporaryFolder()
        let migrator = Schema.migrator
        do {
            let pool = try DatabasePool(path: folder.path("old.db"))
            try await pool.write { try $0.execute(sql: "PRAGMA application_id = \(Schema.applicationID)") }
            if applied > 0 { try migrator.migrate(pool, upTo: migrator.migrations[applied - 1]) }
            try pool.close()
        }
        let old = try SQLiteStore(path: folder.path("old.db"))
        let new = try SQLiteStore(path: folder.path("new.db"))
        let schema = "SELECT type || ' ' || name || ' ' || ifnull(sql, '') FROM sqlite_schema ORDER BY 1"
        let expected = try await new.pool.read { try String.fetchAll($0, sql: schema) }
        #expect(try await old.pool.read { try String.fetchAll($0, sql: schema) } == expected)
        _ = try await old.accept(Records.make(1))
        #expect(try await old.claim(Records.claim()).runs.count == 1)
        try old.close()
        try new.close()
    }

    @Test("a damaged file fails with a clear error and no crash")
    func damaged() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("n.db")
        let store = try SQLiteStore(path: path)
        _ = try await store.accept(Records.make(2000))
        try await store.pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        try store.close()
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        let size = try handle.seekToEnd()
        for offset in stride(from: UInt64(8192), to: size, by: 4096) {
            try handle.seek(toOffset: offset)
            try handle.write(contentsOf: Data(repeating: 0xA5, count: 512))
        }
        try handle.close()
        await #expect {
            let store = try SQLiteStore(path: path)
            _ = try await store.claim(Records.claim(limit: 2000))
        } throws: { error in
            (error as? StoreError)?.code == .permanent
        }
    }

    @Test("a file that was cut short fails with a clear error and no crash")
    func cutShort() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("n.db")
        let store = try SQLiteStore(path: path)
        _ = try await store.accept(Records.make(2000))
        try await store.pool.writeWithoutTransaction { _ = try $0.checkpoint(.truncate) }
        // Under the open store, as a failing disk or a careless copy would.
        let handle = try FileHandle(forUpdating: URL(fileURLWithPath: path))
        try handle.truncate(atOffset: 16_384)
        try handle.close()
        await #expect {
            for page in 0..<200 {
                _ = try await store.events(after: Int64(page * 10), limit: 10)
                _ = try await store.claim(Records.claim(limit: 10))
            }
        } throws: { error in
            (error as? StoreError)?.code == .permanent
        }
    }
}
