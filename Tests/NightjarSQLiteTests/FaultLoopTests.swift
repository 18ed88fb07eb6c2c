import CloudEvents
import Foundation
import GRDB
import NightjarCore
import NightjarTestKit
import Testing

@testable import NightjarSQLite

/// Fails the first, second, third … call to the files until a whole day's work goes by without one that could fail; after
/// each, opens the file again and looks what is there.
@Suite("SQLite store, its files failing", .serialized)
struct FaultLoopTests {
    /// What the store said was durable, as a caller would note it.
    private struct Journal {
        var accepted: [String: RunID] = [:]
        var completed: Set<RunID> = []
        /// Events that completed runs emitted.
        var emitted: Set<String> = []
        var errors: [StoreError] = []
    }

    @Test(
        "what was answered is there, and nothing is done twice, whatever call to the files fails",
        arguments: FaultyFiles.Fault.allCases)
    func working(fault: FaultyFiles.Fault) async throws {
        try await loop(fault, atLeast: 10) { path in
            let template = try SQLiteStore(path: path)
            try template.close()
        } work: { path, journal in
            try await Self.work(path, &journal)
        }
    }

    @Test("a new file that cannot be made is made later", arguments: FaultyFiles.Fault.allCases)
    func opening(fault: FaultyFiles.Fault) async throws {
        try await loop(fault, atLeast: 20) { _ in
        } work: { path, journal in
            let store = try SQLiteStore(path: path)
            journal.accepted = try await Self.accept(["e1"], store)
            try store.close()
        }
    }

    @Test(
        "a node that could not be registered holds no place, and ends its old leases when it tries again",
        arguments: [FaultyFiles.Fault.once, .torn])
    func registering(fault: FaultyFiles.Fault) async throws {
        try await loop(fault, atLeast: 3) { path in
            let before = try SQLiteStore(path: path)
            _ = try await Self.accept(["e1", "e2"], before)
            _ = try await before.claim(Records.claim("node"))
            try before.close()
        } work: { path, journal in
            let store = try SQLiteStore(path: path)
            defer { try? store.close() }
            do throws(StoreError) { try await store.register(NodeID("node")) } catch {
                journal.errors.append(error)
                let other = try SQLiteStore(path: path)
                try await other.register(NodeID("other"))
                try await store.register(NodeID("node"))
                try other.close()
            }
            #expect(try await store.expired(now: Records.start, limit: 10).count == 2)
        }
    }

    /// - Parameters:
    ///   - least: how many calls must have failed, one at a time, for the loop to mean anything.
    ///   - prepare: makes the file before the faults begin.
    ///   - work: works with the file, and ends with the first error that it cannot go on after.
    private func loop(
        _ fault: FaultyFiles.Fault, atLeast least: Int, prepare: (String) async throws -> Void,
        work: (String, inout Journal) async throws -> Void
    ) async throws {
        try await FaultyFiles.use {
            let folder = try TemporaryFolder()
            let original = folder.path("original.db")
            try await prepare(original)
            var number = 0
            while true {
                number += 1
                let path = folder.path("n\(number).db")
                if FileManager.default.fileExists(atPath: original) {
                    try FileManager.default.copyItem(atPath: original, toPath: path)
                }
                var journal = Journal()
                FaultyFiles.arm(fault, at: number, under: path)
                do {
                    try await work(path, &journal)
                } catch let error as StoreError {
                    journal.errors.append(error)
                }
                let failures = FaultyFiles.disarm()
                let place: Comment = "\(fault), call \(number): \(journal.errors)"
                for error in journal.errors {
                    #expect(error.code != .conflict, place)
                    #expect(error.message.count > 10, place)
                }
                try await Self.check(path, journal, place)
                for suffix in ["", "-wal", "-shm", "-nodes"] {
                    try? FileManager.default.removeItem(atPath: path + suffix)
                }
                if failures == 0 { break }
                guard number < 5000 else {
                    Issue.record("\(fault): the loop does not end")
                    break
                }
            }
            #expect(number > least, "\(fault): only \(number - 1) calls could fail")
            print("fault loop: \(fault), \(number - 1) places")
        }
    }

