import CloudEvents
import NightjarCore
import NightjarTestKit
import Synchronization

/// A rule of "What always holds" that was broken.
struct BrokenRule: Error, CustomStringConvertible {
    var rule: Int
    var detail: String
    var description: String { "rule \(rule) is broken: \(detail)" }
}

/// Checks, whenever the store changed, what always holds.
final class Invariants: Sendable {
    private struct State {
        var revision = -1
        var finished: [RunID: RunState] = [:]
        var tokens: [RunID: FencingToken] = [:]
        var highestToken: FencingToken = 0
        var acknowledged: Set<String> = []
        /// Acknowledged events that make a run of their own.
        var needRuns: Set<String> = []
        var mustBeDone: Set<String> = []
        var done: Set<String> = []
        /// Where someone was told that a run stands, for good.
        var told: [RunID: RunState] = [:]
        /// The lease that each run had when it was last looked at.
        var leases: [RunID: Lease] = [:]
        /// How many attempts of each run had crashed then.
        var crashes: [RunID: Int] = [:]
        /// How many slots the handlers take that each node has under way.
        var slots: [NodeID: Int] = [:]
        var checks = 0
        var broken: BrokenRule?
    }

    /// How far the nodes' clocks may differ.
    static let mostSkew = Duration.seconds(2)

    private let store: MemoryStore
    private let clock: SimulatedClock
    private let state = Mutex(State())

    init(_ store: MemoryStore, clock: SimulatedClock) {
        self.store = store
        self.clock = clock
    }

    /// How often the store had changed and was checked.
    var checks: Int { state.withLock { $0.checks } }

    /// Notes a rule that was found broken elsewhere; the check at the end throws it.
    func record(_ rule: BrokenRule) {
        state.withLock { $0.broken = $0.broken ?? rule }
    }

    /// - Parameter makesRun: whether the event makes a run of its own, whatever other events there are.
    func acknowledged(_ id: String, makesRun: Bool = true) {
        state.withLock { state in
            state.acknowledged.insert(id)
            if makesRun { state.needRuns.insert(id) }
        }
    }

    /// A batch gets this event, and does it.
    func mustBeDone(_ id: String) { state.withLock { _ = $0.mustBeDone.insert(id) } }

    /// A handler did these items of its batch. One that some attempt has done, and that was settled, comes to no later one.
    func did(_ context: RunContext, _ items: [String]) {
        state.withLock { $0.done.formUnion(items) }
    }

    /// A handler begins on that node, or ends, whose run takes so many of its four slots.
    func handler(on node: NodeID, takes weight: Int) {
        state.withLock { state in
            let slots = state.slots[node, default: 0] + weight
            state.slots[node] = slots
            guard slots > 4 else { return }
            state.broken =
                state.broken ?? BrokenRule(rule: 7, detail: "\(node) does runs that take \(slots) slots of its 4")
        }
    }

    /// A node was told that the run is settled, or cancelled: from then on the store says so too.
    func told(_ run: RunID, _ runState: RunState) {
        guard runState.isFinished else { return }
        state.withLock { $0.told[run] = runState }
    }

    func check() throws {
        let revision = store.revision
        guard state.withLock({ $0.revision != revision }) else { return }
        let runs = store.allRuns()
        let events = store.eventIDs()
        let now = clock.now
        try Self.checkKeys(runs, store.eventSequences())
        try Self.checkUnique(runs)
        try state.withLock { state in
            state.revision = revision
            state.checks += 1
            for id in state.acknowledged where !events.contains(id) {
                throw BrokenRule(rule: 1, detail: "the event \(id) was acknowledged and is not in the store")
            }
            var identities: Set<String> = []
            for run in runs {
                try Self.checkTakenBack(run, &state, now)
                try Self.checkLease(run, &state)
                try Self.checkHistory(run)
                if let told = state.told[run.id], told != run.state {
                    throw BrokenRule(rule: 10, detail: "run \(run.id) was said to be \(told) and is \(run.state)")
                }
                // Whoever sends an event again gives it the same id.
                guard identities.insert("\(run.event.id) \(run.job)").inserted else {
                    throw BrokenRule(rule: 4, detail: "two runs of \(run.job) were made by the event \(run.event.id)")
                }
                if let before = state.finished[run.id], before != run.state {
                    throw BrokenRule(rule: 2, detail: "run \(run.id) was \(before) and became \(run.state)")
                }
                if run.state.isFinished { state.finished[run.id] = run.state }
                if run.job == "emitter" {
                    let hasEmitted = events.contains("from-\(run.id)")
                    guard hasEmitted == (run.state == .completed) else {
                        throw BrokenRule(
                            rule: 5,
                            detail: "run \(run.id) is \(run.state) and \(hasEmitted ? "has" : "has not") emitted")
                    }
                }
            }
        }
    }

