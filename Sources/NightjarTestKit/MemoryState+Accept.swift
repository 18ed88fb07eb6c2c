import CloudEvents
import NightjarCore

extension MemoryState {
    mutating func accept(_ batch: [IntakeRecord]) throws(StoreError) -> [Acceptance] {
        try check(batch)
        return batch.map { accept($0) }
    }

    /// Refuses a batch before anything of it is taken: run ids that are in use for something else, two runs of one job.
    func check(_ batch: [IntakeRecord]) throws(StoreError) {
        struct Purpose: Hashable {
            var event: EventKey
            var job: String
        }
        var purposes: [RunID: Purpose] = [:]
        for record in batch {
            var jobs: Set<String> = []
            for new in record.runs {
                let purpose = Purpose(event: EventKey(record.event), job: new.job)
                var known = purposes.updateValue(purpose, forKey: new.id)
                if let stored = runs[new.id], !has(stored, record.event) {
                    known = Purpose(event: EventKey(stored.run.event), job: stored.run.job)
                }
                guard known == nil || known == purpose else {
                    throw StoreError(.conflict, "the run id \(new.id) is in use for another run")
                }
                guard jobs.insert(new.job).inserted else {
                    throw StoreError(.conflict, "the event \(record.event.id) makes two runs for the job \(new.job)")
                }
            }
        }
    }

    /// Whether the event is one of those that the run collected.
    private func has(_ stored: StoredRun, _ event: Event) -> Bool {
        stored.items.contains { EventKey($0.item.event) == EventKey(event) }
    }

    /// Takes a record that passed ``check(_:)``.
    mutating func accept(_ record: IntakeRecord) -> Acceptance {
        if record.isReplay, !knows(record.event) {
            return Acceptance(source: record.event.source, id: record.event.id, outcome: .duplicate, runs: [])
        }
        let (sequence, isNew) = take(record)
        let index = position(of: sequence)
        if record.isReplay { events[index].refusals = record.refusals(replacing: events[index].refusals) }
        var ids: [RunID] = []
        for new in record.runs {
            if !isNew, let known = knownRun(of: events[index], new.job) {
                ids.append(known)
                continue
            }
            if let refusal = make(new, of: index, at: record.acceptedAt, &ids) {
                // A rate says no for now; that another run stands for this one is said for good.
                if isNew || record.isReplay || refusal.run != nil { events[index].refusals.append(refusal) }
                if let id = refusal.run { ids.append(id) }
            }
        }
        for change in record.stateChanges { sourceStates[change.trigger, default: [:]][change.key] = change.value }
        return Acceptance(
            source: record.event.source, id: record.event.id, outcome: isNew ? .accepted : .duplicate, runs: ids)
    }

    /// The run that the event made or joined, or that stands for the one it was not to make.
    private func knownRun(of event: StoredEvent, _ job: String) -> RunID? {
        event.runs[job] ?? event.joined[job] ?? event.refusals.last { $0.job == job && $0.run != nil }?.run
    }

    /// Makes the run, or lets its event join another.
    /// - Returns: why not.
    private mutating func make(
        _ new: NewRun, of index: Int, at now: Timestamp, _ ids: inout [RunID]
    ) -> Decision? {
        func refused(_ reason: String, by run: RunID? = nil) -> Decision {
            Decision(trigger: new.trigger, job: new.job, outcome: .refused, run: run, reason: reason)
        }
        var replaced: [RunID] = []
        if let unique = new.unique {
            switch unique.ruling(firsts(unique, of: new.job)) {
            case .make(let cancelling): replaced = cancelling
            case .refuse(let first): return refused(unique.refusal(by: first), by: first)
            case .extend(let first):
                extend(first, as: new, now: now)
                return refused(unique.refusal(by: first, isExtended: true), by: first)
            }
        }
        if let collect = new.collect, let id = join(new, collect, index, now: now) {
            ids.append(id)
            return nil
        }
        if let reason = dropReason(new, at: now) { return refused(reason) }
        for first in replaced {
            runs[first]?.run.state = .cancelled
            runs[first]?.run.finishedAt = now
            runs[first]?.run.reason = UniqueClaim.replacement(by: new.id)
            live.remove(first)
        }
        insert(new, of: index, at: now)
        ids.append(new.id)
        return nil
    }

    private mutating func insert(_ new: NewRun, of index: Int, at now: Timestamp) {
        let event = events[index]
        var run = Run(
            id: new.id, job: new.job, state: .available, trigger: new.trigger, event: event.event, input: new.input,
            priority: new.priority, createdAt: now, runAt: new.runAt, expiresAt: new.expiresAt, key: new.key)
        var stored = StoredRun(run: run, event: event.sequence, stopsKey: new.stopsKey, startsOverAt: now)
        stored.unique = new.unique
        if let collect = new.collect {
            let bytes = collect.keep == .all ? new.input?.count ?? event.event.data?.count ?? 0 : 0
            let collecting = CollectingRun(first: new, collect, bytes: bytes, at: now)
            run.runAt = collecting.runAt
            run.expiresAt = collecting.expiresAt
            stored.collecting = StoredRun.Collecting(
                key: collect.key, keep: collect.keep, run: collecting,
                isClosed: !collect.isOpen || collecting.isFull)
            stored.items = [
                .init(item: RunItem(position: 0, trigger: new.trigger, event: event.event, input: new.input))
            ]
        }
        // A run that collects has a time of its own by now.
        var first = new
        first.runAt = run.runAt
        run.state = first.firstState(at: now)
        if let earlier = new.earlier {
            run.attempts = [earlier.attempt]
            run.reason = earlier.death ?? earlier.attempt.error
            run.finishedAt = run.state == .dead ? now : nil
            stored.attempt = earlier.attempt.number
            stored.history = earlier.history
        }
        stored.run = run
        runs[new.id] = stored
        if !run.state.isFinished { live.insert(new.id) }
        events[index].runs[new.job] = new.id
        if let lane = LaneKey(run) { open(lane) }
    }

