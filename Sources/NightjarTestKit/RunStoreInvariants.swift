import CloudEvents
public import NightjarCore

/// What holds in every store at every time, read through its public face.
public enum RunStoreInvariants {
    /// Looks at every run of the store.
    /// - Returns: what should never be seen, in words; empty if all is well. Runs that are made while it looks may be missed.
    public static func violations(in store: any RunStore) async throws(StoreError) -> [String] {
        var found: [String] = []
        var tokens: Set<FencingToken> = []
        var purposes: Set<[[UInt8]]> = []
        var counts: [String: [RunState: Int]] = [:]
        let counted = try await store.counts()
        var query = RunQuery(limit: 500)
        while true {
            let page = try await store.runs(query)
            for run in page.runs {
                found += violations(of: run)
                if let token = run.lease?.token, !tokens.insert(token).inserted {
                    found.append("two leases share the fencing token \(token)")
                }
                if !purposes.insert([run.event.source, run.event.id, run.job].map { Array($0.utf8) }).inserted {
                    found.append("the event \(run.event.id) of \(run.event.source) made two runs of \(run.job)")
                }
                if run.state != .completed, run.state != .cancelled {
                    counts[run.job, default: [:]][run.state, default: 0] += 1
                }
            }
            guard let next = page.next else { break }
            query.before = next
        }
        let nonzero = counted.mapValues { $0.filter { $0.value != 0 } }.filter { !$0.value.isEmpty }
        if nonzero != counts { found.append("the store counts \(nonzero), its lists have \(counts)") }
        return found
    }

    /// What should never be seen of one run.
    public static func violations(of run: Run) -> [String] {
        var found: [String] = []
        func note(_ isWrong: Bool, _ what: String) {
            if isWrong { found.append("run \(run.id) (\(run.job), \(run.state)) \(what)") }
        }
        note((run.state == .running) != (run.lease != nil), "is running without a lease, or has one without running")
        note(run.state.isFinished != (run.finishedAt != nil), "is finished without a time, or has one unfinished")
        note(run.isCancelRequested && run.state != .running, "has a cancel request though it does not run")
        let underWay = run.attempts.filter { $0.endedAt == nil }
        note(underWay.count != (run.state == .running ? 1 : 0), "has \(underWay.count) attempts under way")
        let numbers = run.attempts.map(\.number)
        note(zip(numbers, numbers.dropFirst()).contains { $0 >= $1 }, "has attempts out of order: \(numbers)")
        return found
    }
}