    /// A day's work: what a node does to its store. Goes on after an error as a node does, by trying again.
    private static func work(_ path: String, _ journal: inout Journal) async throws {
        let store = try SQLiteStore(path: path)
        defer { try? store.close() }
        for name in ["e1", "e2", "e3"] {
            let answers = try await again(&journal) { () async throws(StoreError) in try await accept([name], store) }
            journal.accepted.merge(answers) { first, _ in first }
        }
        let claimed = try await again(&journal) { () async throws(StoreError) in
            try await store.claim(Records.claim()).runs
        }
        for (number, run) in claimed.enumerated() {
            let now = Records.start + .seconds(1)
            _ = try await again(&journal) { () async throws(StoreError) in
                try await store.report([(run.lease, Progress(0.5, "half"))])
            }
            let isLast = number == claimed.count - 1
            let emitted = record("from-\(run.event.id)")
            let settlement = Settlement(
                lease: run.lease,
                attempt: Attempt(
                    number: run.attempt, node: "n", startedAt: Records.start, endedAt: now,
                    outcome: isLast ? .failed : .completed),
                transition: isLast
                    ? .retry(at: now + .seconds(1), history: RunHistory(failures: 1)) : .complete(result: nil),
                at: now, emitted: isLast ? [] : [emitted])
            let result = try await again(&journal) { () async throws(StoreError) in
                try await store.settle([settlement])
            }
            // A settlement whose answer was lost may have been done: then it is stale when it comes again.
            guard case .settled(.completed, _)? = result.first else { continue }
            journal.completed.insert(run.lease.run)
            journal.emitted.insert(emitted.event.id)
        }
        _ = try await again(&journal) { () async throws(StoreError) in
            try await store.setPaused(Pause(.trigger, "other"), true, now: Records.start)
        }
        _ = try await again(&journal) { () async throws(StoreError) in
            try await store.prune(runsBefore: .distantPast, eventsBefore: .distantPast, limit: 10)
        }
        try store.close()
    }

    /// Tries a call up to three times, as a node does, though seldom so few.
    private static func again<Value>(
        _ journal: inout Journal, _ call: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        for _ in 0..<2 {
            do { return try await call() } catch { journal.errors.append(error) }
        }
        return try await call()
    }

    private static func record(_ id: String) -> IntakeRecord {
        // The same id each time it is tried, as an intake that repeats a batch has it.
        let number = UInt64(id.utf8.reduce(7) { $0 &* 31 &+ Int($1) } & 0xFFFF_FFFF)
        let run = RunID(high: 1_800_000_000_000 << 16 | 0x7000, low: 0x8000_0000_0000_0000 | number)
        return IntakeRecord(
            event: Event(id: id, source: "/test", type: "test", data: Array(#"{"a":1}"#.utf8)),
            acceptedAt: Records.start,
            runs: [NewRun(id: run, job: "a", trigger: "t", runAt: Records.start)])
    }

    private static func accept(_ ids: [String], _ store: SQLiteStore) async throws(StoreError) -> [String: RunID] {
        var runs: [String: RunID] = [:]
        for answer in try await store.accept(ids.map(record)) { runs[answer.id] = answer.runs.first }
        return runs
    }

    /// Opens the file again, without faults: it is whole, has all that was answered, and its work goes on to the end.
    private static func check(_ path: String, _ journal: Journal, _ place: Comment) async throws {
        let store = try SQLiteStore(path: path)
        let verdict = try await store.pool.read { try String.fetchAll($0, sql: "PRAGMA integrity_check") }
        #expect(verdict == ["ok"], place)
        for (event, run) in journal.accepted {
            #expect(try await store.events(id: event, source: "/test").count == 1, place)
            #expect(try await store.run(run)?.event.id == event, place)
        }
        for run in journal.completed { #expect(try await store.run(run)?.state == .completed, place) }
        for event in journal.emitted {
            #expect(try await store.events(id: event, source: "/test").count == 1, place)
        }
        try await finish(store, place)
        for run in try await store.runs(RunQuery(limit: 500)).runs {
            let whole = try #require(try await store.run(run.id))
            #expect(whole.state == .completed, place)
            #expect(whole.attempts.filter { $0.outcome == .completed }.count == 1, place)
            #expect(whole.attempts.map(\.number) == Array(1..<whole.attempts.count + 1), place)
        }
        // What came once more is known.
        #expect(
            try await store.accept(journal.accepted.keys.map(record)).allSatisfy { $0.outcome == .duplicate }, place)
        try store.close()
    }

    /// Does what is left, on another node and much later.
    private static func finish(_ store: SQLiteStore, _ place: Comment) async throws {
        let later = Records.start + .seconds(3600)
        for _ in 0..<10 {
            let expired = try await store.expired(now: later, limit: 100)
            _ = try await store.settle(
                expired.map { run in
                    Settlement(
                        lease: run.lease,
                        attempt: Attempt(
                            number: run.attempt, node: "n", startedAt: run.startedAt, endedAt: later, outcome: .crashed),
                        transition: .retry(at: later, history: RunHistory(crashes: run.history.crashes + 1)), at: later,
                        onlyIfExpired: true)
                })
            let runs = try await store.claim(Records.claim("other", at: later)).runs
            if runs.isEmpty, expired.isEmpty { return }
            _ = try await store.settle(
                runs.map { run in
                    Settlement(
                        lease: run.lease,
                        attempt: Attempt(
                            number: run.attempt, node: "other", startedAt: later, endedAt: later, outcome: .completed),
                        transition: .complete(result: nil), at: later)
                })
        }
        Issue.record("work is left after ten rounds: \(place)")
    }
}
