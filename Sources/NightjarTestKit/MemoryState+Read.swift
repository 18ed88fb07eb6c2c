import CloudEvents
import NightjarCore

extension MemoryState {
    func run(_ id: RunID) -> Run? {
        guard let stored = runs[id] else { return nil }
        return shown(stored)
    }

    /// Every run, oldest first.
    func allRuns() -> [Run] {
        runs.values.map(shown).sorted { $0.id < $1.id }
    }

    func runs(_ query: RunQuery) -> RunPage {
        guard query.limit > 0 else { return RunPage(runs: [], next: nil) }
        let fitting = runs.values.filter { stored in
            if let before = query.before, stored.run.id >= before { return false }
            return Self.fits(stored.run, query.filter)
        }
        let newestFirst = fitting.sorted { $0.run.id > $1.run.id }
        let page = newestFirst.prefix(query.limit).map { stored in
            var run = shown(stored)
            run.event.data = nil
            run.input = nil
            run.result = nil
            for index in run.attempts.indices { run.attempts[index].output = nil }
            return run
        }
        return RunPage(runs: page, next: newestFirst.count > query.limit ? page.last?.id : nil)
    }

    /// The run with the attempt that is under way.
    private func shown(_ stored: StoredRun) -> Run {
        var run = stored.run
        if let items = stored.handed {
            run.items = items.count
            run.itemsDone = run.state == .completed ? items.count : items.filter(\.isDone).count
        }
        if let lease = run.lease {
            run.attempts.append(Attempt(number: stored.attempt, node: lease.node, startedAt: stored.startedAt))
        }
        return run
    }

    func events(id: String, source: String?) -> [EventRecord] {
        let found = events.filter { stored in
            guard stored.event.id.utf8.elementsEqual(id.utf8) else { return false }
            return source.map { stored.event.source.utf8.elementsEqual($0.utf8) } ?? true
        }
        return found.reversed().map(record)
    }

    func events(after sequence: Int64?, limit: Int) -> [EventRecord] {
        guard let sequence else { return events.suffix(max(0, limit)).map(record) }
        let (next, overflow) = sequence.addingReportingOverflow(1)
        if overflow { return [] }
        return events[position(of: next)...].prefix(max(0, limit)).map(record)
    }

    func events(_ query: EventQuery) -> [EventRecord] {
        guard query.limit > 0 else { return [] }
        var found: [EventRecord] = []
        var bytes = 0
        for stored in events[min(events.count, position(of: max(1, query.after)))...] {
            guard stored.sequence > query.after, !query.isUnmatched || stored.runs.isEmpty && stored.joined.isEmpty,
                query.fits(type: stored.event.type, source: stored.event.source, acceptedAt: stored.acceptedAt)
            else { continue }
            found.append(record(stored))
            bytes += stored.event.data?.count ?? 0
            if found.count == query.limit || bytes >= query.mostBytes { break }
        }
        return found
    }

    func count(_ filter: RunFilter) -> Int {
        runs.values.count { Self.fits($0.run, filter) }
    }

    private func record(_ stored: StoredEvent) -> EventRecord {
        let started = stored.runs.values.sorted().compactMap { runs[$0]?.run }.map { run in
            Decision(trigger: run.trigger, job: run.job, outcome: .started, run: run.id)
        }
        let joined = stored.joined.sorted { $0.value < $1.value }.compactMap { job, id in
            runs[id]?.items.first { EventKey($0.item.event) == EventKey(stored.event) }.map {
                Decision(trigger: $0.item.trigger, job: job, outcome: .joined, run: id)
            }
        }
        return EventRecord(
            sequence: stored.sequence, event: stored.event, acceptedAt: stored.acceptedAt,
            decisions: started + joined + stored.refusals, addressee: stored.addressee)
    }

    func counts() -> [String: [RunState: Int]] {
        var counts: [String: [RunState: Int]] = [:]
        for stored in runs.values where stored.run.state != .completed && stored.run.state != .cancelled {
            counts[stored.run.job, default: [:]][stored.run.state, default: 0] += 1
        }
        return counts
    }

    /// What should never be seen, in words; empty if all is well.
    func violations() -> [String] {
        var found: [String] = []
        var tokens: Set<FencingToken> = []
        for (id, stored) in runs.sorted(by: { $0.key < $1.key }) {
            let run = stored.run
            func note(_ isWrong: Bool, _ what: String) {
                if isWrong { found.append("run \(id) (\(run.job), \(run.state)) \(what)") }
            }
            note(
                (run.state == .running) != (run.lease != nil), "is running without a lease, or has one without running")
            note(run.state.isFinished != (run.finishedAt != nil), "is finished without a time, or has one unfinished")
            note(run.state.isFinished == live.contains(id), "is finished yet live, or live yet finished")
            note(run.isCancelRequested && run.state != .running, "has a cancel request though it does not run")
            note(run.attempts.count > stored.attempt, "has more attempts on record than were begun")
            note(Set(run.attempts.map(\.number)).count != run.attempts.count, "has two attempts of one number")
            let event = position(of: stored.event)
            let isKnown = event < events.count && events[event].sequence == stored.event
            note(!isKnown || events[event].runs[run.job] != id, "is not the run of its event and job")
            note(stored.handed?.count ?? 1 > CollectClaim.mostItems, "has collected more events than it may")
            let strangers = stored.items.filter { item in
                !events.contains { EventKey($0.event) == EventKey(item.item.event) }
            }
            note(!strangers.isEmpty, "has collected events that are no longer kept")
            if let token = run.lease?.token {
                note(!tokens.insert(token).inserted, "shares its fencing token \(token)")
                note(token > lastToken, "has a fencing token that was never given out")
            }
        }
        let linked = events.reduce(0) { $0 + $1.runs.count }
        if linked != runs.count { found.append("events have \(linked) runs, the store \(runs.count)") }
        let strays = live.subtracting(runs.keys)
        if !strays.isEmpty { found.append("\(strays.count) live runs do not exist") }
        if sequencesAreBroken { found.append("the order of events and their identities do not fit") }
        return found
    }
}
