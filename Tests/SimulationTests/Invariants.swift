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
        var checks = 0
        var broken: BrokenRule?
    }

    private let store: MemoryStore
    private let state = Mutex(State())

    init(_ store: MemoryStore) { self.store = store }

    /// How often the store had changed and was checked.
    var checks: Int { state.withLock { $0.checks } }

    /// Notes a rule that was found broken elsewhere; the check at the end throws it.
    func record(_ rule: BrokenRule) {
        state.withLock { $0.broken = $0.broken ?? rule }
    }

    func acknowledged(_ id: String) {
        state.withLock { _ = $0.acknowledged.insert(id) }
    }

    var acknowledgedEvents: Set<String> { state.withLock { $0.acknowledged } }

    func check() throws {
        let revision = store.revision
        guard state.withLock({ $0.revision != revision }) else { return }
        let runs = store.allRuns()
        let events = store.eventIDs()
        try state.withLock { state in
            state.revision = revision
            state.checks += 1
            for id in state.acknowledged where !events.contains(id) {
                throw BrokenRule(rule: 1, detail: "the event \(id) was acknowledged and is not in the store")
            }
            var identities: Set<String> = []
            for run in runs {
                try Self.checkLease(run, &state)
                try Self.checkHistory(run)
                guard identities.insert("\(run.event.source) \(run.event.id) \(run.job)").inserted else {
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

    private static func checkHistory(_ run: Run) throws {
        guard run.attempts.map(\.number) == Array(1..<run.attempts.count + 1) else {
            throw BrokenRule(
                rule: 8, detail: "the attempts of run \(run.id) are numbered \(run.attempts.map(\.number))")
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
        for id in acknowledgedEvents where !runs.contains(where: { $0.event.id == id }) {
            throw BrokenRule(rule: 1, detail: "the acknowledged event \(id) has no run")
        }
    }
}
