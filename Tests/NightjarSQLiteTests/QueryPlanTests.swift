import CloudEvents
import GRDB
import NightjarCore
import Testing

@testable import NightjarSQLite

@Suite("SQLite store, query plans")
struct QueryPlanTests {
    private static func plan(_ sql: String, _ database: Database) throws -> String {
        let statement = try database.makeStatement(sql: "EXPLAIN QUERY PLAN " + sql)
        statement.setUncheckedArguments([])
        return try Row.fetchAll(statement).map { $0["detail"] as String? ?? "" }.joined(separator: "; ")
    }

    /// Uses every write of the store once, then looks at the plan of every statement that it prepared.
    @Test("no write reads a whole table, whatever has finished")
    func writes() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        try await claimEverything(store)
        try await useEveryWrite(store)
        let texts = try await store.committer.perform { $0.preparedTexts }
        #expect(texts.count > 25, "the store prepared less than was expected: \(texts)")
        let pattern = /SCAN (?!json_each|found|nodes|\(subquery|CONSTANT ROW)/
        var scans: [String] = []
        for text in texts where text.contains(/^\s*(SELECT|INSERT|UPDATE|DELETE)/) {
            let plan = try await store.pool.read { try Self.plan(text, $0) }
            // Walking a partial index of what is due, or waits for a trigger, is no scan of the table.
            if plan.replacing(
                /SCAN (runs|lanes) USING (COVERING )?INDEX (runs_due|runs_expiring|lanes_paused)/, with: ""
            )
            .contains(pattern) {
                scans.append("\(text)\n  \(plan)")
            }
        }
        #expect(scans.isEmpty, "\(scans.joined(separator: "\n"))")
        try store.close()
    }

    private func useEveryWrite(_ store: SQLiteStore) async throws {
        let now = Records.start
        var records = Records.make(20)
        records[0].stateChanges = [
            SourceStateChange(trigger: "t", key: "k", value: [1]),
            SourceStateChange(trigger: "t", key: "l", value: nil),
        ]
        _ = try await store.accept(records)
        _ = try await store.accept(records)
        let pause = Pause(.trigger, "other")
        try await store.setPaused(pause, true, now: now)
        _ = try await store.claim(Records.claim(limit: 1))
        try await store.setPaused(pause, false, now: now)
        let claimed = try await store.claim(Records.claim(limit: 6)).runs
        _ = try await store.renew(claimed.map(\.lease), until: now + .seconds(60), now: now)
        try await store.report(claimed.map { (lease: $0.lease, progress: Progress(0.5)) })
        let transitions: [Settlement.Transition] = [
            .complete(result: nil), .retry(at: now + .seconds(5), history: RunHistory()),
            .die(reason: "no", history: RunHistory()), .cancel(reason: "no"), .release,
        ]
        _ = try await store.settle(
            zip(claimed, transitions).map { run, transition in
                let attempt = Attempt(number: 1, node: "n", startedAt: now, endedAt: now, outcome: .failed)
                return Settlement(
                    lease: run.lease, attempt: transition == .release ? nil : attempt, transition: transition, at: now,
                    progress: Progress(1), onlyIfExpired: false)
            })
        _ = try await store.settle([
            Settlement(lease: claimed[5].lease, attempt: nil, transition: .release, at: now, onlyIfExpired: true)
        ])
        for command in [RunCommand.cancel, .retry, .discard, .retry] {
            _ = try await store.change(command, .filter(RunFilter()), now: now, limit: 100)
        }
        try await store.setPaused(Pause(.job, "p"), true, now: now)
        try await store.setPaused(Pause(.job, "p"), false, now: now)
        _ = try await store.change(.cancel, .filter(RunFilter()), now: now, limit: 100)
        _ = try await store.retry(records[0].runs[0].id, input: [0x31], now: now)
        var again = records[1]
        again.isReplay = true
        again.refusals = [Decision(trigger: "t", outcome: .refused, reason: "now")]
        _ = try await store.accept([again])
        _ = try await store.pruneUnmatched(keeping: 1, limit: 1)
        _ = try await store.prune(runsBefore: now + .seconds(9), eventsBefore: now + .seconds(9), limit: 100)
        try await useSecondEvents(store)
    }

