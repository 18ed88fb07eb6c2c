import CloudEvents
import NightjarCore

/// What a memory store holds, and what each of its transactions does to it: a value without clock, lock or await.
///
/// It is the oracle that other stores are compared with, so it is plain before it is fast: no index but the dictionaries.
/// Nothing that it answers depends on the order of a `Set` or `Dictionary`, which differs from process to process.
struct MemoryState {
    /// An event's identity. Its bytes count: Swift's strings call equal what differs in Unicode normalization.
    struct EventKey: Hashable {
        var source: [UInt8]
        var id: [UInt8]

        init(_ event: Event) {
            source = Array(event.source.utf8)
            id = Array(event.id.utf8)
        }
    }

    struct StoredEvent {
        var sequence: Int64
        var event: Event
        var acceptedAt: Timestamp
        var refusals: [Decision]
        var addressee: EventAddressee
        /// The event's runs by job.
        var runs: [String: RunID]
    }

    struct StoredRun {
        /// As people see it, but for the attempt under way.
        var run: Run
        /// The event's sequence.
        var event: Int64
        /// How many attempts were begun, but for those given back.
        var attempt = 0
        var startedAt = Timestamp.distantPast
        var history = RunHistory()
        /// Whether the runs of its key wait while it is dead.
        var stopsKey = false

        var rank: Int64 { RunRank.of(runAt: run.runAt, priority: run.priority) }
    }

    /// What is known of a key of a job, for as long as it has unfinished runs.
    struct LaneKey: Hashable {
        var job: String
        var key: String
    }

    struct Lane {
        /// When a run of it last started, or its first came; later, if its rate says so.
        var readyAt: Timestamp
        /// The theoretical arrival of its rate.
        var arrival: Timestamp?

        /// Whether nothing would change if it were forgotten.
        func isOver(_ time: Timestamp) -> Bool { readyAt < time && arrival ?? .distantPast < time }
    }

