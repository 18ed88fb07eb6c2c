import GRDB
import NightjarCore
import Synchronization

/// The store's one writer: whatever arrives while one transaction commits goes into the next. No timers.
///
/// Each operation runs under a savepoint of its own when it shares a transaction, so that one that fails takes nothing
/// of the others with it. An operation is answered only after the commit, which is after fsync.
final class GroupCommitter: Sendable {
    /// How many operations may wait; above that the store says that it is busy.
    private static let maximumWaiting = 10_000
    private static let maximumGroup = 512

    private struct Operation: Sendable {
        /// Runs on the writer; answers what to call when the commit is durable.
        var body: @Sendable (Connection) throws -> (@Sendable () -> Void)
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

    /// Runs `body` inside a transaction and returns when that is durable.
    func perform<Value: Sendable>(
        _ body: @escaping @Sendable (Connection) throws -> Value
    ) async throws(StoreError) -> Value {
        let result: Result<Value, StoreError> = await withCheckedContinuation { continuation in
            enqueue(
                Operation(
                    body: { connection in
                        let value = try body(connection)
                        return { continuation.resume(returning: .success(value)) }
                    },
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
        if mustStart { start() }
    }

    private func start() {
        pool.asyncWriteWithoutTransaction { database in
            while true {
                let group = self.takeGroup()
                if group.isEmpty { return }
                self.commit(group, database)
            }
        }
    }

    private func takeGroup() -> [Operation] {
        state.withLock { state in
            let group = Array(state.waiting.prefix(Self.maximumGroup))
            state.waiting.removeFirst(group.count)
            if group.isEmpty { state.isWriting = false }
            return group
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

    /// Refuses what comes from now on, finishes what waits, and lets go of the statements.
    func close() {
        state.withLock { $0.isClosed = true }
        pool.writeWithoutTransaction { _ in
            writer.connection?.finalizeStatements()
            writer.connection = nil
        }
    }
}
