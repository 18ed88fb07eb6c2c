public import NightjarCore
import Synchronization

extension Runtime {
    /// The jobs this node knows, with what it does of them now.
    public func jobs() async throws(StoreError) -> [JobStatus] {
        let counts = try await store.counts()
        let pauses = try await store.pauses()
        return dispatcher.jobs.map { job in
            JobStatus(
                name: job.name, kind: job.kind, policy: job.policy, isPaused: pauses.contains(Pause(.job, job.name)),
                pausedKeys: pauses.keys(ofJob: job.name),
                running: dispatcher.used(by: job.name), counts: counts[job.name] ?? [:])
        }
    }

    /// The triggers this node runs, with how their sources fare.
    public func triggers() async throws(StoreError) -> [TriggerStatus] {
        let pauses = try await store.pauses()
        return state.withLock { $0.triggers }.map { trigger in
            TriggerStatus(
                name: trigger.name, kind: trigger.kind, summary: trigger.summary, jobs: trigger.jobs,
                isPaused: pauses.contains(Pause(.trigger, trigger.name)), health: sources.health(of: trigger),
                accepted: storeIntake.accepted(by: trigger.name))
        }
    }

    /// Does what a person asked for; runs in this node's hand are cancelled at once.
    public func change(
        _ command: RunCommand, _ selection: RunSelection, limit: Int
    ) async throws(StoreError) -> [RunChange] {
        let now = time.now
        let changes = try await store.change(command, selection, now: now, limit: limit)
        var updates: [RunUpdate] = []
        for change in changes {
            switch change.outcome {
            case .changed(let state):
                updates.append(
                    RunUpdate(
                        run: change.id, job: change.job ?? "", trigger: nil, state: state, attempt: 0,
                        reason: "\(command.rawValue) by hand", at: now))
            case .cancelRequested, .notApplicable, .notFound: break
            }
        }
        if changes.contains(where: { $0.outcome == .cancelRequested }) { await leaseKeeper.heedCancelRequests() }
        if command == .retry { dispatcher.hint(Set(changes.compactMap(\.job))) }
        if hub.hasListeners, !updates.isEmpty { hub.send(updates) }
        return changes
    }

    /// Pauses or resumes a job, a trigger or a key; kept over restarts.
    public func setPaused(_ pause: Pause, _ isPaused: Bool) async throws(StoreError) {
        try await store.setPaused(pause, isPaused, now: time.now)
        await refreshPauses()
    }

    /// Changes of runs that this node makes, from now on.
    public func updates() -> AsyncStream<RunUpdate> { hub.listen() }

    /// Whether the node takes events and does runs: it works, is not stopping, and its store answers and leases it runs.
    public func readiness() async -> Readiness {
        let (isRunning, delay, isStopping) = state.withLock { state in
            (state.isRunning, state.delay, state.isStopping || state.hasStopped)
        }
        if !isRunning { return .notReady("the node has not started") }
        if isStopping { return .notReady("the node is stopping") }
        if let delay { return .notReady("the node has not started: \(delay)") }
        if let refusal = dispatcher.refusal { return .notReady("the store leases this node no runs: \(refusal)") }
        do throws(StoreError) {
            _ = try await store.pauses()
            return .ready
        } catch {
            return .notReady("the store does not answer: \(error.message)")
        }
    }
}
