import CloudEvents
import NightjarCore
import NightjarTestKit
import Synchronization

/// One node's way to the shared store, with the faults of a network and of a node that dies.
final class NodeStore: StoreDecorator {
    struct Faults: Sendable {
        /// Out of 1,000 calls, how many fail before they did anything.
        var failBefore = 0
        /// Out of 1,000 calls, how many fail after they were done: the answer is lost.
        var failAfter = 0
        /// Out of 1,000 calls, how many take long.
        var slow = 0
        /// Out of 1,000 calls, with how many the way to the store breaks for longer than a lease lasts.
        var outage = 0
    }

    private struct State {
        var generator: SeededGenerator
        var faults: Faults
        var isDead = false
        var arrivals = 0
        var awayUntil = Timestamp.distantPast
    }

    let base: any RunStore
    private let memory: MemoryStore
    private let clock: SimulatedClock
    private let mutation: Mutation?
    private let invariants: Invariants
    private let state: Mutex<State>

    init(
        _ base: MemoryStore, clock: SimulatedClock, seed: UInt64, faults: Faults, invariants: Invariants,
        mutation: Mutation? = nil
    ) {
        self.base = base
        memory = base
        self.clock = clock
        self.mutation = mutation
        self.invariants = invariants
        state = Mutex(State(generator: SeededGenerator(seed: seed), faults: faults))
    }

    /// From now on nothing this node does reaches the store.
    func die() { state.withLock { $0.isDead = true } }

    func heal() {
        state.withLock {
            $0.faults = Faults()
            $0.awayUntil = .distantPast
        }
    }

    private static let dead = StoreError(.permanent, "this node is dead")
    private static let lost = StoreError(.transient, "the connection broke")

    func call<Value: Sendable>(
        _ body: () async throws(StoreError) -> Value
    ) async throws(StoreError) -> Value {
        let (isDead, before, after, isSlow) = state.withLock { state in
            func roll(_ perMille: Int) -> Bool { Int.random(in: 0..<1000, using: &state.generator) < perMille }
            if roll(state.faults.outage) { state.awayUntil = clock.now + .seconds(9) }
            let isAway = clock.now < state.awayUntil
            return (
                state.isDead, isAway || roll(state.faults.failBefore), roll(state.faults.failAfter),
                roll(state.faults.slow)
            )
        }
        if isDead { throw Self.dead }
        if before { throw Self.lost }
        if isSlow {
            do { try await clock.sleep(until: clock.now + .seconds(2)) } catch { throw Self.lost }
        }
        await Task.yield()
        // It may have died while it waited: then its request never arrived.
        if state.withLock({ $0.isDead }) { throw Self.dead }
        let value = try await body()
        if after || state.withLock({ $0.isDead }) { throw Self.lost }
        return value
    }

    func accept(_ batch: [IntakeRecord]) async throws(StoreError) -> [Acceptance] {
        let arrival = state.withLock { state in
            state.arrivals += 1
            return state.arrivals
        }
        let mutated = mutation?.batch(batch, arrival: arrival) ?? batch
        do throws(StoreError) {
            return try await call { () async throws(StoreError) in try await base.accept(mutated) }
        } catch {
            guard mutation == .acknowledgesBeforeCommit else { throw error }
            return batch.map {
                Acceptance(source: $0.event.source, id: $0.event.id, outcome: .accepted, runs: $0.runs.map(\.id))
            }
        }
    }
    func claim(_ request: ClaimRequest) async throws(StoreError) -> ClaimResult {
        let mutated = mutation?.request(request) ?? request
        var result = try await call { () async throws(StoreError) in try await base.claim(mutated) }
        if mutation == .forgetsPromotion { result.nextDueAt = nil }
        return result
    }
    func renew(_ leases: [Lease], until expiry: Timestamp, now: Timestamp) async throws(StoreError) -> [LeaseRenewal] {
        let answers = try await call { () async throws(StoreError) in
            try await base.renew(leases, until: expiry, now: now)
        }
        guard mutation == .forgetsCancelRequests else { return answers }
        return answers.map { $0 == .cancelRequested ? .renewed : $0 }
    }
    func settle(_ settlements: [Settlement]) async throws(StoreError) -> [SettleResult] {
        let mutated = settlements.map { settlement in
            mutation?.settlement(settlement) { id in memory.allRuns().first { $0.id == id }?.lease } ?? settlement
        }
        let results: [SettleResult]
        do throws(StoreError) {
            results = try await call { () async throws(StoreError) in try await base.settle(mutated) }
        } catch {
            guard mutation == .reportsSettledBeforeCommit else { throw error }
            results = settlements.map { settlement in
                if case .complete = settlement.transition { return .settled(.completed, emitted: []) }
                return .settled(.available, emitted: [])
            }
        }
        if mutation == .emitsApart {
            for (settlement, result) in zip(settlements, results) where !settlement.emitted.isEmpty {
                guard case .settled(.completed, _) = result else { continue }
                _ = try await accept(settlement.emitted)
            }
        }
        for (settlement, result) in zip(settlements, results) {
            if case .settled(let state, _) = result { invariants.told(settlement.lease.run, state) }
        }
        return results
    }
    func cancelRequests(node: NodeID) async throws(StoreError) -> [Lease] {
        let leases = try await call { () async throws(StoreError) in try await base.cancelRequests(node: node) }
        return mutation == .forgetsCancelRequests ? [] : leases
    }
    func expired(now: Timestamp, limit: Int) async throws(StoreError) -> [ExpiredRun] {
        let later = mutation == .takesFromTheLiving ? now + .seconds(5) : now
        let runs = try await call { () async throws(StoreError) in try await base.expired(now: later, limit: limit) }
        return mutation == .forgetsTheDead ? [] : runs
    }
    func change(_ command: RunCommand, _ selection: RunSelection, now: Timestamp, limit: Int)
        async throws(StoreError) -> [RunChange]
    {
        if mutation == .forgetsCancellation, command == .cancel, case .ids(let ids) = selection {
            return ids.map { RunChange(id: $0, job: nil, outcome: .changed(.cancelled)) }
        }
        return try await call { () async throws(StoreError) in
            try await base.change(command, selection, now: now, limit: limit)
        }
    }
}
