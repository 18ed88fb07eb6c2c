import CloudEvents
import NightjarCore

/// What a memory store holds, as a value: the simplest thing that keeps the contract, and so the oracle for the others.
struct MemoryState: Sendable {
    struct StoredRun: Sendable {
        var run: Run
        var sequence: Int64
        var attempt = 0
        var history = RunHistory()
    }

    struct StoredEvent: Sendable {
        var event: Event
        var acceptedAt: Timestamp
        var refusals: [Decision]
    }

    struct Identity: Hashable, Sendable {
        var source: String
        var id: String
    }

    private(set) var events: [Int64: StoredEvent] = [:]
    private(set) var identities: [Identity: Int64] = [:]
    private(set) var runs: [RunID: StoredRun] = [:]
    private(set) var nextSequence: Int64 = 1
    private(set) var lastToken: FencingToken = 0
    private(set) var sourceStates: [String: [String: [UInt8]]] = [:]
    var pauses: Set<Pause> = []
    /// Grows with every call that may have changed something.
    var revision = 0

    /// All runs, in the order of their ids.
    var orderedRuns: [StoredRun] { runs.values.sorted { $0.run.id < $1.run.id } }

    // MARK: Intake

    mutating func accept(_ batch: [IntakeRecord]) -> [Acceptance] {
        batch.map { record in
            let identity = Identity(source: record.event.source, id: record.event.id)
            let known = identities[identity]
            let sequence = known ?? nextSequence
            if known == nil {
                nextSequence += 1
                identities[identity] = sequence
                events[sequence] = StoredEvent(
                    event: record.event, acceptedAt: record.acceptedAt, refusals: record.refusals)
            }
            var answer = Acceptance(
                source: identity.source, id: identity.id, outcome: known == nil ? .accepted : .duplicate, runs: [])
            for new in record.runs {
                if let existing = orderedRuns.first(where: { $0.sequence == sequence && $0.run.job == new.job }) {
                    answer.runs.append(existing.run.id)
                    continue
                }
                runs[new.id] = StoredRun(
                    run: Run(
                        id: new.id, job: new.job, state: new.runAt <= record.acceptedAt ? .available : .scheduled,
                        trigger: new.trigger, event: events[sequence]?.event ?? record.event, priority: new.priority,
                        createdAt: record.acceptedAt, runAt: new.runAt), sequence: sequence)
                answer.runs.append(new.id)
            }
            for change in record.stateChanges { sourceStates[change.trigger, default: [:]][change.key] = change.value }
            return answer
        }
    }

    // MARK: Leases

    mutating func claim(_ request: ClaimRequest) -> ClaimResult {
        for (id, stored) in runs
        where (stored.run.state == .scheduled || stored.run.state == .retryable) && stored.run.runAt <= request.now {
            runs[id]?.run.state = .available
        }
        var claimed: [ClaimedRun] = []
        for demand in request.demands {
            let candidates = runs.values.filter { stored in
                stored.run.state == .available && stored.run.job == demand.job
                    && !(stored.run.trigger.map(request.pausedTriggers.contains) ?? false)
            }.sorted {
                (-$0.run.priority, $0.run.runAt, $0.sequence) < (-$1.run.priority, $1.run.runAt, $1.sequence)
            }
            for candidate in candidates.prefix(max(0, min(demand.limit, request.limit - claimed.count))) {
                claimed.append(lease(candidate, request))
            }
        }
        return ClaimResult(
            runs: claimed,
            nextDueAt: runs.values.filter { $0.run.state == .scheduled || $0.run.state == .retryable }
                .map(\.run.runAt).min())
    }

    private mutating func lease(_ stored: StoredRun, _ request: ClaimRequest) -> ClaimedRun {
        lastToken += 1
        let lease = Lease(
            run: stored.run.id, token: lastToken, node: request.node, expiresAt: request.leaseExpiresAt)
        var stored = stored
        stored.attempt += 1
        stored.run.state = .running
        stored.run.lease = lease
        stored.run.attempts.append(Attempt(number: stored.attempt, node: request.node, startedAt: request.now))
        runs[stored.run.id] = stored
        return ClaimedRun(
            job: stored.run.job, trigger: stored.run.trigger, event: stored.run.event, attempt: stored.attempt,
            history: stored.history, createdAt: stored.run.createdAt, lease: lease)
    }

