import CloudEvents
import NightjarCore

/// Whether a run is charged with the death of its node.
enum CrashVerdict: Sendable, Hashable {
    /// It is, and counts one more crash.
    case charged
    /// It is not: another one that was in the node's hand is more likely to have done it.
    case spared

    /// What the history of the attempt gets.
    var reason: String {
        switch self {
        case .charged: "the node died, or lost its lease, with the run in hand"
        case .spared:
            "the node died, or lost its lease, with the run in hand; another run is charged with that, this one is not"
        }
    }
}

/// Decides which of the runs that a dead node had in hand are charged with its death.
///
/// Nobody knows which of them killed it. If one was suspected before, it alone is charged; a node has no second one in hand.
/// If none was, all are, and so become suspects, of which nodes take one at a time from then on: an innocent one completes
/// with its next attempt, and one that kills its node again is charged alone until it is quarantined.
///
/// The leases of a node may run out one after the other. So it is remembered for a while that a node's suspect was charged.
struct CrashJudge: Sendable {
    /// For how long it is remembered: longer than the leases of a node differ in age.
    let memory: Duration
    private var charged: [NodeID: Timestamp] = [:]

    /// A judge that remembers for so long.
    init(memory: Duration) {
        self.memory = memory
    }

    /// A verdict on each of the runs, among which are all that are known of each node.
    mutating func judge(_ runs: [ExpiredRun], at now: Timestamp) -> [CrashVerdict] {
        charged = charged.filter { $0.value + memory > now && $0.value <= now }
        for run in runs where run.history.isSuspect { charged[run.lease.node] = now }
        return runs.map { run in
            run.history.isSuspect || charged[run.lease.node] == nil ? .charged : .spared
        }
    }
}
