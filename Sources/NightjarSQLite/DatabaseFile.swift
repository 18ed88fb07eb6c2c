import Foundation
import GRDB
import GRDBSQLite
import NightjarCore

/// Opens the store's file, or says in words why it cannot be opened.
enum DatabaseFile {
    /// Opens the file and brings its tables up to date. A file that is not the store's is left as it was.
    static func open(_ path: String) throws(StoreError) -> DatabasePool {
        do {
            try checkOwner(path)
            let pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { database in
                // SQLite falls back to reading alone without a word.
                guard sqlite3_db_readonly(database.sqliteConnection, nil) == 0 else {
                    throw StoreError(.permanent, "cannot open the database \(path): it cannot be written")
                }
                // GRDB makes a pool's writer "NORMAL", which does not sync each commit.
                try database.execute(sql: "PRAGMA synchronous = FULL")
            }
            try migrate(pool, path)
            return pool
        } catch let error as StoreError {
            throw error
        } catch {
            var mapped = StoreError(error)
            mapped.message = "cannot open the database \(path): \(mapped.message)"
            throw mapped
        }
    }

    private static var configuration: GRDB.Configuration {
        var configuration = GRDB.Configuration()
        configuration.label = "nightjar"
        configuration.busyMode = .timeout(15)
        configuration.maximumReaderCount = 4
        configuration.foreignKeysEnabled = false
        configuration.prepareDatabase { database in
            let isReader = database.configuration.readonly
            try database.execute(sql: "PRAGMA cache_size = \(isReader ? -8_192 : -65_536)")
            // A checkpoint syncs twice: every 16 MiB, not every 4. What a burst made the log grow to is given back.
            try database.execute(
                sql: """
                    PRAGMA synchronous = FULL;
                    PRAGMA wal_autocheckpoint = 4000;
                    PRAGMA journal_size_limit = 67108864;
                    """)
            database.add(
                function: DatabaseFunction(RunSearch.foldCaseFunction, argumentCount: 1, pure: true) { values in
                    String.fromDatabaseValue(values[0]).map(RunSearch.foldCase)
                })
        }
        return configuration
    }

    /// Makes sure that there can be a file: there is the folder, and no folder in its place.
    static func checkPlace(_ path: String) throws(StoreError) {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory), isDirectory.boolValue else {
            throw StoreError(.permanent, "cannot open the database \(path): there is no folder \(folder)")
        }
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory), isDirectory.boolValue {
            throw StoreError(.permanent, "cannot open the database \(path): it is a folder, expected a file")
        }
    }

    /// Creates the file, for its owner alone to read, if there is none.
    ///
    /// To be called while no other store opens it: closing what one of them has opened meanwhile would drop SQLite's locks.
    static func create(_ path: String) throws(StoreError) {
        if FileManager.default.fileExists(atPath: path) { return }
        // Where nobody can be kept out, at least not a file that is there.
        var descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0o600)
        if descriptor < 0, errno == EEXIST {
            if FileManager.default.fileExists(atPath: path) { return }
            // A link to a file that is to be made.
            descriptor = Foundation.open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        }
        guard descriptor >= 0 else {
            throw StoreError(
                .permanent, "cannot create the database \(path): \(String(cString: strerror(errno)))")
        }
        _ = Foundation.close(descriptor)
    }

    /// Looks through a plain connection: a pool turns a file to WAL mode before one can see whose it is.
    private static func checkOwner(_ path: String) throws {
        var configuration = GRDB.Configuration()
        configuration.busyMode = .timeout(15)
        let queue = try DatabaseQueue(path: path, configuration: configuration)
        let (owner, isEmpty) = try queue.read { database in
            (
                try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0,
                try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema") == 0
            )
        }
        try queue.close()
        guard owner == Schema.applicationID || (owner == 0 && isEmpty) else {
            throw StoreError(
                .permanent,
                "the database \(path) belongs to another program; expected an empty file or one of Nightjar's")
        }
    }

    private static func migrate(_ pool: DatabasePool, _ path: String) throws {
        let migrator = Schema.migrator
        if try pool.read(migrator.hasBeenSuperseded) {
            throw StoreError(
                .permanent, "the database \(path) was written by a newer version of Nightjar; use that version")
        }
        // Before the first table: another process never sees one of ours without a mark.
        try pool.writeWithoutTransaction { database in
            guard try Int32.fetchOne(database, sql: "PRAGMA application_id") != Schema.applicationID else { return }
            try database.execute(sql: "PRAGMA application_id = \(Schema.applicationID)")
        }
        // Another process may make the same step between a look and a leap: a step that failed is looked at once more.
        for _ in migrator.migrations {
            do { return try migrator.migrate(pool) } catch { continue }
        }
        try migrator.migrate(pool)
    }
}
