import Foundation
import GRDB
public import NightjarCore
import Synchronization

/// A store in one SQLite file: durable, and nothing else to run.
///
/// Durable means after fsync: the file is in WAL mode with `synchronous=FULL`, and no call returns before its commit.
/// Writes that arrive while a transaction commits share the next one.
///
/// Several processes may open the same file on one machine: every change is one immediate transaction under leases with
/// fencing tokens, so they share the work as nodes do. A process that dies is noticed at once by its dropped file lock
/// (on Linux; elsewhere when its leases expire).
public final class SQLiteStore: RunStore {
    let pool: DatabasePool
    let committer: GroupCommitter
    let locks: NodeLocks
    let registered = Mutex<[NodeID: Int64]>([:])
    let isClosed = Mutex(false)

    /// The database file's path.
    public let path: String

    /// Opens the file, creating it (for its owner alone to read) and bringing its tables up to date if need be.
    /// - Throws: ``NightjarCore/StoreError`` if the file cannot be opened or written, is not a database, belongs to
    ///   another program, or was made by a newer version.
    public init(path: String) throws(StoreError) {
        self.path = path
        do {
            try Self.createFile(path)
            var configuration = GRDB.Configuration()
            configuration.busyMode = .timeout(15)
            configuration.maximumReaderCount = 4
            configuration.label = "nightjar"
            configuration.prepareDatabase { database in
                if !database.configuration.readonly {
                    // GRDB makes a pool's writer "NORMAL", which does not sync each commit.
                    try database.execute(sql: "PRAGMA synchronous = FULL")
                }
                try database.execute(
                    sql: """
                        PRAGMA cache_size = -65536;
                        PRAGMA mmap_size = 268435456;
                        PRAGMA journal_size_limit = 67108864;
                        PRAGMA wal_autocheckpoint = 4000;
                        """)
            }
            pool = try DatabasePool(path: path, configuration: configuration)
            try pool.writeWithoutTransaction { database in
                try database.execute(sql: "PRAGMA synchronous = FULL")
            }
            try Self.checkOwnership(pool, path)
            try Schema.migrator.migrate(pool)
        } catch let error as StoreError {
            throw error
        } catch {
            var mapped = StoreError(error)
            mapped.message = "cannot open the database \(path): \(mapped.message)"
            throw mapped
        }
        committer = GroupCommitter(pool)
        locks = try NodeLocks(path: path + "-nodes")
    }

    private static func createFile(_ path: String) throws {
        let folder = URL(fileURLWithPath: path).deletingLastPathComponent().path
        var isDirectory: ObjCBool = false
        guard FileManager.default.fileExists(atPath: folder, isDirectory: &isDirectory), isDirectory.boolValue else {
            throw StoreError(.permanent, "cannot open the database \(path): there is no folder \(folder)")
        }
        if FileManager.default.fileExists(atPath: path, isDirectory: &isDirectory) {
            if isDirectory.boolValue {
                throw StoreError(.permanent, "cannot open the database \(path): it is a folder, expected a file")
            }
            return
        }
        let descriptor = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0o600)
        guard descriptor >= 0 else {
            throw StoreError(
                .permanent, "cannot create the database \(path): \(String(cString: strerror(errno)))")
        }
        _ = Foundation.close(descriptor)
    }

    private static func checkOwnership(_ pool: DatabasePool, _ path: String) throws {
        let (owner, isEmpty, hasBeenSuperseded) = try pool.read { database in
            (
                try Int32.fetchOne(database, sql: "PRAGMA application_id") ?? 0,
                try Int.fetchOne(database, sql: "SELECT count(*) FROM sqlite_schema") == 0,
                try Schema.migrator.hasBeenSuperseded(database)
            )
        }
        guard owner == Schema.applicationID || (owner == 0 && isEmpty) else {
            throw StoreError(
                .permanent,
                "the database \(path) belongs to another program; expected an empty file or one of Nightjar's")
        }
        guard !hasBeenSuperseded else {
            throw StoreError(
                .permanent, "the database \(path) was written by a newer version of Nightjar; use that version")
        }
        if owner == 0 {
            try pool.write { try $0.execute(sql: "PRAGMA application_id = \(Schema.applicationID)") }
        }
    }

    /// Finishes what waits and closes the file.
    public func close() throws(StoreError) {
        let isFirst = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return !isClosed
        }
        guard isFirst else { return }
        do {
            committer.close()
            locks.releaseAll()
            try pool.close()
        } catch {
            throw StoreError(error)
        }
    }

    /// Reads on one of the pool's reader connections.
    func read<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, any Error> = await withCheckedContinuation { continuation in
            pool.asyncRead { database in
                continuation.resume(
                    returning: Result {
                        let connection = try Connection(database.get())
                        defer { connection.finalizeStatements() }
                        return try body(connection)
                    })
            }
        }
        do {
            return try result.get()
        } catch {
            throw StoreError(error)
        }
    }

    /// Yields when another connection, of this process or another, has committed; looks twenty times a second.
    public func externalChanges() -> AsyncStream<Void> {
        let watcher = ChangeWatcher(store: self)
        return AsyncStream { await watcher.next() }
    }
}

/// Compares SQLite's data version, which says whether others have committed, at a small cost and without reading the file.
private final class ChangeWatcher: Sendable {
    private static let interval = Duration.milliseconds(50)

    private let store: SQLiteStore
    private let last = Mutex<Int64?>(nil)

    init(store: SQLiteStore) {
        self.store = store
    }

    func next() async -> Void? {
        while !Task.isCancelled, !store.isClosed.withLock({ $0 }) {
            do {
                // The writer's own commits do not change what the writer sees, so only others' do.
                let version = try await store.pool.writeWithoutTransaction { database in
                    try Int64.fetchOne(database, sql: "PRAGMA data_version")
                }
                let hasChanged = last.withLock { last in
                    defer { last = version }
                    return last != nil && last != version
                }
                if hasChanged { return () }
            } catch is CancellationError {
                return nil
            } catch {
                // A store that cannot be read tells so wherever it is used; here it has only no news.
            }
            do { try await Task.sleep(for: Self.interval) } catch { return nil }
        }
        return nil
    }
}
