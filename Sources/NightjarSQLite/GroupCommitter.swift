import GRDB
import NightjarCore
import Synchronization

/// The store's one writer: whatever arrives while one transaction commits goes into the next. No timers.
///
/// Each operation runs under a savepoint of its own when it shares a transaction, so that one that fails takes nothing
/// of the others with it. An operation is answered only after the commit, which is after fsync.
final class GroupCommitter: Sendable {
    /// How many operations may wait; above that the store says that it is busy.
    static let maximumWaiting = 10_000
    /// How many operations, and how many of their rows, share a transaction.
    private static let maximumGroup = 512
    private static let maximumRows = 20_000

    private struct Operation: Sendable {
        /// About how many rows it writes.
        var rows: Int
        /// Runs on the writer; answers what to call when the commit is durable.
        var body: @Sendable (Connection) throws -> (@Sendable () -> Void)
        var undo: @Sendable () -> Void
        var fail: @Sendable (StoreError) -> Void
    }

    private struct State {
        var waiting: [Operation] = []
        var isWriting = false
        var isClosed = false
    }

    /// The writer's statements. Only the writer's queue touches them, which is what makes it safe.
    private final class WriterConnection: @unchecked Sendable {
        var connection: Connection?
    }

    private let pool: DatabasePool
    private let state = Mutex(State())
    private let writer = WriterConnection()
    private let transactions = Atomic<Int>(0)

    init(_ pool: DatabasePool) {
        self.pool = pool
    }

    /// How many transactions have been committed.
    var transactionCount: Int { transactions.load(ordering: .relaxed) }

    /// How many operations wait for a transaction.
    var waitingCount: Int { state.withLock { $0.waiting.count } }

    /// Runs `body` inside a transaction and returns when that is durable.
    /// - Parameter undo: takes back what `body` did outside the file. Called, perhaps twice, when its writes are taken back: before
    ///   anything else is written here.
    func perform<Value: Sendable>(
        rows: Int = 1, _ body: @escaping @Sendable (Connection) throws -> Value,
        undo: @escaping @Sendable () -> Void = {}
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            enqueue(
                Operation(
                    rows: min(max(1, rows), Self.maximumRows),
                    body: { connection in
                        let value = try body(connection)
                        return { continuation.resume(returning: .success(value)) }
                    },
                    undo: undo,
                    fail: { continuation.resume(returning: .failure($0)) }))
        }
        return try result.get()
    }

    private func enqueue(_ operation: Operation) {
        let (refusal, mustStart) = state.withLock { state -> (StoreError?, Bool) in
            if state.isClosed { return (StoreError(.permanent, "the store is closed"), false) }
            if state.waiting.count >= Self.maximumWaiting {
                return (StoreError(.transient, "\(state.waiting.count) writes wait already"), false)
            }
            state.waiting.append(operation)
            defer { state.isWriting = true }
            return (nil, !state.isWriting)
        }
        if let refusal { return operation.fail(refusal) }
        if mustStart { writeNext() }
    }

    private func writeNext() {
        pool.asyncWriteWithoutTransaction { database in
            // One group at a time: others use the writer too (who watches for changes, who closes), and get their turn.
            if self.write(database) { self.writeNext() }
        }
    }

    /// Writes one group; `false` if none waited.
    private func write(_ database: Database) -> Bool {
        let group = takeGroup()
        if group.isEmpty { return false }
        commit(group, database)
        return true
    }

    private func takeGroup() -> [Operation] {
        state.withLock { state in
            var rows = 0
            let group = state.waiting.prefix(Self.maximumGroup).prefix { operation in
                defer { rows += operation.rows }
                return rows < Self.maximumRows
            }
            state.waiting.removeFirst(group.count)
            if group.isEmpty { state.isWriting = false }
            return Array(group)
        }
    }

    private func commit(_ group: [Operation], _ database: Database) {
        var answers: [@Sendable () -> Void] = []
        do {
            let connection = try connection(database)
            try database.beginTransaction(.immediate)
            for operation in group {
                if group.count == 1 {
                    answers.append(try operation.body(connection))
                    continue
                }
                try connection.statement("SAVEPOINT operation").run()
                do {
                    let answer = try operation.body(connection)
                    try connection.statement("RELEASE operation").run()
                    answers.append(answer)
                } catch {
                    // Some errors (a full disk, an I/O error) end the whole transaction; then nobody's work is left.
                    guard database.isInsideTransaction else { throw error }
                    operation.undo()
                    try connection.statement("ROLLBACK TO operation").run()
                    try connection.statement("RELEASE operation").run()
                    let mapped = StoreError(error)
                    answers.append { operation.fail(mapped) }
                }
            }
            try database.commit()
            transactions.add(1, ordering: .relaxed)
            for answer in answers { answer() }
        } catch {
            var mapped = StoreError(error)
            for operation in group { operation.undo() }
            if database.isInsideTransaction {
                do {
                    try database.rollback()
                } catch let rollback {
                    mapped.message += "; and it could not be rolled back: \(rollback)"
                }
            }
            for operation in group { operation.fail(mapped) }
        }
    }

    private func connection(_ database: Database) throws -> Connection {
        if let connection = writer.connection { return connection }
        let connection = try Connection(database)
        writer.connection = connection
        return connection
    }

    /// Refuses what comes from now on, finishes what waits, lets go of the statements, and moves the log into the file.
    func close() {
        state.withLock { $0.isClosed = true }
        pool.writeWithoutTransaction { database in
            while write(database) {}
            writer.connection?.finalizeStatements()
            writer.connection = nil
            // So that the file alone is a whole copy. Where that fails the log stays, and whoever opens the file uses it.
            _ = try? database.checkpoint(.passive)
        }
    }
}