    /// In the order of acceptance.
    private(set) var events: [StoredEvent] = []
    private var sequences: [EventKey: Int64] = [:]
    private var lastSequence: Int64 = 0
    var lastToken: FencingToken = 0
    var runs: [RunID: StoredRun] = [:]
    /// The runs that are not finished.
    var live: Set<RunID> = []
    var sourceStates: [String: [String: [UInt8]]] = [:]
    var pauses: Set<Pause> = []
    var deadNodes: Set<NodeID> = []
    var lanes: [LaneKey: Lane] = [:]
    /// The theoretical arrivals of the jobs' rates.
    var arrivals: [String: Timestamp] = [:]

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
                if let stored = runs[new.id]?.run {
                    known = Purpose(event: EventKey(stored.event), job: stored.job)
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

    /// Takes a record that passed ``check(_:)``.
    mutating func accept(_ record: IntakeRecord) -> Acceptance {
        let key = EventKey(record.event)
        let known = sequences[key]
        if record.isReplay, known == nil {
            return Acceptance(source: record.event.source, id: record.event.id, outcome: .duplicate, runs: [])
        }
        if known == nil {
            lastSequence += 1
            sequences[key] = lastSequence
            events.append(
                StoredEvent(
                    sequence: lastSequence, event: record.event, acceptedAt: record.acceptedAt,
                    refusals: record.refusals, addressee: record.addressee, runs: [:]))
        }
        let index = position(of: known ?? lastSequence)
        var ids: [RunID] = []
        var decided = record
        for new in record.runs {
            if let existing = events[index].runs[new.job] {
                ids.append(existing)
                continue
            }
            if let reason = dropReason(new, at: record.acceptedAt) {
                let refusal = Decision(trigger: new.trigger, job: new.job, outcome: .refused, reason: reason)
                decided.refusals.append(refusal)
                if known == nil { events[index].refusals.append(refusal) }
                continue
            }
            insert(new, of: events[index], at: record.acceptedAt)
            events[index].runs[new.job] = new.id
            ids.append(new.id)
        }
        if record.isReplay {
            events[index].refusals = decided.refusals(replacing: events[index].refusals)
        }
        for change in record.stateChanges { sourceStates[change.trigger, default: [:]][change.key] = change.value }
        return Acceptance(
            source: record.event.source, id: record.event.id, outcome: known == nil ? .accepted : .duplicate, runs: ids)
    }

    private mutating func insert(_ new: NewRun, of event: StoredEvent, at now: Timestamp) {
        let run = Run(
            id: new.id, job: new.job, state: new.runAt <= now ? .available : .scheduled, trigger: new.trigger,
            event: event.event, input: new.input, priority: new.priority, createdAt: now, runAt: new.runAt,
            expiresAt: new.expiresAt, key: new.key)
        runs[new.id] = StoredRun(run: run, event: event.sequence, stopsKey: new.stopsKey)
        live.insert(new.id)
        guard let key = new.key else { return }
        let lane = LaneKey(job: new.job, key: key)
        if lanes[lane] == nil { lanes[lane] = Lane(readyAt: now) }
    }

    /// Why a run is not made, if its job's or its key's rate is used up; else it is counted.
    private mutating func dropReason(_ new: NewRun, at now: Timestamp) -> String? {
        let lane = new.key.map { LaneKey(job: new.job, key: $0) }
        let keyRate = lane == nil ? nil : new.dropsBeyond.key
        if let rate = new.dropsBeyond.job, rate.available(arrivals[new.job], at: now) < 1 {
            return rate.dropReason
        }
        if let rate = keyRate, let lane, rate.available(lanes[lane]?.arrival, at: now) < 1 {
            return rate.dropReason(key: lane.key)
        }
        if let rate = new.dropsBeyond.job { arrivals[new.job] = rate.arrival(arrivals[new.job], after: 1, at: now) }
        if let rate = keyRate, let lane {
            lanes[lane, default: Lane(readyAt: now)].arrival = rate.arrival(lanes[lane]?.arrival, after: 1, at: now)
        }
        return nil
    }

    /// Where in ``events`` the first event stands whose sequence is not less than `sequence`.
    func position(of sequence: Int64) -> Int {
        var low = 0
        var high = events.count
        while low < high {
            let middle = (low + high) / 2
            if events[middle].sequence < sequence { low = middle + 1 } else { high = middle }
        }
        return low
    }

    /// Whether the events' identities and their order contradict each other.
    var sequencesAreBroken: Bool {
        guard sequences.count == events.count else { return true }
        var last: Int64 = 0
        for event in events {
            guard event.sequence > last, sequences[EventKey(event.event)] == event.sequence else { return true }
            last = event.sequence
        }
        return last > lastSequence
    }

    /// Removes old finished runs of old events, each event with its last run, and old events that never had a run. Dead
    /// runs stay, and keep their events.
    mutating func prune(runsBefore: Timestamp, eventsBefore: Timestamp, limit: Int) -> Int {
        let finished = runs.values.filter { stored in
            guard stored.run.state == .completed || stored.run.state == .cancelled else { return false }
            // Its event must be old too: should that come again, it makes no second run.
            return (stored.run.finishedAt ?? .distantFuture) < min(runsBefore, eventsBefore)
                && events[position(of: stored.event)].acceptedAt < eventsBefore
        }
        let oldestFirst = finished.sorted { ($0.run.finishedAt, $0.run.id) < ($1.run.finishedAt, $1.run.id) }
        let doomed = oldestFirst.prefix(max(0, limit))
        let unmatched = events.lazy.filter { $0.runs.isEmpty && $0.acceptedAt < eventsBefore }
        var removed = Set(unmatched.prefix(max(0, limit)).map(\.sequence))
        for stored in doomed {
            runs[stored.run.id] = nil
            let position = position(of: stored.event)
            events[position].runs[stored.run.job] = nil
            if events[position].runs.isEmpty { removed.insert(stored.event) }
        }
        for event in events where removed.contains(event.sequence) { sequences[EventKey(event.event)] = nil }
        events.removeAll { removed.contains($0.sequence) }
        let inUse = Set(
            runs.values.filter { !$0.run.state.isFinished }.compactMap { stored in
                stored.run.key.map { LaneKey(job: stored.run.job, key: $0) }
            })
        if limit > 0 { lanes = lanes.filter { inUse.contains($0.key) || !$0.value.isOver(eventsBefore) } }
        return doomed.count + removed.count
    }
}

extension MemoryState {
    /// Removes the oldest events without runs that are more than so many.
    mutating func pruneUnmatched(keeping: Int, limit: Int) -> Int {
        let unmatched = events.filter(\.runs.isEmpty)
        let doomed = unmatched.prefix(max(0, min(limit, unmatched.count - max(0, keeping))))
        for event in doomed { sequences[EventKey(event.event)] = nil }
        let removed = Set(doomed.map(\.sequence))
        events.removeAll { removed.contains($0.sequence) }
        return removed.count
    }
}

/// Orders by time, then by id; what has no time comes last.
private func < (left: (Timestamp?, RunID), right: (Timestamp?, RunID)) -> Bool {
    let first = left.0 ?? .distantFuture
    let second = right.0 ?? .distantFuture
    return first == second ? left.1 < right.1 : first < second
}
