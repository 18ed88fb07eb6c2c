import CloudEvents
import Dispatch
import GRDB
import GRDBSQLite
import NightjarCore
import Synchronization
import Testing

@testable import NightjarSQLite

@Suite("SQLite store, its writer")
struct GroupCommitTests {
    @Test("writes that come together are all there")
    func together() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        let records = Records.make(400)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for record in records {
                group.addTask {
                    let answer = try await store.accept([record])
                    #expect(answer[0].outcome == .accepted)
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.counts()["a"]?[.available] == 400)
        try store.close()
    }

    @Test("a write that fails takes nothing of the others with it")
    func failureAlone() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        let records = Records.make(50)
        #expect(try await store.accept([records[0]]).count == 1)
        // A new event with the id of a run that exists already: the run cannot be inserted.
        var broken = Records.make(1, from: 1000)[0]
        broken.runs = records[0].runs
        let poison = broken
        try await withThrowingTaskGroup(of: Void.self) { group in
            for (number, record) in records.dropFirst().enumerated() {
                group.addTask { _ = try await store.accept([record]) }
                guard number % 10 == 0 else { continue }
                group.addTask {
                    await #expect {
                        _ = try await store.accept([poison])
                    } throws: { error in
                        (error as? StoreError)?.code == .conflict
                    }
                }
            }
            try await group.waitForAll()
        }
        #expect(try await store.counts()["a"]?[.available] == 50)
        #expect(try await store.events(id: "e1000", source: nil).isEmpty, "the event of a failed write stayed")
        try store.close()
    }

    /// Holds the writer until `release` is called, so that a test knows what waits.
    private final class HeldWriter: Sendable {
        private let semaphore = DispatchSemaphore(value: 0)

        init(_ store: SQLiteStore) async {
            let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
            store.pool.asyncWriteWithoutTransaction { [semaphore] _ in
                continuation.finish()
                semaphore.wait()
            }
            for await _ in stream {}
        }

        func release() { semaphore.signal() }
    }

    @Test("all that waits while the writer is busy is one transaction, and closing waits for it")
    func oneTransaction() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        let held = await HeldWriter(store)
        let before = store.committer.transactionCount
        let accepted = try await withThrowingTaskGroup(of: Int.self) { group in
            for record in Records.make(100) { group.addTask { try await store.accept([record]).count } }
            while store.committer.waitingCount < 100 { await Task.yield() }
            held.release()
            try store.close()
            return try await group.reduce(0, +)
        }
        #expect(accepted == 100)
        #expect(store.committer.transactionCount - before == 1)
        await #expect {
            _ = try await store.accept(Records.make(1))
        } throws: { error in
            (error as? StoreError)?.message == "the store is closed"
        }
        let again = try SQLiteStore(path: store.path)
        #expect(try await again.counts()["a"]?[.available] == 100)
        try again.close()
    }

    private final class Numbers: Sendable {
        let all = Mutex<[Int]>([])
    }

    @Test("what a write did outside the file is undone if it fails, and that of no other write with it")
    func undone() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        let held = await HeldWriter(store)
        let undone = Numbers()
        try await withThrowingTaskGroup(of: Void.self) { group in
            for number in 0..<3 {
                group.addTask {
                    do throws(StoreError) {
                        try await store.committer.perform { _ in
                            if number == 1 { throw StoreError(.conflict, "on purpose") }
                        } undo: {
                            undone.all.withLock { $0.append(number) }
                        }
                    } catch {
                        #expect(number == 1 && error.code == .conflict)
                    }
                }
            }
            while store.committer.waitingCount < 3 { await Task.yield() }
            held.release()
            try await group.waitForAll()
        }
        #expect(undone.all.withLock { $0 } == [1])
        try store.close()
    }

    @Test("more writes than may wait are refused as transient, and those that wait are not lost")
    func bounded() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        let held = await HeldWriter(store)
        try await withThrowingTaskGroup(of: Void.self) { group in
            for _ in 0..<GroupCommitter.maximumWaiting {
                group.addTask { try await store.setPaused(Pause(.job, "a"), true, now: Records.start) }
            }
            while store.committer.waitingCount < GroupCommitter.maximumWaiting { await Task.yield() }
            await #expect {
                try await store.setPaused(Pause(.job, "b"), true, now: Records.start)
            } throws: { error in
                (error as? StoreError)?.code == .transient
            }
            held.release()
            try await group.waitForAll()
        }
        #expect(try await store.pauses() == [Pause(.job, "a")])
        try store.close()
    }

    @Test("a value that SQLite refuses fails the write, and is never left out")
    func tooLarge() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        try await store.pool.writeWithoutTransaction { database in
            _ = sqlite3_limit(database.sqliteConnection, SQLITE_LIMIT_LENGTH, 5000)
        }
        var records = Records.make(2)
        records[1].event.data = [UInt8](repeating: 1, count: 6000)
        await #expect {
            _ = try await store.accept(records)
        } throws: { error in
            (error as? StoreError)?.code == .conflict
        }
        #expect(try await store.events(after: 0, limit: 10).isEmpty)
        // The statement is as good as new.
        records[1].event.data = [1]
        #expect(try await store.accept(records).count == 2)
        #expect(try await store.events(id: "e1", source: nil).first?.event.data == [1])
        try store.close()
    }

    @Test("a full disk fails writes with a clear error, and takes nothing of what was there")
    func diskFull() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        _ = try await store.accept(Records.make(10))
        let pages = try await store.pool.writeWithoutTransaction { database in
            let pages = try Int.fetchOne(database, sql: "PRAGMA page_count") ?? 0
            try database.execute(sql: "PRAGMA max_page_count = \(pages + 2)")
            return pages
        }
        await #expect {
            _ = try await store.accept(Records.make(5000, from: 10))
        } throws: { error in
            (error as? StoreError)?.code == .permanent && "\(error)".contains("full")
        }
        #expect(try await store.counts()["a"]?[.available] == 10)
        #expect(try await store.claim(Records.claim(limit: 1)).runs.count == 1)
        try await store.pool.writeWithoutTransaction {
            try $0.execute(sql: "PRAGMA max_page_count = \(pages + 100_000)")
        }
        #expect(try await store.accept(Records.make(5000, from: 10)).count == 5000)
        try store.close()
    }

    @Test("a statement that an error left between two rows starts anew")
    func leftBetweenRows() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        _ = try await store.accept(Records.make(4))
        try await store.pool.write { try $0.execute(sql: "UPDATE events SET extensions = '{' WHERE id = 'e1'") }
        await #expect(throws: StoreError.self) { _ = try await store.claim(Records.claim()) }
        try await store.pool.write { try $0.execute(sql: "UPDATE events SET extensions = NULL") }
        let claimed = try await store.claim(Records.claim(limit: 3)).runs
        #expect(claimed.map(\.event.id) == ["e0", "e1", "e2"])
        #expect(try await store.claim(Records.claim()).runs.map(\.event.id) == ["e3"])
        try store.close()
    }
}
