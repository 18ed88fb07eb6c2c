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
    let registered = Mutex<Set<NodeID>>([])
    let isClosed = Mutex(false)

    /// The database file's path.
    public let path: String

    /// Opens the file, creating it (for its owner alone to read) and bringing its tables up to date if need be.
    /// - Throws: ``NightjarCore/StoreError`` if the file cannot be opened or written, is not a database, belongs to
    ///   another program, or was made by a newer version.
    public init(path: String) throws(StoreError) {
        self.path = path
        try DatabaseFile.checkPlace(path)
        let locks = try NodeLocks(path: path + "-nodes")
        pool = try locks.whileAlone { () throws(StoreError) in
            try DatabaseFile.create(path)
            return try DatabaseFile.open(path)
        }
        committer = GroupCommitter(pool)
        self.locks = locks
    }

    /// Finishes what waits and closes the file.
    public func close() throws(StoreError) {
        let isFirst = isClosed.withLock { isClosed in
            defer { isClosed = true }
            return !isClosed
        }
        guard isFirst else { return }
        committer.close()
        locks.releaseAll()
        try locks.whileAlone { () throws(StoreError) in
            do { try pool.close() } catch { throw StoreError(error) }
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
        let watcher = ChangeWatcher(self)
        return AsyncStream { await watcher.next() }
    }
}