    /// Why a run is not made, if its job's or its key's rate is used up; else it is counted.
    private mutating func dropReason(_ new: NewRun, at now: Timestamp) -> String? {
        let lane = new.key.map { LaneKey(job: new.job, key: $0) }
        if let rate = new.dropsBeyond.job { arrivals[new.job] = rate.clamped(arrivals[new.job], at: now) }
        if let rate = new.dropsBeyond.key, let lane, let arrival = lanes[lane]?.arrival {
            lanes[lane]?.arrival = rate.clamped(arrival, at: now) ?? now
        }
        if let rate = new.dropsBeyond.job, rate.available(arrivals[new.job], at: now) < 1 { return rate.dropReason }
        if let rate = new.dropsBeyond.key, let key = new.key, let lane {
            let arrival = lanes[lane]?.arrival
            if rate.available(arrival, at: now) < 1 { return rate.dropReason(key: key) }
            open(lane)
            lanes[lane]?.arrival = rate.arrival(arrival, after: 1, at: now)
        }
        if let rate = new.dropsBeyond.job { arrivals[new.job] = rate.arrival(arrivals[new.job], after: 1, at: now) }
        return nil
    }
}

// Uniqueness.
extension MemoryState {
    /// The runs that count as the first of this one: the unfinished ones, latest event first, or else the completed one that
    /// came last.
    private func firsts(_ claim: UniqueClaim, of job: String) -> [UniqueClaim.First] {
        let same = runs.values.filter { stored in
            guard let key = stored.unique?.key, stored.run.job == job, key.utf8.elementsEqual(claim.key.utf8) else {
                return false
            }
            return claim.states.contains(stored.run.state) && stored.run.createdAt > claim.after ?? .distantPast
        }
        let unfinished = same.filter { !$0.run.state.isFinished }.sorted { $0.event > $1.event }
        let completed = same.filter { stored in
            stored.run.state == .completed && stored.unique?.states.contains(.completed) == true
        }
        let last = completed.max { ($0.run.createdAt, $0.run.id) < ($1.run.createdAt, $1.run.id) }
        return (unfinished.isEmpty ? last.map { [$0] } ?? [] : unfinished).map {
            UniqueClaim.First(id: $0.run.id, state: $0.run.state)
        }
    }

    /// Gives a first that waits the time of a second. One that is to be retried stays so.
    private mutating func extend(_ first: RunID, as second: NewRun, now: Timestamp) {
        guard var stored = runs[first] else { return }
        if second.runAt <= now {
            stored.run.state = .available
        } else if stored.run.state != .retryable {
            stored.run.state = .scheduled
        }
        stored.run.runAt = second.runAt
        stored.run.expiresAt = second.expiresAt
        stored.collecting?.isClosed = true
        runs[first] = stored
    }
}

// Runs that collect.
extension MemoryState {
    /// Lets the event join the open run, if there is one: the run that it joined.
    private mutating func join(_ new: NewRun, _ claim: CollectClaim, _ index: Int, now: Timestamp) -> RunID? {
        let open = live.sorted().first { id in
            guard claim.isOpen, let stored = runs[id], stored.run.job == new.job, stored.run.state == .scheduled,
                stored.run.runAt >= now, let collecting = stored.collecting, !collecting.isClosed
            else { return false }
            return collecting.key.utf8.elementsEqual(claim.key.utf8)
        }
        guard let open, var stored = runs[open], var collecting = stored.collecting else { return nil }
        let event = events[index]
        let bytes = collecting.keep == .all ? new.input?.count ?? event.event.data?.count ?? 0 : 0
        stored.items.append(
            .init(
                item: RunItem(
                    position: collecting.run.count, trigger: new.trigger, event: event.event, input: new.input)))
        collecting.run.runAt = stored.run.runAt
        collecting.run.expiresAt = stored.run.expiresAt
        collecting.run.join(new, bytes: bytes, at: now)
        collecting.isClosed = collecting.run.isFull
        stored.run.runAt = collecting.run.runAt
        stored.run.expiresAt = collecting.run.expiresAt
        if collecting.isClosed, stored.run.runAt <= now { stored.run.state = .available }
        stored.collecting = collecting
        if collecting.keep == .last {
            let before = position(of: stored.event)
            events[before].runs[new.job] = nil
            events[before].joined[new.job] = open
            events[index].runs[new.job] = open
            stored.event = event.sequence
            stored.run.event = event.event
            stored.run.trigger = new.trigger
            stored.run.input = new.input
            stored.run.priority = new.priority
        } else {
            events[index].joined[new.job] = open
        }
        runs[open] = stored
        return open
    }
}