    /// Uniqueness and collecting.
    private func useSecondEvents(_ store: SQLiteStore) async throws {
        let now = Records.start
        for second in UniquePolicy.Second.allCases {
            let first = second == .ignore ? 100 : second == .extend ? 110 : 120
            var records = Records.make(2, from: first, job: "unique")
            for index in records.indices {
                records[index].runs[0].unique = UniqueClaim(
                    key: second.rawValue, states: UniquePolicy.possibleStates, second: second)
            }
            _ = try await store.accept(records)
            _ = try await store.accept(records)
        }
        for keep in DebouncePolicy.Keep.allCases {
            let first = keep == .all ? 200 : keep == .first ? 300 : 400
            var records = Records.make(2, from: first, runAt: now + .seconds(1))
            for index in records.indices {
                records[index].runs[0].collect = CollectClaim(key: keep.rawValue, until: now + .seconds(1), keep: keep)
            }
            _ = try await store.accept(records)
        }
        let later = now + .seconds(2)
        let claimed = try await store.claim(Records.claim(at: later)).runs
        let attempt = Attempt(number: 1, node: "n", startedAt: now, endedAt: later, outcome: .failed)
        _ = try await store.settle(
            claimed.map {
                Settlement(
                    lease: $0.lease, attempt: attempt, transition: .cancel(reason: "no"), at: later,
                    doneItems: $0.items.map(\.position))
            })
        _ = try await store.prune(runsBefore: now + .seconds(9), eventsBefore: now + .seconds(9), limit: 100)
    }

