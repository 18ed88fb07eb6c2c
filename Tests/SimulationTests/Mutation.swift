import CloudEvents
import NightjarCore

/// A planted mistake: what a node, or the store on its behalf, does wrong. The simulation must find each of them; one that
/// it does not find says that the simulation proves less than it seems to.
enum Mutation: String, Sendable, CaseIterable {
    case acknowledgesBeforeCommit = "an event is acknowledged although it did not reach the store"
    case forgetsDuplicates = "an event that comes again makes runs again"
    case dropsFencingCheck = "a settle is taken whatever token it carries"
    case reportsSettledBeforeCommit = "a settle that failed is reported as done"
    case forgetsEmitted = "what a run emits is forgotten when it completes"
    case emitsApart = "what a run emits and its completion are two transactions"
    case forgetsTheDead = "runs of dead nodes are not taken back"
    case takesFromTheLiving = "runs are taken back while their lease lives"
    case countsCrashesAsFailures = "the death of a node counts as a failure of its runs"
    case forgetsPromotion = "a run whose time has come is not made available"
    case countsReleases = "a run given back at a shutdown has used up an attempt"
    case forgetsCancellation = "a waiting run that someone cancelled goes on"
    case forgetsCancelRequests = "a running run that someone cancelled is never stopped"
    case ignoresOrder = "runs of an ordered key go at once"
    case ignoresKeyLimit = "more runs of a key run at once than may"
    case ignoresWeight = "a heavy run takes one slot"
    case ignoresUniqueKeys = "a second run of a unique key is made"
    case losesItems = "items of a batch that failed count as done"
    case chargesTheSpared = "a run is charged with a death of which another is suspected"
    case retriesTheDone = "a run that completed is tried again"
}

/// What the mistakes do to the calls of a store.
extension Mutation {
    func batch(_ batch: [IntakeRecord], arrival: Int) -> [IntakeRecord] {
        batch.map { record in
            var record = record
            if self == .forgetsDuplicates { record.event.source += "/\(arrival)" }
            if self == .ignoresUniqueKeys { for index in record.runs.indices { record.runs[index].unique = nil } }
            return record
        }
    }

    func request(_ request: ClaimRequest) -> ClaimRequest {
        var request = request
        switch self {
        case .forgetsPromotion: request.now = .distantPast
        case .ignoresOrder:
            for index in request.demands.indices { request.demands[index].perKey?.isOrdered = false }
        case .ignoresKeyLimit:
            for index in request.demands.indices { request.demands[index].perKey?.concurrency = nil }
        case .ignoresWeight: for index in request.demands.indices { request.demands[index].weight = 1 }
        default: break
        }
        return request
    }

    /// - Parameter current: the lease that a run has at present.
    func settlement(_ settlement: Settlement, current: (RunID) -> Lease?) -> Settlement {
        var settlement = settlement
        switch (self, settlement.transition) {
        case (.dropsFencingCheck, _):
            if let lease = current(settlement.lease.run) { settlement.lease = lease }
        case (.forgetsEmitted, _), (.emitsApart, _): settlement.emitted = []
        case (.losesItems, .retry(_, _)) where !settlement.doneItems.isEmpty:
            settlement.transition = .complete(result: nil)
        case (.takesFromTheLiving, _): settlement.onlyIfExpired = false
        case (.countsCrashesAsFailures, .retry(let at, var history)) where settlement.onlyIfExpired:
            history.failures += 1
            history.crashes = 0
            settlement.transition =
                history.failures >= 4
                ? .die(reason: "used up", history: history) : .retry(at: at, history: history)
        case (.chargesTheSpared, .retry(let at, var history)) where settlement.onlyIfExpired:
            // Six of these and it is dead, though each time another one was charged.
            history.crashes += 3
            settlement.transition =
                history.crashes >= 6
                ? .die(reason: "quarantined", history: history) : .retry(at: at, history: history)
        case (.countsReleases, .release):
            settlement.transition = .retry(at: settlement.at, history: RunHistory())
        case (.retriesTheDone, .complete):
            settlement.transition = .retry(at: settlement.at + .seconds(1), history: RunHistory())
        default: break
        }
        return settlement
    }
}
