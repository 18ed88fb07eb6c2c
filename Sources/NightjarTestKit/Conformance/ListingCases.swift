import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// Runs as they are listed.
    static let listings: [RunStoreCase] = [
        .scene("an unknown run is nil") { scene in
            try expect("the run", try await scene.store.run(scene.newRunID()), nil)
        },
        .scene("runs are listed newest first") { scene in
            var ids: [RunID] = []
            for number in 0..<5 { ids.append(try await scene.accept("e\(number)")) }
            let page = try await scene.store.runs(RunQuery())
            try expect("the runs", page.runs.map(\.id), ids.reversed())
            try expect("there is no next page", page.next, nil)
        },
        .scene("a list has everything of a run but data, results and outputs") { scene in
            let claimed = try await scene.running("e1")
            var settlement = scene.settlement(claimed, .complete(result: [1, 2]), at: 3)
            settlement.attempt?.output = [4, 5]
            settlement.progress = Progress(1, "done")
            _ = try await scene.store.settle([settlement])
            var expected = try await scene.run(claimed.lease.run)
            try expect("one run has its result", expected.result, [1, 2])
            try expect("one run has its output", expected.attempts.first?.output, [4, 5])
            expected.result = nil
            expected.event.data = nil
            expected.attempts[0].output = nil
            try expect("the list", try await scene.store.runs(RunQuery()).runs, [expected])
        },
        .scene("a list shows the lease and the attempt under way") { scene in
            let claimed = try await scene.running("e1")
            let run = try await scene.store.runs(RunQuery()).runs.first
            try expect("the lease", run?.lease, claimed.lease)
            let underWay = Attempt(number: 1, node: "node-1", startedAt: scene.second(0))
            try expect("the attempts", run?.attempts, [underWay])
        },
        .scene("pages follow one another without gap or overlap") { scene in
            var ids: [RunID] = []
            for number in 0..<25 { ids.append(try await scene.accept("e\(number)")) }
            var listed: [RunID] = []
            var sizes: [Int] = []
            var query = RunQuery(limit: 10)
            while true {
                let page = try await scene.store.runs(query)
                listed += page.runs.map(\.id)
                sizes.append(page.runs.count)
                guard let next = page.next, sizes.count < 10 else { break }
                query.before = next
            }
            try expect("the pages' sizes", sizes, [10, 10, 5])
            try expect("the runs", listed, ids.reversed())
        },
        .scene("a page that is just full and the last has no next") { scene in
            for number in 0..<4 { try await scene.accept("e\(number)") }
            let first = try await scene.store.runs(RunQuery(limit: 2))
            let second = try await scene.store.runs(RunQuery(before: first.next, limit: 2))
            try expect("the last page's size", second.runs.count, 2)
            try expect("the next page", second.next, nil)
        },
        .scene("pages are not disturbed by runs that come meanwhile") { scene in
            var ids: [RunID] = []
            for number in 0..<6 { ids.append(try await scene.accept("e\(number)")) }
            let first = try await scene.store.runs(RunQuery(limit: 3))
            for number in 6..<9 { try await scene.accept("e\(number)") }
            let second = try await scene.store.runs(RunQuery(before: first.next, limit: 3))
            try expect("the runs", (first.runs + second.runs).map(\.id), ids.reversed())
        },
        .scene("a page goes on where it ended, though the run there is gone") { scene in
            let old = try await scene.accept("e1")
            let middle = try await scene.running("e2", job: "index")
            let new = try await scene.accept("e3")
            try await scene.settle(middle, .complete(result: nil))
            let first = try await scene.store.runs(RunQuery(limit: 2))
            try expect("the first page", first.runs.map(\.id), [new, middle.lease.run])
            _ = try await scene.store.prune(
                runsBefore: scene.second(50), eventsBefore: scene.second(50), limit: 10)
            let second = try await scene.store.runs(RunQuery(before: first.next, limit: 2))
            try expect("the second page", second.runs.map(\.id), [old])
        },
        .scene("a limit of zero lists nothing") { scene in
            try await scene.accept("e1")
            try expect("the page", try await scene.store.runs(RunQuery(limit: 0)), RunPage(runs: [], next: nil))
        },
        .scene("runs are found by state, by job and by trigger") { scene in
            var ids: [RunState: RunID] = [:]
            for state in RunState.allCases {
                ids[state] = try await scene.run(at: state, event: "e-\(state)", job: "job-\(state)")
            }
            let byHand = try await scene.accept("by-hand", trigger: nil)
            func found(_ filter: RunFilter) async throws -> [RunID?] {
                try await scene.store.runs(RunQuery(filter)).runs.map(\.id).reversed()
            }
            for state in RunState.allCases where state != .available {
                try expect("those that are \(state)", try await found(RunFilter(states: [state])), [ids[state]])
                try expect("those of a job", try await found(RunFilter(job: "job-\(state)")), [ids[state]])
            }
            let some = try await found(RunFilter(states: [.dead, .running]))
            try expect("those of two states", some, [ids[.running], ids[.dead]])
            let ofTrigger = try await found(RunFilter(trigger: "orders"))
            try expect("those of a trigger", ofTrigger.count, RunState.allCases.count)
            try expect("none of it was by hand", !ofTrigger.contains(byHand))
            try expect("of another trigger", try await found(RunFilter(trigger: "other")), [])
            try expect("of another job", try await found(RunFilter(job: "job")), [])
            let both = try await found(RunFilter(states: [.dead], job: "job-running"))
            try expect("what fits one but not the other", both, [])
        },
        .scene("runs are found by text, in whatever case") { scene in
            let event = Event(id: "Invoice-17", source: "/hidden", type: "Order.PLACED", subject: "Customer Nguyen")
            let new = scene.newRun("Send-Receipt", trigger: "Shop-Front")
            _ = try await scene.store.accept([
                IntakeRecord(event: event, acceptedAt: scene.second(0), runs: [new])
            ])
            let claimed = try await scene.claimOne("Send-Receipt")
            try await scene.settle(claimed, .die(reason: "Mailbox FULL", history: RunHistory()))
            try await scene.accept("other")
            func found(_ text: String) async throws -> [RunID] {
                try await scene.store.runs(RunQuery(RunFilter(text: text))).runs.map(\.id)
            }
            for text in ["d-RECEIPT", "shop-f", "invoice-17", "nguyen", "mailbox full"] {
                try expect("those with \"\(text)\"", try await found(text), [new.id])
            }
            try expect("those of the type", try await found("order.PLACED").count, 2)
            try expect("those with \"hidden\"", try await found("hidden"), [])
            try expect("those with nothing", try await found("").count, 2)
        },
        .scene("signs that mean something in patterns are found as they are") { scene in
            let id = try await scene.accept("100%_\\'[a]*?")
            try await scene.accept("100 and more")
            for text in ["0%", "%_", "_\\", "\\'", "[a]", "*?"] {
                let page = try await scene.store.runs(RunQuery(RunFilter(text: text)))
                try expect("those with \(text)", page.runs.map(\.id), [id])
            }
        },
        .scene("a filter and a cursor work together") { scene in
            var ids: [RunID] = []
            for number in 0..<12 {
                let id = try await scene.accept("e\(number)", job: number % 3 == 0 ? "send" : "index")
                if number % 3 == 0 { ids.append(id) }
            }
            let first = try await scene.store.runs(RunQuery(RunFilter(job: "send"), limit: 2))
            let second = try await scene.store.runs(RunQuery(RunFilter(job: "send"), before: first.next, limit: 2))
            try expect("the runs", (first.runs + second.runs).map(\.id), ids.reversed())
            try expect("the next page", second.next, nil)
        },
        .scene("runs are counted by job and state, without those completed or cancelled") { scene in
            for state in RunState.allCases {
                _ = try await scene.run(at: state, event: "e-\(state)", job: "job-\(state)")
            }
            try await scene.accept("more-1", job: "job-available", runAt: 900)
            try await scene.accept("more-2", job: "job-available")
            let counts = try await scene.store.counts().mapValues { $0.filter { $0.value != 0 } }
            let expected: [String: [RunState: Int]] = [
                "job-scheduled": [.scheduled: 1], "job-available": [.available: 2, .scheduled: 1],
                "job-running": [.running: 1], "job-retryable": [.retryable: 1], "job-dead": [.dead: 1],
            ]
            try expect("the counts", counts.filter { !$0.value.isEmpty }, expected)
        },
    ]
}