    @Test("pruning looks for old events among those without runs only, however many have runs that stay")
    func pruning() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        _ = try await store.prune(runsBefore: Records.start, eventsBefore: Records.start, limit: 100)
        let texts = try await store.committer.perform { $0.preparedTexts }.filter { $0.contains("DELETE FROM events") }
        #expect(texts.count == 2)
        for text in texts {
            let plan = try await store.pool.read { try Self.plan(text, $0) }
            #expect(plan.contains(/INDEX events_unmatched \(accepted_at<|INTEGER PRIMARY KEY \(rowid=/), "\(plan)")
            #expect(!plan.contains("SCAN events"), "\(plan)")
        }
        try store.close()
    }

    /// The statements that claims prepare: with and without keys that matter, paused triggers, paused keys, stopped keys.
    private func claimEverything(_ store: SQLiteStore) async throws {
        let policies: [KeyPolicy?] = [
            nil, KeyPolicy(), KeyPolicy(isOrdered: true),
            KeyPolicy(concurrency: 2, rate: RateLimit(1, per: .seconds(1))),
        ]
        var records = Records.make(40, from: 100)
        for index in records.indices {
            records[index].runs[0].key = index % 3 == 0 ? nil : "k\(index % 5)"
            records[index].runs[0].stopsKey = index % 2 == 0
            records[index].runs[0].trigger = index % 7 == 0 ? "x" : "t"
        }
        _ = try await store.accept(records)
        for paused in [[], ["x"]] as [Set<String>] {
            try await store.setPaused(Pause(key: "k1", ofJob: "a"), !paused.isEmpty, now: Records.start)
            for trigger in paused { try await store.setPaused(Pause(.trigger, trigger), true, now: Records.start) }
            for (number, policy) in policies.enumerated() {
                var request = Records.claim(limit: 3)
                request.demands[0].perKey = policy
                let runs = try await store.claim(request).runs
                request.limit = 1
                request.demands[0].weight = 2
                _ = try await store.claim(request)
                _ = try await store.settle(
                    runs.map {
                        Settlement(
                            lease: $0.lease, attempt: nil,
                            transition: number % 2 == 0
                                ? .die(reason: "no", history: RunHistory())
                                : .retry(at: Records.start, history: RunHistory(crashes: 1)),
                            at: Records.start)
                    })
            }
        }
    }

    @Test("a claim sorts nothing and looks at no rows of what it passes over, whatever is paused or has keys")
    func keyedClaims() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        try await claimEverything(store)
        let texts = try await store.committer.perform { $0.preparedTexts }.filter { text in
            ["runs_keyed", "runs_key_", "runs_suspect", "lanes_", "runs_available"].contains {
                text.contains("INDEXED BY \($0)")
            }
        }
        #expect(texts.count > 12, "less was prepared than was expected: \(texts)")
        for text in texts {
            let plan = try await store.pool.read { try Self.plan(text, $0) }
            // What is found is put in order once more, where it is no more than the claim's limit.
            let sorts = plan.contains("TEMP B-TREE") && !plan.contains("SCAN found")
            #expect(!sorts, "\(text)\n\(plan)")
            let passesOver = text.contains("json_each") || text.contains("runs_key_")
            #expect(!passesOver || plan.contains("COVERING INDEX"), "\(text)\n\(plan)")
        }
        try store.close()
    }

    @Test("a claim takes runs from the index in its own order, with and without paused triggers")
    func claims() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        _ = try await store.claim(Records.claim())
        try await store.setPaused(Pause(.trigger, "x"), true, now: Records.start)
        _ = try await store.claim(Records.claim())
        let texts = try await store.committer.perform { $0.preparedTexts }
            .filter { $0.contains("INDEXED BY runs_available") }
        #expect(texts.count == 2)
        for text in texts {
            let plan = try await store.pool.read { try Self.plan(text, $0) }
            if text.contains("json_each") {
                #expect(plan.contains("COVERING INDEX runs_available"), "\(plan)")
            } else {
                #expect(plan.contains("runs_available") && !plan.contains("TEMP B-TREE"), "\(plan)")
            }
        }
        try store.close()
    }

    @Test(
        "lists of live, dead and cancelled runs use the indexes of their states",
        arguments: [
            ([RunState.available], "runs_available"), ([.running], "runs_running"), ([.scheduled], "runs_due"),
            ([.retryable], "runs_due"), ([.scheduled, .retryable], "runs_due"), ([.dead], "runs_dead"),
            ([.cancelled], "runs_cancelled"), ([.available, .dead, .cancelled, .running], "runs_dead"),
        ])
    func lists(states: [RunState], index: String) async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        for filter in [
            RunFilter(states: Set(states)), RunFilter(states: Set(states), job: "a", trigger: "t", text: "x"),
        ] {
            let search = RunSearch(filter, order: .newestFirst, before: Records.make(1)[0].runs[0].id)
            let plan = try await store.pool.read { try Self.plan(search.sql, $0) }
            #expect(plan.contains(index), "\(plan)")
            #expect(!plan.contains("sqlite_autoindex_runs") && !plan.contains("USING PRIMARY KEY (id<"), "\(plan)")
        }
        try store.close()
    }

    @Test("a list of all runs walks them in their own order, without sorting")
    func listOfAll() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        for filter in [RunFilter(), RunFilter(states: [.completed, .dead]), RunFilter(text: "x")] {
            for before in [nil, Records.make(1)[0].runs[0].id] {
                let search = RunSearch(filter, order: .newestFirst, before: before)
                let plan = try await store.pool.read { try Self.plan(search.sql, $0) }
                #expect(!plan.contains("TEMP B-TREE"), "\(plan)")
            }
        }
        try store.close()
    }

    @Test("live runs are counted without a look at their rows")
    func counts() async throws {
        let folder = try TemporaryFolder()
        let store = try SQLiteStore(path: folder.path("n.db"))
        for (index, states) in [
            ("runs_available", "state = 1 AND key IS NULL AND crashes = 0"),
            ("runs_keyed", "state = 1 AND key IS NOT NULL AND crashes = 0"),
            ("runs_suspect", "state = 1 AND crashes > 0"), ("runs_due", "state IN (0, 3)"), ("runs_dead", "state = 5"),
        ] {
            let plan = try await store.pool.read {
                try Self.plan(
                    "SELECT job, state, count(*) FROM runs INDEXED BY \(index) WHERE \(states) GROUP BY job, state", $0)
            }
            #expect(plan.contains("COVERING INDEX \(index)"), "\(plan)")
        }
        try store.close()
    }
}