    /// Runs of an ordered key go one at a time, in the order in which their events were accepted; of a limited key two at once.
    private static func checkKeys(_ runs: [Run], _ sequences: [String: Int64]) throws {
        var limited: [String: Int] = [:]
        var ordered: [String: [Run]] = [:]
        for run in runs where !run.state.isFinished {
            guard let key = run.key else { continue }
            if run.job == "ordered" { ordered[key, default: []].append(run) }
            if run.job == "limited", run.state == .running { limited[key, default: 0] += 1 }
        }
        if let (key, count) = limited.first(where: { $0.value > 2 }) {
            throw BrokenRule(rule: 6, detail: "\(count) runs of the key \(key) run at once; two may")
        }
        for (key, runs) in ordered {
            let running = runs.filter { $0.state == .running }
            guard let one = running.first else { continue }
            guard running.count == 1 else {
                throw BrokenRule(rule: 6, detail: "\(running.count) runs of the ordered key \(key) run at once")
            }
            func place(_ run: Run) -> Int64 { sequences[run.event.id] ?? 0 }
            if let earlier = runs.first(where: { place($0) < place(one) }) {
                throw BrokenRule(
                    rule: 6,
                    detail:
                        "\(one.event.id) runs before \(earlier.event.id), which is \(earlier.state), in the key \(key)")
            }
        }
    }

    /// Of a unique key one run at most is to be done.
    private static func checkUnique(_ runs: [Run]) throws {
        var keys: Set<String> = []
        for run in runs where run.job == "unique" && !run.state.isFinished {
            let key = String(decoding: run.event.data ?? [], as: UTF8.self)
            guard keys.insert(key).inserted else {
                throw BrokenRule(rule: 4, detail: "two runs of the unique key \(key) are to be done")
            }
        }
    }

    private static func checkLease(_ run: Run, _ state: inout State) throws {
        guard (run.lease != nil) == (run.state == .running) else {
            throw BrokenRule(
                rule: 3, detail: "run \(run.id) is \(run.state), its lease is \(String(describing: run.lease))")
        }
        guard let token = run.lease?.token, state.tokens[run.id] != token else { return }
        guard token > state.tokens[run.id] ?? 0 else {
            throw BrokenRule(rule: 3, detail: "run \(run.id) got the token \(token) after \(state.tokens[run.id] ?? 0)")
        }
        state.tokens[run.id] = token
    }

    /// Whoever takes a run from another node waits until its lease is over.
    private static func checkTakenBack(_ run: Run, _ state: inout State, _ now: Timestamp) throws {
        let lease = state.leases.removeValue(forKey: run.id)
        state.leases[run.id] = run.lease
        let crashes = run.attempts.count { $0.outcome == .crashed }
        let before = state.crashes.updateValue(crashes, forKey: run.id) ?? 0
        guard let lease, crashes > before else { return }
        guard lease.expiresAt <= now + mostSkew else {
            throw BrokenRule(
                rule: 3,
                detail: "run \(run.id) was taken from \(lease.node), whose lease lasts until \(lease.expiresAt)")
        }
    }

    private static func checkHistory(_ run: Run) throws {
        guard run.attempts.map(\.number) == Array(1..<run.attempts.count + 1) else {
            throw BrokenRule(
                rule: 8, detail: "the attempts of run \(run.id) are numbered \(run.attempts.map(\.number))")
        }
        // A dead run of these has used up its four attempts, or six nodes died with it.
        if run.state == .dead, ["flaky", "hanging"].contains(run.job) {
            let failures = run.attempts.filter { $0.outcome == .failed || $0.outcome == .timedOut }.count
            let crashes = run.attempts.filter { $0.outcome == .crashed }.count
            guard failures == 4 || crashes >= 6 else {
                throw BrokenRule(
                    rule: 9, detail: "run \(run.id) is dead after \(failures) failures and \(crashes) crashes")
            }
        }
        let completions = run.attempts.filter { $0.outcome == .completed }.count
        guard completions == (run.state == .completed ? 1 : 0) else {
            throw BrokenRule(rule: 3, detail: "run \(run.id) is \(run.state) with \(completions) completed attempts")
        }
        guard run.attempts.filter({ $0.endedAt == nil }).count == (run.state == .running ? 1 : 0) else {
            throw BrokenRule(rule: 3, detail: "run \(run.id) is \(run.state) with attempts \(run.attempts)")
        }
    }

    /// What must be true once faults have stopped and everything had time to end.
    func checkEnd() throws {
        if let broken = state.withLock({ $0.broken }) { throw broken }
        for run in store.allRuns() where !run.state.isFinished {
            throw BrokenRule(rule: 2, detail: "run \(run.id) of \(run.job) is still \(run.state)")
        }
        let runs = store.allRuns()
        // An innocent one may be out of luck, but only as often as it was the one to be suspected.
        for run in runs where run.state == .dead && run.reason?.contains("quarantined") == true {
            let charged = run.attempts.count {
                $0.outcome == .crashed && $0.error?.contains("another run is charged") == false
            }
            guard charged >= 6 else {
                throw BrokenRule(
                    rule: 9,
                    detail: "run \(run.id) of \(run.job) is quarantined after \(charged) of 6 deaths of its nodes")
            }
        }
        for run in runs where run.job == "killer" && run.state == .dead && run.reason?.contains("quarantined") != true {
            throw BrokenRule(
                rule: 9, detail: "run \(run.id) kills its nodes and is dead for another reason: \(run.reason ?? "")")
        }
        let (needRuns, undone) = state.withLock { ($0.needRuns, $0.mustBeDone.subtracting($0.done)) }
        let isBatchDead = runs.contains { $0.job == "batched" && $0.state == .dead }
        if let id = undone.min(), !isBatchDead {
            throw BrokenRule(rule: 2, detail: "the event \(id) came to no batch")
        }
        for id in needRuns where !runs.contains(where: { $0.event.id == id }) {
            throw BrokenRule(rule: 1, detail: "the acknowledged event \(id) has no run")
        }
    }
}
