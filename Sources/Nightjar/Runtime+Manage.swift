import CloudEvents
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
            let measures = sources.measures(of: trigger)
            return TriggerStatus(
                name: trigger.name, kind: trigger.kind, summary: trigger.summary, jobs: trigger.jobs,
                isPaused: pauses.contains(Pause(.trigger, trigger.name)), health: sources.health(of: trigger),
                accepted: storeIntake.accepted(by: trigger.name), waiting: measures.waiting,
                reconnects: measures.reconnects, delivery: trigger.delivery)
        }
    }

    /// Does what a person asked for; runs in this node's hand are cancelled at once.
    public func change(
        _ command: RunCommand, _ selection: RunSelection, limit: Int
    ) async throws(StoreError) -> [RunChange] {
        let now = time.now
        let changes = try await store.change(command, selection, now: now, limit: limit)
        await announce(changes, of: command, at: now)
        return changes
    }

    /// Retries a run with another input. Works before and without ``run()`` too.
    public func retry(_ id: RunID, input: [UInt8]) async throws(IntakeError) -> RunChange {
        guard input.count <= configuration.maximumEventBytes else {
            throw IntakeError(
                .tooLarge, "the input has \(input.count) bytes, the limit is \(configuration.maximumEventBytes)")
        }
        do { try JSONText.validate(input) } catch {
            throw IntakeError(.invalidEvent, "the input is no JSON: \(error)", underlying: error)
        }
        let now = time.now
        let collects: Bool
        do { collects = try await store.run(id)?.items != nil } catch { throw Self.unchanged(error) }
        guard !collects else {
            // Its handler gets what it has collected, whatever its input is said to be.
            throw IntakeError(
                .invalidEvent, "the run gets the events that it collected; its input cannot be replaced")
        }
        let change: RunChange
        do { change = try await store.retry(id, input: input, now: now) } catch { throw Self.unchanged(error) }
        await announce([change], of: .retry, at: now)
        return change
    }

    private static func unchanged(_ error: StoreError) -> IntakeError {
        IntakeError(.store, "the store changed nothing: \(error.message)", underlying: error)
    }

    /// Tells the rest of the node what a person has changed.
    private func announce(_ changes: [RunChange], of command: RunCommand, at now: Timestamp) async {
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
    }

    /// Decides again on kept events. Works before and without ``run()`` too.
    public func replay(
        _ request: ReplayRequest, after cursor: Int64?, limit: Int
    ) async throws(IntakeError) -> ReplayPage {
        try await storeIntake.replay(request, after: cursor, limit: limit)
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
