import CloudEvents
import GRDB
import NightjarCore
import Testing

@testable import NightjarSQLite

@Suite("SQLite store, shared by several nodes")
struct SharingTests {
    @Test("two stores on one file never lease a run twice")
    func twoStores() async throws {
        let folder = try TemporaryFolder()
        let first = try SQLiteStore(path: folder.path("n.db"))
        let second = try SQLiteStore(path: folder.path("n.db"))
        _ = try await first.accept(Records.make(300))
        let claimed = try await withThrowingTaskGroup(of: [RunID].self) { group in
            for number in 0..<30 {
                let store = number % 2 == 0 ? first : second
                group.addTask {
                    try await store.claim(Records.claim(number % 2 == 0 ? "one" : "two", limit: 10)).runs.map(
                        \.lease.run)
                }
            }
            return try await group.reduce(into: []) { $0 += $1 }
        }
        #expect(claimed.count == 300)
        #expect(Set(claimed).count == 300)
        try first.close()
        try second.close()
    }

    @Test("a store hears of what another one wrote, until it is closed")
    func externalChanges() async throws {
        let folder = try TemporaryFolder()
        let first = try SQLiteStore(path: folder.path("n.db"))
        let second = try SQLiteStore(path: folder.path("n.db"))
        var changes = first.externalChanges().makeAsyncIterator()
        try await withThrowingTaskGroup(of: Void.self) { group in
            // The first look sets what later ones are compared with, so the other store writes until it is heard.
            group.addTask {
                var number = 0
                while !Task.isCancelled {
                    _ = try await second.accept(Records.make(1, from: number))
                    number += 1
                }
            }
            #expect(await changes.next() != nil)
            group.cancelAll()
            try await group.waitForAll()
        }
        try first.close()
        #expect(await changes.next() == nil)
        try second.close()
    }

    @Test("a store does not hear of what it wrote itself")
    func ownChanges() async throws {
        let folder = try TemporaryFolder()
        let first = try SQLiteStore(path: folder.path("n.db"))
        let second = try SQLiteStore(path: folder.path("n.db"))
        let watcher = ChangeWatcher(first)
        #expect(try await watcher.hasChanged(), "whatever came before the first look may be news")
        _ = try await first.accept(Records.make(1))
        #expect(try await watcher.hasChanged() == false)
        _ = try await second.accept(Records.make(1, from: 1))
        #expect(try await watcher.hasChanged())
        #expect(try await watcher.hasChanged() == false)
        try first.close()
        try second.close()
    }

    @Test("the runs of a node that died are found at once, those of a living one are not")
    func deadNodes() async throws {
        let folder = try TemporaryFolder()
        let living = try SQLiteStore(path: folder.path("n.db"))
        _ = try await living.accept(Records.make(2))
        let dying = try SQLiteStore(path: folder.path("n.db"))
        let lost = try await dying.claim(Records.claim("dying", limit: 1)).runs
        let kept = try await living.claim(Records.claim("living", limit: 1)).runs
        #expect(lost.count == 1 && kept.count == 1)
        #expect(try await living.expired(now: Records.start, limit: 10).isEmpty)
        #expect(try await dying.expired(now: Records.start, limit: 10).isEmpty)
        // The kernel drops the locks of a process that ends; closing drops them too.
        try dying.close()
        let expired = try await living.expired(now: Records.start, limit: 10)
        #expect(expired.map(\.lease.run) == lost.map(\.lease.run))
        let settled = try await living.settle([
            Settlement(
                lease: expired[0].lease, attempt: nil, transition: .release, at: Records.start, onlyIfExpired: true),
            Settlement(
                lease: kept[0].lease, attempt: nil, transition: .release, at: Records.start, onlyIfExpired: true),
        ])
        #expect(settled == [.settled(.available, emitted: []), .leaseLost])
        try living.close()
    }

    @Test("a node that comes back under its name ends the leases it left behind, not those it takes")
    func sameNameAgain() async throws {
        let folder = try TemporaryFolder()
        let before = try SQLiteStore(path: folder.path("n.db"))
        _ = try await before.accept(Records.make(3))
        let lost = try await before.claim(Records.claim("node", limit: 2)).runs
        try before.close()
        let after = try SQLiteStore(path: folder.path("n.db"))
        let now = Records.start + .seconds(1)
        let taken = try await after.claim(Records.claim("node", at: now)).runs
        #expect(taken.count == 1)
        #expect(try await after.expired(now: now, limit: 10).map(\.lease.token) == lost.map(\.lease.token))
        let returned = try await after.settle(
            lost.map {
                Settlement(lease: $0.lease, attempt: nil, transition: .release, at: now, onlyIfExpired: true)
            })
        #expect(returned == [.settled(.available, emitted: []), .settled(.available, emitted: [])])
        #expect(try await after.renew(lost.map(\.lease), until: now + .seconds(9), now: now) == [.lost, .lost])
        #expect(try await after.renew(taken.map(\.lease), until: now + .seconds(9), now: now) == [.renewed])
        try after.close()
    }

    @Test("first claims of one node that come together end no lease of each other")
    func firstClaimsTogether() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        _ = try await store.accept(Records.make(100))
        let claimed = try await withThrowingTaskGroup(of: Int.self) { group in
            for _ in 0..<20 { group.addTask { try await store.claim(Records.claim("node", limit: 5)).runs.count } }
            return try await group.reduce(0, +)
        }
        #expect(claimed == 100)
        #expect(try await store.expired(now: Records.start, limit: 10).isEmpty)
        try store.close()
    }

    @Test("two living nodes cannot have one name")
    func sameNameTwice() async throws {
        let folder = try TemporaryFolder()
        let first = try SQLiteStore(path: folder.path("n.db"))
        let second = try SQLiteStore(path: folder.path("n.db"))
        _ = try await first.accept(Records.make(2))
        #expect(try await first.claim(Records.claim("node", limit: 1)).runs.count == 1)
        await #expect {
            _ = try await second.claim(Records.claim("node"))
        } throws: { error in
            (error as? StoreError)?.code == .conflict && "\(error)".contains("node name")
        }
        #expect(try await second.expired(now: Records.start, limit: 10).isEmpty)
        try first.close()
        try second.close()
    }

    @Test("nodes that are gone leave no rows behind once their runs are rescued")
    func deadRows() async throws {
        let folder = try TemporaryFolder()
        for number in 0..<5 {
            let store = try SQLiteStore(path: folder.path("n.db"))
            _ = try await store.claim(Records.claim("node-\(number)"))
            try store.close()
        }
        let store = try SQLiteStore(path: folder.path("n.db"))
        _ = try await store.claim(Records.claim("last"))
        #expect(try await store.pool.read { try String.fetchAll($0, sql: "SELECT name FROM nodes") } == ["last"])
        try store.close()
    }
}
