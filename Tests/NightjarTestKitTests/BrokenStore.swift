import CloudEvents
import NightjarCore
import NightjarTestKit
import Synchronization

/// A memory store with one mistake in it, such as an implementer might make.
final class BrokenStore: StoreDecorator {
    enum Defect: String, CaseIterable, CustomStringConvertible {
        case none
        case ignoresTokens = "settles whatever token it is given"
        case forgetsEvents = "acknowledges events and forgets them"
        case ignoresDuplicates = "takes duplicates for new events"
        case claimsBeyondLimits = "claims one more than it may"
        case claimsEarly = "claims a second before the time"
        case countsReleases = "counts a release as an attempt"
        case splitsBatches = "takes the records of a batch one by one"
        case emitsWithoutLease = "takes what was emitted though the lease is lost"
        case losesEmitted = "completes and drops what was emitted"
        case rescuesTheLiving = "lets a rescuer take a run whose lease lasts"
        case dropsExpiredLeases = "refuses to renew a lease that has expired though nobody took the run"
        case takesStaleProgress = "records progress under a stale lease"
        case skipsDuplicatesState = "drops the source's state that comes with a duplicate"
        case prunesTheDead = "removes dead runs with the finished ones"
        case serializesWrongly = "takes empty data for none"
        case pagesWrongly = "repeats the last run of a page on the next"
        case editsWithoutRetry = "retries a run and forgets its new input"
        case replaysBeyondTime = "answers events that were accepted after the time asked for"
        case revivesRemoved = "takes a removed event for new when it is decided on again"
        case changesFromTheStart = "begins a command anew with each page"
        case keepsOneLess = "removes one event without runs too many"
        case claimsTwice = "lets two nodes claim at the same time"
        case ignoresUniqueKeys = "makes a second run of a unique key"
        case collectsNothing = "lets no event join a run"
        case joinsTwice = "lets an event that comes again join a second time"
        case forgetsDoneItems = "hands over items that are done"

        var description: String { self == .none ? "has no mistake" : rawValue }
    }

    let base: any RunStore = MemoryStore()
    private let defect: Defect
    private let copies = Mutex(0)

    init(_ defect: Defect) {
        self.defect = defect
    }

    func accept(_ batch: [IntakeRecord]) async throws(StoreError) -> [Acceptance] {
        var batch = batch
        switch defect {
        case .forgetsEvents:
            return batch.map { record in
                Acceptance(
                    source: record.event.source, id: record.event.id, outcome: .accepted, runs: record.runs.map(\.id))
            }
        case .ignoresDuplicates:
            for index in batch.indices where !(try await base.events(id: batch[index].event.id, source: nil)).isEmpty {
                let copy = copies.withLock { copies in
                    copies += 1
                    return copies
                }
                batch[index].event.id += "-\(copy)"
            }
        case .splitsBatches:
            var answers: [Acceptance] = []
            for record in batch { answers += try await base.accept([record]) }
            return answers
        case .skipsDuplicatesState:
            for index in batch.indices where !(try await base.events(id: batch[index].event.id, source: nil)).isEmpty {
                batch[index].stateChanges = []
            }
        case .ignoresUniqueKeys, .collectsNothing:
            for index in batch.indices {
                for run in batch[index].runs.indices {
                    if defect == .ignoresUniqueKeys { batch[index].runs[run].unique = nil }
                    if defect == .collectsNothing { batch[index].runs[run].collect?.isOpen = false }
                }
            }
        case .joinsTwice:
            for index in batch.indices where batch[index].runs.contains(where: { $0.collect != nil }) {
                guard !(try await base.events(id: batch[index].event.id, source: nil)).isEmpty else { continue }
                let copy = copies.withLock { copies in
                    copies += 1
                    return copies
                }
                batch[index].event.id += "-\(copy)"
            }
        case .revivesRemoved:
            for index in batch.indices { batch[index].isReplay = false }
        case .serializesWrongly:
            for index in batch.indices where batch[index].event.data == [] { batch[index].event.data = nil }
        default:
            break
        }
        return try await base.accept(batch)
    }

