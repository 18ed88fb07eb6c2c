import CloudEvents
import Foundation
import NightjarCore
import NightjarSQLite
import NightjarTestKit
import Testing

@Suite("SQLite store against the memory store")
struct ModelTests {
    /// A random sequence of operations on both stores; every answer and the whole state must be the same.
    @Test("random operations have the same effect on both stores", arguments: 1...40)
    func sameEffect(seed: Int) async throws {
        let folder = try TemporaryFolder()
        let sqlite = try SQLiteStore(path: folder.path("nightjar.db"))
        let memory = MemoryStore()
        var model = Model(seed: UInt64(seed), stores: (memory, sqlite))
        for step in 0..<150 {
            do {
                try await model.step()
                if step % 30 == 29 { try await model.compareAll() }
            } catch {
                Issue.record("seed \(seed), step \(step): \(error)")
                break
            }
        }
        try sqlite.close()
    }
}

/// The two stores, and what has been done to them.
private struct Model {
    struct Difference: Error, CustomStringConvertible {
        var description: String
    }

    let stores: (MemoryStore, SQLiteStore)
    var generator: SeededGenerator
    var ids = RunIDGenerator()
    var now = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)
    var leases: [ClaimedRun] = []
    var runs: [RunID] = []
    var events = 0
    /// What nodes want, but for the limits: how keys are treated does not change from claim to claim.
    let demands: [ClaimRequest.Demand]

    init(seed: UInt64, stores: (MemoryStore, SQLiteStore)) {
        self.stores = stores
        var generator = SeededGenerator(seed: seed)
        let policies: [KeyPolicy?] = [
            nil, KeyPolicy(), KeyPolicy(isOrdered: true), KeyPolicy(concurrency: 1), KeyPolicy(concurrency: 2),
            KeyPolicy(rate: RateLimit(2, per: .milliseconds(900), burst: 1)),
            KeyPolicy(isOrdered: true, rate: RateLimit(1, per: .milliseconds(300))),
        ]
        let rates: [RateLimit?] = [nil, nil, RateLimit(3, per: .milliseconds(800)), RateLimit(1, per: .seconds(1))]
        demands = ["b", "a"].map { job in
            ClaimRequest.Demand(
                job: job, limit: 0, weight: Int.random(in: 1...3, using: &generator),
                rate: rates.randomElement(using: &generator) ?? nil,
                perKey: policies.randomElement(using: &generator) ?? nil)
        }
        self.generator = generator
    }

    private mutating func pick(_ range: Range<Int>) -> Int { Int.random(in: range, using: &generator) }

    private func both<Value: Equatable>(
        _ what: String, _ call: (any RunStore) async throws -> Value
    ) async throws -> Value {
        let expected = try await call(stores.0)
        let actual = try await call(stores.1)
        guard expected == actual else {
            throw Difference(description: "\(what): expected \(expected), the SQLite store answered \(actual)")
        }
        return actual
    }

    mutating func step() async throws {
        // Now and then the clock is set back, or the node whose clock is behind goes on.
        now = pick(0..<60) == 0 ? now - .milliseconds(pick(0..<3000)) : now + .milliseconds(pick(0..<700))
        switch pick(0..<14) {
        case 0...3: try await accept()
        case 4, 5: try await claim()
        case 6, 7: try await settle()
        case 8: try await renew()
        case 9: try await change()
        case 10: try await rescueAndReport()
        case 11: try await replay()
        case 12: try await changeAll()
        default: try await pruneAndPause()
        }
    }

    /// Whether the job's keys have a rate beyond which runs wait: then none is dropped by another rate of the key.
    private func hasKeyRate(_ job: String) -> Bool { demands.contains { $0.job == job && $0.perKey?.rate != nil } }

    private mutating func record() -> IntakeRecord {
        events += 1
        let number = pick(0..<4) == 0 ? pick(0..<events) : events
        let extensions: [String: AttributeValue] =
            number % 3 == 0 ? ["flag": .boolean(true), "count": .integer(-7), "note": .string("ä\"\\")] : [:]
        let event = Event(
            id: "e\(number)", source: "/s\(number % 2)", type: "t\(number % 3)",
            subject: number % 4 == 0 ? "Subject \(number)" : nil, time: number % 2 == 0 ? now : nil,
            dataContentType: number % 5 == 0 ? "application/octet-stream" : nil, extensions: extensions,
            data: number % 7 == 0 ? nil : number % 6 == 0 ? [] : [0, 255, UInt8(number % 256)])
        var record = IntakeRecord(event: event, acceptedAt: now, runs: [])
        let drops = NewRun.DropLimits(
            job: RateLimit(9, per: .seconds(3)), key: pick(0..<2) == 0 ? RateLimit(2, per: .seconds(3)) : nil)
        for job in ["a", "b", "c"] where pick(0..<2) == 0 {
            let id = ids.next(microseconds: now.microsecondsSince1970, using: &generator)
            record.runs.append(
                NewRun(
                    id: id, job: job, trigger: pick(0..<3) == 0 ? nil : "trigger-\(job)",
                    runAt: now + .milliseconds(pick(0..<3) == 0 ? pick(1..<2000) : 0), priority: pick(0..<3),
                    expiresAt: pick(0..<4) == 0 ? now + .milliseconds(pick(100..<4000)) : nil,
                    key: pick(0..<3) == 0 ? nil : "k\(pick(0..<3))", stopsKey: pick(0..<4) == 0,
                    dropsBeyond: pick(0..<3) == 0 ? drops.without(keyRate: hasKeyRate(job)) : .init()))
            // Seldom both, which no job's policy can say, and a store has to bear all the same.
            if pick(0..<4) == 0 { record.runs[record.runs.count - 1].unique = uniqueClaim() }
            if pick(0..<4) == 0 { collect(&record.runs[record.runs.count - 1]) }
        }
        switch pick(0..<4) {
        case 0: record.addressee = .trigger("other", isIdentified: pick(0..<2) == 0)
        case 1: record.addressee = .job("a")
        default: break
        }
        if pick(0..<4) == 0 { record.refusals = [Decision(trigger: "other", outcome: .refused, reason: "no \"way\"")] }
        if pick(0..<3) == 0 {
            record.stateChanges = [
                SourceStateChange(
                    trigger: "files", key: "k\(pick(0..<3))", value: pick(0..<3) == 0 ? nil : [UInt8(pick(0..<256))])
            ]
        }
        return record
    }

    private mutating func uniqueClaim() -> UniqueClaim {
        let states: [Set<RunState>] = [
            UniquePolicy.usualStates, UniquePolicy.possibleStates, [.available, .retryable],
        ]
        return UniqueClaim(
            key: "u\(pick(0..<2))", after: pick(0..<2) == 0 ? nil : now - .milliseconds(pick(1..<9000)),
            states: states[pick(0..<3)], second: UniquePolicy.Second.allCases[pick(0..<3)])
    }

    private mutating func collect(_ run: inout NewRun) {
        run.collect = CollectClaim(
            key: "c\(pick(0..<2))", until: pick(0..<3) == 0 ? nil : now + .milliseconds(pick(2000..<6000)),
            size: pick(1..<6), keep: DebouncePolicy.Keep.allCases[pick(0..<3)], isOpen: pick(0..<6) > 0)
        run.runAt = now + .milliseconds(pick(0..<3000))
        if pick(0..<2) == 0 { run.input = Array("\(pick(0..<100))".utf8) }
    }

    private mutating func accept() async throws {
        let batch = (0..<pick(1..<4)).map { _ in record() }
        let answers = try await both("accept") { try await $0.accept(batch) }
        runs += answers.flatMap(\.runs)
    }

    private mutating func claim() async throws {
        let request = ClaimRequest(
            node: "n\(pick(0..<2))", now: now, leaseExpiresAt: now + .milliseconds(pick(500..<3000)),
            demands: demands.map { demand in
                var demand = demand
                demand.limit = pick(0..<4)
                return demand
            }, limit: pick(1..<6), mostRuns: pick(0..<4) == 0 ? pick(1..<4) : .max)
        let expected = try await stores.0.claim(request)
        let actual = try await stores.1.claim(request)
        guard expected.nextDueAt == actual.nextDueAt, expected.runs.map(\.lease) == actual.runs.map(\.lease),
            expected.runs.map(\.event) == actual.runs.map(\.event),
            expected.runs.map(\.attempt) == actual.runs.map(\.attempt),
            expected.runs.map(\.history) == actual.runs.map(\.history),
            expected.runs.map(\.trigger) == actual.runs.map(\.trigger),
            expected.runs.map(\.key) == actual.runs.map(\.key), expected.expired == actual.expired,
            expected.runs.map(\.startsOverAt) == actual.runs.map(\.startsOverAt),
            expected.tooHeavy == actual.tooHeavy,
            expected.runs.map(\.input) == actual.runs.map(\.input),
            expected.runs.map(\.items) == actual.runs.map(\.items)
        else { throw Difference(description: "claim: expected \(expected), the SQLite store answered \(actual)") }
        leases += actual.runs
    }

    private mutating func settle() async throws {
        guard !leases.isEmpty else { return }
        var settlements: [Settlement] = []
        for _ in 0..<pick(1..<3) {
            // Now and then one that was settled before: its lease is stale.
            let index = pick(0..<leases.count)
            let claimed = leases[index]
            if pick(0..<5) > 0 { leases.remove(at: index) }
            settlements.append(settlement(claimed))
            if leases.isEmpty { break }
        }
        let batch = settlements
        let results = try await both("settle") { try await $0.settle(batch) }
        for case .settled(_, let emitted) in results { runs += emitted.flatMap(\.runs) }
    }

    private mutating func settlement(_ claimed: ClaimedRun) -> Settlement {
        let history = RunHistory(failures: pick(0..<5), snoozes: pick(0..<2), crashes: pick(0..<2))
        let transition: Settlement.Transition
        switch pick(0..<6) {
        case 0, 1: transition = .complete(result: pick(0..<2) == 0 ? nil : Array("{\"ok\": 1}".utf8))
        case 2: transition = .retry(at: now + .milliseconds(pick(0..<2000)), history: history)
        case 3: transition = .die(reason: "dead of it", history: history)
        case 4: transition = .cancel(reason: "cancelled by hand")
        default: transition = .release
        }
        var attempt: Attempt? = Attempt(
            number: claimed.attempt, node: claimed.lease.node, startedAt: now - .seconds(1), endedAt: now,
            outcome: .failed, error: pick(0..<2) == 0 ? nil : "it broke", output: pick(0..<2) == 0 ? nil : [1, 2])
        if case .release = transition { attempt = nil }
        let emitted = pick(0..<3) == 0 ? [record()] : []
        let done = pick(0..<2) == 0 ? [] : claimed.items.map(\.position).filter { $0 % 2 == 0 }
        return Settlement(
            lease: claimed.lease, attempt: attempt, transition: transition, at: now,
            progress: pick(0..<3) == 0 ? Progress(0.5, "half") : nil, emitted: emitted, onlyIfExpired: pick(0..<5) == 0,
            doneItems: done)
    }

    private mutating func renew() async throws {
        let some = leases.map(\.lease)
        let at = now
        _ = try await both("renew") { try await $0.renew(some, until: at + .seconds(2), now: at) }
    }

    private mutating func change() async throws {
        let command = RunCommand.allCases[pick(0..<3)]
        let limit = pick(1..<6)
        let at = now
        let selection: RunSelection
        if pick(0..<2) == 0, !runs.isEmpty {
            selection = .ids((0..<3).map { _ in runs[pick(0..<runs.count)] })
        } else {
            let states: [Set<RunState>] = [[], [.dead], [.available, .scheduled], [.running]]
            selection = .filter(
                RunFilter(
                    states: states[pick(0..<4)], job: pick(0..<2) == 0 ? "a" : nil,
                    trigger: pick(0..<4) == 0 ? "trigger-b" : nil, text: pick(0..<3) == 0 ? "SUBJECT" : nil))
        }
        _ = try await both("\(command) \(selection)") {
            try await $0.change(command, selection, now: at, limit: limit)
        }
    }

    /// Looks at kept events page after page and decides on some of them again.
    private mutating func replay() async throws {
        var query = EventQuery(
            isUnmatched: pick(0..<3) > 0, filter: EventFilter(types: pick(0..<3) == 0 ? ["t1", "t2*"] : []),
            acceptedFrom: pick(0..<3) == 0 ? now - .milliseconds(pick(0..<9000)) : nil,
            acceptedUntil: pick(0..<3) == 0 ? now - .milliseconds(pick(0..<4000)) : nil, limit: pick(1..<9),
            mostBytes: pick(1..<12))
        var cursors: (Int64, Int64) = (0, 0)
        for _ in 0..<4 {
            query.after = cursors.0
            let expected = try await stores.0.events(query)
            query.after = cursors.1
            let page = try await stores.1.events(query)
            guard Self.renumbered(expected) == Self.renumbered(page) else {
                throw Difference(description: "\(query): expected \(expected), the SQLite store answered \(page)")
            }
            var batch: [IntakeRecord] = []
            for stored in page where pick(0..<3) == 0 {
                var again = record()
                events -= 1
                again.event = stored.event
                again.isReplay = true
                if pick(0..<2) == 0 {
                    again.refusals = [Decision(trigger: "trigger-a", outcome: .refused, reason: "now")]
                }
                // One that was removed meanwhile, or never was.
                if pick(0..<6) == 0 { again.event.id += "-gone" }
                batch.append(again)
            }
            let records = batch
            if !records.isEmpty {
                let answers = try await both("replay") { try await $0.accept(records) }
                runs += answers.flatMap(\.runs)
            }
            guard let last = expected.last, let other = page.last else { break }
            cursors = (last.sequence, other.sequence)
        }
        if pick(0..<4) == 0 {
            let keeping = pick(0..<6)
            let limit = pick(1..<4)
            _ = try await both("prune events without runs") {
                try await $0.pruneUnmatched(keeping: keeping, limit: limit)
            }
        }
    }

    /// A command on all that fit, page after page; a count of them; another input.
    private mutating func changeAll() async throws {
        let command = RunCommand.allCases[pick(0..<3)]
        let filter = RunFilter(
            job: pick(0..<2) == 0 ? "b" : nil, text: pick(0..<4) == 0 ? "t2" : nil,
            createdUntil: pick(0..<2) == 0 ? now - .milliseconds(pick(0..<5000)) : nil)
        _ = try await both("count") { try await $0.count(filter) }
        let at = now
        let limit = pick(1..<5)
        var last: RunID?
        for _ in 0..<3 {
            let page = try await both("\(command) after \(String(describing: last))") { [last] store in
                try await store.change(command, .filter(filter, after: last), now: at, limit: limit)
            }
            guard let end = page.last else { break }
            last = end.id
        }
        guard !runs.isEmpty else { return }
        let id = runs[pick(0..<runs.count)]
        _ = try await both("retry with another input") { try await $0.retry(id, input: [0x31], now: at) }
    }

    private mutating func rescueAndReport() async throws {
        let at = now
        let limit = pick(1..<5)
        let expected = try await stores.0.expired(now: at, limit: limit)
        let actual = try await stores.1.expired(now: at, limit: limit)
        guard expected.map(\.lease) == actual.map(\.lease), expected.map(\.attempt) == actual.map(\.attempt),
            expected.map(\.startedAt) == actual.map(\.startedAt), expected.map(\.history) == actual.map(\.history),
            expected.map(\.isCancelRequested) == actual.map(\.isCancelRequested),
            expected.map(\.startsOverAt) == actual.map(\.startsOverAt)
        else { throw Difference(description: "expired: expected \(expected), the SQLite store answered \(actual)") }
        let some = leases.prefix(2).map { (lease: $0.lease, progress: Progress(0.25, "quarter")) }
        try await stores.0.report(some)
        try await stores.1.report(some)
        _ = try await both("cancelRequests") { try await $0.cancelRequests(node: "n1") }
    }

    private mutating func pruneAndPause() async throws {
        let before = now - .milliseconds(pick(0..<20_000))
        let limit = pick(1..<9)
        if pick(0..<3) > 0 {
            _ = try await both("prune") {
                try await $0.prune(runsBefore: before, eventsBefore: before, limit: limit)
            }
        }
        let pauses = [
            Pause(.job, "p"), Pause(.job, "trigger-a"), Pause(.trigger, "p"), Pause(.trigger, "trigger-a"),
            Pause(.trigger, "trigger-b"), Pause(.job, "b"),
            Pause(key: "k\(pick(0..<3))", ofJob: pick(0..<2) == 0 ? "a" : "b"),
        ]
        let pause = pauses[pick(0..<pauses.count)]
        let isPaused = pick(0..<2) == 0
        let at = now
        for store in [stores.0 as any RunStore, stores.1] { try await store.setPaused(pause, isPaused, now: at) }
        _ = try await both("pauses") { try await $0.pauses() }
    }

    /// Sequences grow, but may leave numbers out: only their order is compared.
    private static func renumbered(_ records: [EventRecord]) -> [EventRecord] {
        records.enumerated().map { index, record in
            var record = record
            record.sequence = Int64(index)
            return record
        }
    }

    mutating func compareAll() async throws {
        for id in runs { _ = try await both("run \(id)") { try await $0.run(id) } }
        for id in runs {
            _ = try await both("circumstances of \(id)") { try await $0.circumstances(of: id) }
        }
        var before: RunID?
        repeat {
            let query = RunQuery(before: before, limit: 7)
            before = try await both("runs") { try await $0.runs(query) }.next
        } while before != nil
        _ = try await both("runs with text") { try await $0.runs(RunQuery(RunFilter(text: "t1"), limit: 100)) }
        _ = try await both("events") { Self.renumbered(try await $0.events(after: 0, limit: 1000)) }
        _ = try await both("last events") { Self.renumbered(try await $0.events(after: nil, limit: 5)) }
        _ = try await both("event") { Self.renumbered(try await $0.events(id: "e3", source: nil)) }
        _ = try await both("counts") { try await $0.counts() }
        _ = try await both("source state") { try await $0.sourceState(trigger: "files") }
    }
}

extension NewRun.DropLimits {
    fileprivate func without(keyRate isWithout: Bool) -> NewRun.DropLimits {
        NewRun.DropLimits(job: job, key: isWithout ? nil : key)
    }
}
