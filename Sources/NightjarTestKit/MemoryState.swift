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
        /// By job, the runs that it joined and that are not its own.
        var joined: [String: RunID] = [:]
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
        /// Whether the runs of its key that were accepted after it wait while it is dead.
        var stopsKey = false
        /// From when on its deadline counts.
        var startsOverAt: Timestamp
        /// What it asked of others with its unique key.
        var unique: UniqueClaim?
        /// What is known of it if it collects, or has collected, events.
        var collecting: Collecting?
        /// The events that it collected, its first one included.
        var items: [Item] = []

        struct Collecting {
            var key: String
            var keep: DebouncePolicy.Keep
            var run: CollectingRun
            /// Whether no event may join, also while it is scheduled.
            var isClosed: Bool
        }

        struct Item {
            var item: RunItem
            var isDone = false
        }

        /// What its handler gets of the events, if it gets an array.
        var handed: [Item]? { collecting?.keep == .all ? items : nil }

        var rank: Int64 { RunRank.of(runAt: run.runAt, priority: run.priority) }
    }

    /// A key of a job. Its bytes count.
    struct LaneKey: Hashable {
        var job: String
        var key: [UInt8]

        init(job: String, key: String) {
            self.job = job
            self.key = Array(key.utf8)
        }

        init?(_ run: Run) {
            guard let key = run.key else { return nil }
            self.init(job: run.job, key: key)
        }
    }

    /// What is known of a key of a job, for as long as it has unfinished runs or its rate means something.
    struct Lane {
        /// When it was served last, or its first run came, compared with others.
        var turn: Int64
        /// The theoretical arrival of its rate.
        var arrival = Timestamp(microsecondsSince1970: 0)
    }

    /// In the order of acceptance.
    var events: [StoredEvent] = []
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
    var lastTurn: Int64 = 0
    /// When the runs without keys of jobs that have a key were served last.
    var keylessTurns: [String: Int64] = [:]
    /// The theoretical arrivals of the jobs' rates.
    var arrivals: [String: Timestamp] = [:]

    /// The event of a record: its sequence, and whether it came for the first time.
    mutating func take(_ record: IntakeRecord) -> (sequence: Int64, isNew: Bool) {
        let key = EventKey(record.event)
        if let known = sequences[key] { return (known, false) }
        lastSequence += 1
        sequences[key] = lastSequence
        events.append(
            StoredEvent(
                sequence: lastSequence, event: record.event, acceptedAt: record.acceptedAt, refusals: record.refusals,
                addressee: record.addressee, runs: [:]))
        return (lastSequence, true)
    }

    /// Whether the event was taken, and is still there.
    func knows(_ event: Event) -> Bool { sequences[EventKey(event)] != nil }

    /// Sees to it that the key has a lane.
    mutating func open(_ lane: LaneKey) {
        if lanes[lane] == nil { lanes[lane] = Lane(turn: nextTurn()) }
    }

    mutating func nextTurn() -> Int64 {
        lastTurn += 1
        return lastTurn
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
        let unmatched = events.filter { $0.runs.isEmpty && $0.joined.isEmpty && $0.acceptedAt < eventsBefore }
            .sorted { ($0.acceptedAt, $0.sequence) < ($1.acceptedAt, $1.sequence) }
        var removed = Set(unmatched.prefix(max(0, limit)).map(\.sequence))
        var doomed = 0
        var joined = 0
        for stored in oldestFirst.prefix(max(0, limit)) where joined < limit {
            doomed += 1
            joined += stored.items.count
            runs[stored.run.id] = nil
            // Events that joined it go as well, unless another run has them.
            let items = stored.items.compactMap { sequences[EventKey($0.item.event)] }
            for sequence in items.isEmpty ? [stored.event] : items {
                let position = position(of: sequence)
                events[position].runs[stored.run.job] = nil
                events[position].joined[stored.run.job] = nil
                if events[position].runs.isEmpty, events[position].joined.isEmpty { removed.insert(sequence) }
            }
        }
        for event in events where removed.contains(event.sequence) { sequences[EventKey(event.event)] = nil }
        events.removeAll { removed.contains($0.sequence) }
        return doomed + removed.count + pruneLanes(before: eventsBefore, limit: limit)
    }

    private mutating func pruneLanes(before time: Timestamp, limit: Int) -> Int {
        let inUse = Set(live.compactMap { runs[$0] }.compactMap { LaneKey($0.run) })
        let over = lanes.filter { !inUse.contains($0.key) && $0.value.arrival < time }.sorted { left, right in
            if left.value.arrival != right.value.arrival { return left.value.arrival < right.value.arrival }
            if left.key.job != right.key.job { return left.key.job < right.key.job }
            return left.key.key.lexicographicallyPrecedes(right.key.key)
        }
        let doomed = over.prefix(max(0, limit))
        for (lane, _) in doomed { lanes[lane] = nil }
        return doomed.count
    }
}

extension MemoryState {
    /// Removes the oldest events without runs that are more than so many.
    mutating func pruneUnmatched(keeping: Int, limit: Int) -> Int {
        let unmatched = events.filter { $0.runs.isEmpty && $0.joined.isEmpty }
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