    func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimResult {
        var request = request
        switch defect {
        case .claimsBeyondLimits:
            request.limit += 1
            for index in request.demands.indices { request.demands[index].limit += 1 }
        case .claimsEarly:
            request.now = request.now + .seconds(1)
        case .claimsTwice:
            var result = try await base.claim(request)
            // Every third claim also gets a run that another node has in hand.
            if request.limit > 3, let page = try? await base.runs(RunQuery(RunFilter(states: [.running]), limit: 1)),
                let other = page.runs.first, let lease = other.lease, lease.node != request.node
            {
                result.runs.append(
                    ClaimedRun(
                        job: other.job, trigger: other.trigger, event: other.event, attempt: other.attempts.count,
                        history: RunHistory(), createdAt: other.createdAt, lease: lease))
            }
            return result
        default:
            break
        }
        return try await base.claim(request)
    }

    func renew(_ leases: [Lease], until expiry: Timestamp, now: Timestamp) async throws(StoreError) -> [LeaseRenewal] {
        guard defect == .dropsExpiredLeases else { return try await base.renew(leases, until: expiry, now: now) }
        var answers: [LeaseRenewal] = []
        for lease in leases {
            let expiresAt = try await base.run(lease.run)?.lease?.expiresAt
            if let expiresAt, expiresAt <= now {
                answers.append(.lost)
            } else {
                answers += try await base.renew([lease], until: expiry, now: now)
            }
        }
        return answers
    }

    func report(_ progress: [(lease: Lease, progress: Progress)]) async throws(StoreError) {
        var progress = progress
        if defect == .takesStaleProgress {
            for index in progress.indices {
                progress[index].lease = try await base.run(progress[index].lease.run)?.lease ?? progress[index].lease
            }
        }
        try await base.report(progress)
    }

    func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
        var settlements = settlements
        for index in settlements.indices {
            switch defect {
            case .ignoresTokens:
                let lease = settlements[index].lease
                settlements[index].lease = try await base.run(lease.run)?.lease ?? lease
            case .countsReleases:
                if settlements[index].transition == .release {
                    settlements[index].transition = .retry(at: settlements[index].at, history: RunHistory())
                }
            case .losesEmitted: settlements[index].emitted = []
            case .forgetsDoneItems: settlements[index].doneItems = []
            case .rescuesTheLiving: settlements[index].onlyIfExpired = false
            default: break
            }
        }
        let results = try await base.settle(settlements)
        if defect == .emitsWithoutLease {
            for (settlement, result) in zip(settlements, results) where result == .leaseLost {
                _ = try await base.accept(settlement.emitted)
            }
        }
        return results
    }

    func change(
        _ command: RunCommand, _ selection: RunSelection, now: Timestamp, limit: Int
    ) async throws(StoreError) -> [RunChange] {
        var selection = selection
        if defect == .changesFromTheStart, case .filter(let filter, _) = selection { selection = .filter(filter) }
        return try await base.change(command, selection, now: now, limit: limit)
    }

    func retry(_ id: RunID, input: [UInt8], now: Timestamp) async throws(StoreError) -> RunChange {
        guard defect == .editsWithoutRetry else { return try await base.retry(id, input: input, now: now) }
        return try await base.change(.retry, .ids([id]), now: now, limit: 1)[0]
    }

    func runs(_ query: RunQuery) async throws(StoreError) -> RunPage {
        var query = query
        if defect == .pagesWrongly, let before = query.before {
            query.before = RunID(high: before.high, low: before.low + 1)
        }
        return try await base.runs(query)
    }

    func events(_ query: EventQuery) async throws(StoreError) -> [EventRecord] {
        var query = query
        if defect == .replaysBeyondTime { query.acceptedUntil = nil }
        return try await base.events(query)
    }

    func prune(runsBefore: Timestamp, eventsBefore: Timestamp, limit: Int) async throws(StoreError) -> Int {
        if defect == .prunesTheDead {
            _ = try await base.change(
                .discard, .filter(RunFilter(states: [.dead])), now: .distantPast, limit: limit)
        }
        return try await base.prune(runsBefore: runsBefore, eventsBefore: eventsBefore, limit: limit)
    }

    func pruneUnmatched(keeping: Int, limit: Int) async throws(StoreError) -> Int {
        try await base.pruneUnmatched(keeping: defect == .keepsOneLess ? keeping - 1 : keeping, limit: limit)
    }
}
