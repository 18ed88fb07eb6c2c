import CloudEvents
import Foundation
import GRDB
import NightjarCore
import NightjarTestKit
import Testing

@testable import NightjarSQLite

@Suite("SQLite store")
struct SQLiteStoreTests {
    private static let start = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)

    private static func records(_ count: Int, from first: Int = 0) -> [IntakeRecord] {
        var ids = RunIDGenerator()
        var generator = SeededGenerator(seed: UInt64(first + 1))
        return (first..<first + count).map { number in
            IntakeRecord(
                event: Event(id: "e\(number)", source: "/test", type: "test"), acceptedAt: start,
                runs: [
                    NewRun(
                        id: ids.next(microseconds: start.microsecondsSince1970 + Int64(number), using: &generator),
                        job: "a", trigger: "t", runAt: start)
                ])
        }
    }

    private static func claim(_ node: String, limit: Int = 100, at now: Timestamp = start) -> ClaimRequest {
        ClaimRequest(
            node: node, now: now, leaseExpiresAt: now + .seconds(30), demands: [.init(job: "a", limit: limit)],
            limit: limit)
    }

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
        let attributes = try FileManager.default.attributesOfItem(atPath: store.path)
        #expect(attributes[.posixPermissions] as? Int == 0o600)
        try store.close()
    }

    @Test("writes that come together share transactions")
    func groupCommit() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        let records = Self.records(400)
        let before = store.committer.transactionCount
        try await withThrowingTaskGroup(of: Void.self) { group in
            for record in records {
                group.addTask {
                    let answer = try await store.accept([record])
                    #expect(answer[0].outcome == .accepted)
                }
            }
            try await group.waitForAll()
        }
        let transactions = store.committer.transactionCount - before
        #expect(transactions >= 1)
        #expect(transactions < 200, "400 writes took \(transactions) transactions")
        #expect(try await store.counts()["a"]?[.available] == 400)
        try store.close()
    }

    @Test("a write that fails takes nothing of the others with it")
    func failureAlone() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        let records = Self.records(50)
        #expect(try await store.accept([records[0]]).count == 1)
        // A new event with the id of a run that exists already: the run cannot be inserted.
        var broken = Self.records(1, from: 1000)[0]
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

    @Test("two stores on one file never lease a run twice")
    func twoStores() async throws {
        let folder = try TemporaryFolder()
        let first = try SQLiteStore(path: folder.path("n.db"))
        let second = try SQLiteStore(path: folder.path("n.db"))
        _ = try await first.accept(Self.records(300))
        let claimed = try await withThrowingTaskGroup(of: [RunID].self) { group in
            for number in 0..<30 {
                let store = number % 2 == 0 ? first : second
                group.addTask {
                    try await store.claim(Self.claim(number % 2 == 0 ? "one" : "two", limit: 10)).runs.map(\.lease.run)
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(claimed.count == 300)
        #expect(Set(claimed).count == 300)
        try first.close()
        try second.close()
    }

    @Test("a store hears of what another one wrote")
    func externalChanges() async throws {
        let folder = try TemporaryFolder()
        let first = try SQLiteStore(path: folder.path("n.db"))
        let second = try SQLiteStore(path: folder.path("n.db"))
        let changes = first.externalChanges()
        // The first look sets what later ones are compared with, so the other store writes until it is heard.
        let heard = await withTaskGroup(of: Bool.self) { group in
            group.addTask {
                for await _ in changes { return true }
                return false
            }
            group.addTask {
                var number = 0
                while !Task.isCancelled, number < 20_000 {
                    do { _ = try await second.accept(Self.records(1, from: number)) } catch { return false }
                    number += 1
                }
                return false
            }
            defer { group.cancelAll() }
            return await group.next() ?? false
        }
        #expect(heard)
        try first.close()
        try second.close()
    }

    @Test("the runs of a node that died are found at once, those of a living one are not")
    func deadNodes() async throws {
        let folder = try TemporaryFolder()
        let living = try SQLiteStore(path: folder.path("n.db"))
        _ = try await living.accept(Self.records(2))
        let dying = try SQLiteStore(path: folder.path("n.db"))
        let lost = try await dying.claim(Self.claim("dying", limit: 1)).runs
        let kept = try await living.claim(Self.claim("living", limit: 1)).runs
        #expect(lost.count == 1 && kept.count == 1)
        #expect(try await living.expired(now: Self.start, limit: 10).isEmpty)
        // The kernel drops the locks of a process that ends; closing drops them too.
        try dying.close()
        let expired = try await living.expired(now: Self.start, limit: 10)
        #expect(expired.map(\.lease.run) == lost.map(\.lease.run))
        let settled = try await living.settle([
            Settlement(
                lease: expired[0].lease, attempt: nil, transition: .release, at: Self.start, onlyIfExpired: true),
            Settlement(lease: kept[0].lease, attempt: nil, transition: .release, at: Self.start, onlyIfExpired: true),
        ])
        #expect(settled == [.settled(.available, emitted: []), .leaseLost])
        try living.close()
    }

    @Test(
        "what cannot be a database is refused with a message that names it",
        arguments: ["text", "zeros", "folder", "missing"])
    func refused(kind: String) throws {
        let folder = try TemporaryFolder()
        var path = folder.path("n.db")
        switch kind {
        case "text":
            try Data(String(repeating: "this is no database\n", count: 500).utf8).write(to: URL(fileURLWithPath: path))
        case "zeros": try Data(repeating: 7, count: 8192).write(to: URL(fileURLWithPath: path))
        case "folder": try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: false)
        default: path = folder.path("no/such/folder/n.db")
        }
        #expect {
            _ = try SQLiteStore(path: path)
        } throws: { error in
            let error = error as? StoreError
            return error?.code == .permanent && error?.message.contains(path) == true
        }
    }

    @Test("a database of another program is left alone")
    func foreign() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        try await store.pool.write { try $0.execute(sql: "PRAGMA application_id = 99") }
        try store.close()
        #expect(throws: StoreError.self) { _ = try SQLiteStore(path: folder.path("n.db")) }
    }

    @Test("a database of a newer version is left alone")
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

    @Test("a damaged file fails with a clear error and no crash")
    func damaged() async throws {
        let folder = try TemporaryFolder()
        let path = folder.path("n.db")
        let store = try SQLiteStore(path: path)
        _ = try await store.accept(Self.records(2000))
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
            _ = try await store.claim(Self.claim("n", limit: 2000))
        } throws: { error in
            (error as? StoreError)?.code == .permanent
        }
    }

    @Test("live work uses the partial indexes, whatever has finished")
    func plans() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        let plans = try await store.pool.read { database in
            try [
                "SELECT id FROM runs WHERE state = 1 AND job = 'a' ORDER BY priority DESC, run_at, event LIMIT 5",
                "UPDATE runs SET state = 1 WHERE state IN (0, 3) AND run_at <= 5",
                "SELECT id FROM runs WHERE state = 2 AND lease_node = 'n' AND cancel_requested = 1 ORDER BY id",
                "SELECT id FROM runs WHERE state IN (4, 6) AND finished_at < 5 ORDER BY finished_at LIMIT 5",
                "SELECT id FROM runs WHERE event = 5 AND job = 'a'",
                "SELECT sequence FROM events WHERE id = 'a' AND source = 'b'",
            ].map { sql in
                try Row.fetchAll(database, sql: "EXPLAIN QUERY PLAN " + sql).map { $0["detail"] as String? ?? "" }
                    .joined(
                        separator: "; ")
            }
        }
        for (plan, index) in zip(
            plans, ["runs_available", "runs_due", "runs_running", "runs_finished", "runs_event", "events_identity"])
        {
            #expect(plan.contains(index), "\(plan)")
            #expect(!plan.contains("SCAN"), "\(plan)")
        }
        #expect(!plans[0].contains("TEMP B-TREE"), "\(plans[0])")
        try store.close()
    }

    @Test("what was accepted is there after the file was closed and opened again")
    func reopen() async throws {
        let folder = try TemporaryFolder()
        var store = try SQLiteStore(path: folder.path("n.db"))
        _ = try await store.accept(Self.records(10))
        try store.close()
        store = try SQLiteStore(path: folder.path("n.db"))
        #expect(try await store.runs(RunQuery()).runs.count == 10)
        #expect(try await store.accept(Self.records(10)).allSatisfy { $0.outcome == .duplicate })
        try store.close()
    }
}