    mutating func renew(_ leases: [Lease], until expiry: Timestamp, now: Timestamp) -> [LeaseRenewal] {
        leases.map { lease in
            guard let run = holder(lease), let current = run.run.lease, current.expiresAt > now else { return .lost }
            runs[lease.run]?.run.lease?.expiresAt = expiry
            return run.run.isCancelRequested ? .cancelRequested : .renewed
        }
    }

    mutating func report(_ progress: [(lease: Lease, progress: Progress)]) {
        for (lease, progress) in progress where holder(lease) != nil { runs[lease.run]?.run.progress = progress }
    }

    private func holder(_ lease: Lease) -> StoredRun? {
        guard let stored = runs[lease.run], stored.run.state == .running, stored.run.lease?.token == lease.token else {
            return nil
        }
        return stored
    }

    func cancelRequests(node: NodeID) -> [RunID] {
        orderedRuns.filter { $0.run.lease?.node == node && $0.run.isCancelRequested }.map(\.run.id)
    }

    func expired(now: Timestamp, limit: Int) -> [ExpiredRun] {
        let expired = runs.values.compactMap { stored -> ExpiredRun? in
            guard let lease = stored.run.lease, lease.expiresAt <= now else { return nil }
            return ExpiredRun(
                job: stored.run.job, lease: lease, attempt: stored.attempt,
                startedAt: stored.run.attempts.last?.startedAt ?? now, history: stored.history,
                isCancelRequested: stored.run.isCancelRequested)
        }
        return Array(expired.sorted { $0.lease.token < $1.lease.token }.prefix(limit))
    }

    // MARK: Settling

    mutating func settle(_ settlements: [Settlement]) -> [SettleResult] {
        settlements.map { settlement in
            guard var stored = holder(settlement.lease), let lease = stored.run.lease else { return .leaseLost }
            if settlement.onlyIfExpired, lease.expiresAt > settlement.at { return .leaseLost }
            stored.run.attempts.removeLast()
            if let attempt = settlement.attempt { stored.run.attempts.append(attempt) }
            if let progress = settlement.progress { stored.run.progress = progress }
            stored.run.lease = nil
            stored.run.isCancelRequested = false
            var emitted: [Acceptance] = []
            switch settlement.transition {
            case .complete(let result):
                stored.run.state = .completed
                stored.run.result = result
                stored.run.reason = nil
                stored.run.finishedAt = settlement.at
            case .retry(let runAt, let history):
                stored.run.state = runAt <= settlement.at ? .available : .retryable
                stored.run.runAt = runAt
                stored.run.reason = settlement.attempt?.error
                stored.history = history
            case .die(let reason, let history):
                stored.run.state = .dead
                stored.run.reason = reason
                stored.run.finishedAt = settlement.at
                stored.history = history
            case .cancel(let reason):
                stored.run.state = .cancelled
                stored.run.reason = reason
                stored.run.finishedAt = settlement.at
            case .release:
                stored.run.state = .available
                stored.attempt -= 1
            }
            runs[settlement.lease.run] = stored
            if case .complete = settlement.transition { emitted = accept(settlement.emitted) }
            return .settled(stored.run.state, emitted: emitted)
        }
    }

    // MARK: By hand

    mutating func change(
        _ command: RunCommand, _ selection: RunSelection, now: Timestamp, limit: Int
    ) -> [RunChange] {
        switch selection {
        case .ids(let ids):
            var seen: Set<RunID> = []
            return ids.prefix(limit).filter { seen.insert($0).inserted }.map { change(command, $0, now: now) }
        case .filter(let filter):
            return orderedRuns.filter { Self.fits($0.run, filter) }.prefix(limit).map {
                change(command, $0.run.id, now: now)
            }
        }
    }

