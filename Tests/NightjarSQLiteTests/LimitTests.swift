import CloudEvents
import NightjarCore
import Testing

@testable import NightjarSQLite

@Suite("SQLite store, limits")
struct LimitTests {
    @Test("limits of nothing, less than nothing and everything", arguments: [Int.min, -1, 0, .max])
    func limits(limit: Int) async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        let records = Records.make(3)
        _ = try await store.accept(records)
        let expected = max(0, min(limit, 3))
        #expect(try await store.runs(RunQuery(limit: limit)).runs.count == expected)
        #expect(try await store.events(after: nil, limit: limit).count == expected)
        #expect(try await store.events(after: 0, limit: limit).count == expected)
        #expect(try await store.events(after: .max, limit: limit).isEmpty)
        #expect(try await store.claim(Records.claim(limit: limit)).runs.count == expected)
        #expect(try await store.expired(now: .distantFuture, limit: limit).count == expected)
        let ids = records.map { $0.runs[0].id }
        #expect(try await store.change(.cancel, .ids(ids), now: Records.start, limit: limit).count == expected)
        #expect(
            try await store.change(.cancel, .filter(RunFilter()), now: Records.start, limit: limit).count == expected)
        #expect(try await store.prune(runsBefore: .distantPast, eventsBefore: .distantPast, limit: limit) == 0)
        try store.close()
    }

    @Test("runs that come due by the thousand become available in steps, and none is forgotten")
    func manyDue() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        let due = Records.start + .seconds(1)
        _ = try await store.accept(Records.make(12_000, runAt: due))
        var request = Records.claim(limit: 1, at: due)
        let first = try await store.claim(request)
        #expect(first.runs.count == 1)
        #expect(first.nextDueAt == due, "a caller that heeds nextDueAt comes again at once")
        request.limit = 12_000
        request.demands = [.init(job: "a", limit: 12_000)]
        let second = try await store.claim(request)
        #expect(second.runs.count == 11_999)
        #expect(second.nextDueAt == nil)
        try store.close()
    }

    @Test("a job that is asked for twice in one claim is not leased twice")
    func demandedTwice() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        _ = try await store.accept(Records.make(5))
        var request = Records.claim()
        request.demands = [.init(job: "a", limit: 2), .init(job: "a", limit: 2)]
        let claimed = try await store.claim(request).runs
        #expect(claimed.map(\.event.id) == ["e0", "e1", "e2", "e3"])
        #expect(Set(claimed.map(\.lease.token)).count == 4)
        try store.close()
    }

    @Test("an event from a clock that was far ahead does not keep later ones from being pruned")
    func clockAhead() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        var records = Records.make(5)
        for index in records.indices { records[index].runs = [] }
        records[1].acceptedAt = Records.start + .seconds(1_000_000_000)
        _ = try await store.accept(records)
        let cutoff = Records.start + .seconds(1)
        #expect(try await store.prune(runsBefore: cutoff, eventsBefore: cutoff, limit: 10) == 4)
        #expect(try await store.events(after: 0, limit: 10).map(\.event.id) == ["e1"])
        try store.close()
    }

    @Test("a number of an event is never given again, even when the newest events are gone")
    func sequences() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        var records = Records.make(3)
        for index in records.indices { records[index].runs = [] }
        _ = try await store.accept(records)
        let last = try #require(try await store.events(after: nil, limit: 1).first?.sequence)
        _ = try await store.prune(runsBefore: .distantFuture, eventsBefore: .distantFuture, limit: 10)
        _ = try await store.accept(Records.make(1, from: 10))
        #expect(try await store.events(after: last, limit: 10).map(\.event.id) == ["e10"])
        try store.close()
    }

    @Test("texts are found whatever their case and length", arguments: ["ÄRGER", "ärger", "100%", "a_b", "xx"])
    func texts(text: String) async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        let subjects = ["großer Ärger hier", "100% a_b \(String(repeating: "x", count: 60_000))", "1000 aXb"]
        var records = Records.make(3)
        for index in records.indices { records[index].event.subject = subjects[index] }
        _ = try await store.accept(records)
        let needle = text == "xx" ? String(repeating: "X", count: 55_000) : text
        let found = try await store.runs(RunQuery(RunFilter(text: needle))).runs.map(\.event.id)
        #expect(found == [text.lowercased() == "ärger" ? "e0" : "e1"])
        try store.close()
    }
}