    private mutating func change(_ command: RunCommand, _ id: RunID, now: Timestamp) -> RunChange {
        guard var stored = runs[id] else { return RunChange(id: id, job: nil, outcome: .notFound) }
        defer { runs[id] = stored }
        let outcome: RunChange.Outcome
        switch (command, stored.run.state) {
        case (.retry, .dead), (.retry, .cancelled):
            stored.history = RunHistory()
            stored.run.reason = nil
            stored.run.result = nil
            stored.run.progress = nil
            stored.run.finishedAt = nil
            stored.run.isCancelRequested = false
            stored.run.state = .available
            stored.run.runAt = now
            outcome = .changed(.available)
        case (.retry, .scheduled), (.retry, .retryable):
            stored.run.state = .available
            stored.run.runAt = now
            outcome = .changed(.available)
        case (.cancel, .scheduled), (.cancel, .available), (.cancel, .retryable):
            stored.run.state = .cancelled
            stored.run.reason = "cancelled by hand"
            stored.run.finishedAt = now
            outcome = .changed(.cancelled)
        case (.cancel, .running):
            stored.run.isCancelRequested = true
            outcome = .cancelRequested
        case (.discard, .dead):
            stored.run.state = .cancelled
            stored.run.reason = "discarded by hand"
            stored.run.finishedAt = now
            outcome = .changed(.cancelled)
        default:
            outcome = .notApplicable(stored.run.state)
        }
        return RunChange(id: id, job: stored.run.job, outcome: outcome)
    }

    mutating func prune(runsBefore: Timestamp, eventsBefore: Timestamp, limit: Int) -> Int {
        let oldRuns = runs.values.filter {
            ($0.run.state == .completed || $0.run.state == .cancelled)
                && ($0.run.finishedAt.map { $0 < runsBefore } ?? false)
        }.sorted {
            ($0.run.finishedAt ?? .distantPast, $0.run.id) < ($1.run.finishedAt ?? .distantPast, $1.run.id)
        }.prefix(limit)
        for stored in oldRuns { runs[stored.run.id] = nil }
        let needed = Set(runs.values.map(\.sequence))
        let oldEvents = events.keys.sorted().filter { sequence in
            (events[sequence].map { $0.acceptedAt < eventsBefore } ?? false) && !needed.contains(sequence)
        }.prefix(limit)
        for sequence in oldEvents {
            if let event = events.removeValue(forKey: sequence)?.event {
                identities[Identity(source: event.source, id: event.id)] = nil
            }
        }
        return oldRuns.count + oldEvents.count
    }

    // MARK: Reading

    func page(_ query: RunQuery) -> RunPage {
        guard query.limit > 0 else { return RunPage(runs: [], next: nil) }
        let fitting = orderedRuns.reversed().map(\.run).filter { run in
            Self.fits(run, query.filter) && (query.before.map { run.id < $0 } ?? true)
        }
        let runs = fitting.prefix(query.limit).map { run in
            var run = run
            run.event.data = nil
            run.result = nil
            for index in run.attempts.indices { run.attempts[index].output = nil }
            return run
        }
        return RunPage(runs: runs, next: fitting.count > query.limit ? runs.last?.id : nil)
    }

    func records(_ isWanted: (Int64, Event) -> Bool) -> [EventRecord] {
        let runs = orderedRuns
        return events.keys.sorted().compactMap { sequence in
            guard let stored = events[sequence], isWanted(sequence, stored.event) else { return nil }
            let started = runs.filter { $0.sequence == sequence }.map {
                Decision(trigger: $0.run.trigger, job: $0.run.job, outcome: .started, run: $0.run.id)
            }
            return EventRecord(
                sequence: sequence, event: stored.event, acceptedAt: stored.acceptedAt,
                decisions: started + stored.refusals)
        }
    }

    func counts() -> [String: [RunState: Int]] {
        var counts: [String: [RunState: Int]] = [:]
        for stored in runs.values where stored.run.state != .completed && stored.run.state != .cancelled {
            counts[stored.run.job, default: [:]][stored.run.state, default: 0] += 1
        }
        return counts
    }

    private static func fits(_ run: Run, _ filter: RunFilter) -> Bool {
        if !filter.states.isEmpty, !filter.states.contains(run.state) { return false }
        if let job = filter.job, run.job != job { return false }
        if let trigger = filter.trigger, run.trigger != trigger { return false }
        guard let text = filter.text?.lowercased() else { return true }
        let places = [run.job, run.trigger, run.reason, run.event.id, run.event.type, run.event.subject]
        return text.isEmpty || places.contains { $0?.lowercased().contains(text) ?? false }
    }
}
