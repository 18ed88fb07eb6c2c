import CloudEvents
import Logging
import NightjarCore
import ServiceLifecycle
import Synchronization

extension Runtime {
    /// Works until graceful shutdown is triggered, ``stop()`` is called or the task is cancelled.
    ///
    /// On graceful shutdown it stops its sources and the intake, lets what runs go on until the drain time is over, cancels
    /// what is left and gives it back, and returns. On cancellation it cancels what runs at once; that too gets the grace to
    /// end, and is settled.
    /// - Throws: ``RuntimeError`` if it runs already, or another living node has its name.
    public func run() async throws {
        let mayRun = state.withLock { state in
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard mayRun else { throw RuntimeError(.alreadyRun, "a runtime runs once; make another one") }
        defer {
            state.withLock { $0.hasStopped = true }
            hub.finish()
        }
        let hurry = Signal()
        let executor = withUnsafeCurrentTask { $0?.unownedTaskExecutor?.asTaskExecutor() }
        try await withTaskCancellationHandler {
            try await withGracefulShutdownHandler {
                // A task of its own, which the caller's cancellation does not reach: handlers that wind down keep their
                // leases, and what they did is settled.
                try await Task(executorPreference: executor) { try await self.work(hurry) }.value
            } onGracefulShutdown: {
                self.stop()
            }
        } onCancel: {
            hurry.notify()
            self.stop()
        }
    }

    /// Begins a graceful shutdown: from this moment new events are refused and nothing is claimed, and ``run()`` returns once
    /// the node is drained. For a program whose other services are still ending; a `ServiceGroup` needs no help.
    public func stop() {
        state.withLock { $0.isStopping = true }
        storeIntake.stop()
        dispatcher.stop()
        stopping.notify()
    }

    /// Works until told to stop, then drains; `hurry` ends the drain's waiting for handlers to end by themselves.
    private func work(_ hurry: Signal) async throws(RuntimeError) {
        guard try await checkName() else { return }
        await refreshPauses()
        state.withLock { $0.delay = nil }
        let settled = Signal()
        await withTaskGroup(of: Void.self) { foundation in
            foundation.addTask {
                await self.settler.run()
                settled.notify()
            }
            foundation.addTask { await self.alarms.run { self.ring($0) } }
            foundation.addTask { await self.leaseKeeper.run() }
            foundation.addTask { await self.saveProgress() }
            await withTaskGroup(of: Void.self) { work in
                work.addTask { await self.dispatch() }
                work.addTask { await self.direct.run() }
                await withTaskGroup(of: Void.self) { front in
                    receive(&front)
                    while !isStopping { await stopping.wait() }
                    // Sources may take their time to wind down; what runs is drained meanwhile.
                    front.cancelAll()
                    await drain(hurry)
                }
                direct.finish()
            }
            // Runs that were claimed while the node stopped are given back, or left to expire if the store is away.
            settler.finish()
            await first(of: [{ await settled.waitUnlessCancelled() }], within: configuration.grace)
            settler.giveUp()
            foundation.cancelAll()
        }
    }

    private var isStopping: Bool { state.withLock { $0.isStopping } }

    /// A claim of nothing tells whether another living node has the name. Until the store answers that, the node does nothing.
    /// - Returns: whether the name is this node's; not if it was told to stop before the store answered.
    private func checkName() async throws(RuntimeError) -> Bool {
        var failures = 0
        while !isStopping {
            let now = time.now
            do throws(StoreError) {
                _ = try await store.claim(
                    ClaimRequest(
                        node: id, now: now, leaseExpiresAt: now + configuration.lease, demands: [], limit: 0))
                return true
            } catch {
                if error.code == .conflict {
                    throw RuntimeError(.nameTaken, "the node cannot work as \"\(id)\": \(error.message)")
                }
                let delay = "the store does not answer: \(error.message)"
                let isKnown = state.withLock { state in
                    defer { state.delay = delay }
                    return state.delay == delay
                }
                if !isKnown {
                    logger.error("the node cannot begin yet; tried again", metadata: ["error": "\(error)"])
                }
                failures += 1
                await first(
                    of: [{ await self.stopping.waitUnlessCancelled() }],
                    within: .milliseconds(25 << Int64(min(failures, 7))))
            }
        }
        return false
    }

    /// Starts what brings work in.
    private func receive(_ front: inout TaskGroup<Void>) {
        front.addTask { await self.sources.run() }
        front.addTask { await self.rescuer.run() }
        front.addTask {
            await Pruner(
                store: self.store, time: self.time, retention: self.configuration.retention, logger: self.logger
            ).run()
        }
        front.addTask { await self.heedExternalChanges() }
        front.addTask { await self.keepPauses() }
    }

    private func dispatch() async {
        let runner = AttemptRunner(
            node: id, time: time, random: random, alarms: alarms, inHand: inHand, intake: storeIntake,
            settler: settler,
            limits: configuration.emissionLimits,
            maximumResultBytes: configuration.maximumResultBytes,
            onProgress: { [hub, progressSignal] update in
                progressSignal.notify()
                if hub.hasListeners { hub.send([update]) }
            }, logger: logger)
        let news = RunNews(hub: hub, dispatcher: dispatcher, inHand: inHand, time: time, logger: logger)
        await dispatcher.run(expired: { news.expired($0) }) { [dispatcher] claimed in
            news.claimed(claimed)
            await runner.run(claimed, job: dispatcher.job(claimed.job), isStopping: { dispatcher.isStopping })
        }
    }

    /// Waits until nothing is in hand, with a deadline: then cancels what runs, and at last gives it back without it.
    private func drain(_ hurry: Signal) async {
        direct.end()
        await first(
            of: [{ await self.waitUntilIdle() }, { await hurry.waitUnlessCancelled() }],
            within: configuration.drain)
        inHand.stopAll(.shutdown)
        direct.stopAll()
        await first(of: [{ await self.waitUntilIdle() }], within: configuration.grace)
        direct.giveUp()
        guard inHand.count > 0 else { return }
        for lease in inHand.unended() {
            logger.error(
                "a handler ignored its cancellation; its run is given back without it",
                metadata: ["run": "\(lease.run)"])
            settler.submit(Settlement(lease: lease, attempt: nil, transition: .release, at: time.now))
        }
        settler.giveUp()
        await inHand.waitUntilEmpty()
    }

    private func waitUntilIdle() async {
        await inHand.waitUntilEmpty()
        await direct.waitUntilEmpty()
    }

    /// Waits until one of `operations` has ended, or the time is over, and cancels the others.
    private func first(of operations: [@Sendable () async -> Void], within limit: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            for operation in operations { group.addTask { await operation() } }
            group.addTask { [time] in
                // Cancelled when an operation came first.
                try? await time.sleep(for: limit)
            }
            await group.next()
            group.cancelAll()
        }
    }

    private func ring(_ keys: [Alarms.Key]) {
        for key in keys {
            switch key {
            case .timeout(let token):
                guard let entry = inHand.entry(token), let limit = entry.timeout else { continue }
                inHand.stop(entry.lease, .timeout(limit))
            case .dispatch: dispatcher.ring()
            case .retryClaim: dispatcher.ringAfterFailure()
            case .directTimeout(let ticket): direct.timeOut(ticket)
            case .directRetry: direct.retry()
            case .directRest(let number): direct.endRest(number)
            }
        }
    }

    private func heedExternalChanges() async {
        for await _ in store.externalChanges() {
            dispatcher.hintAll()
            await refreshPauses()
            await leaseKeeper.heedCancelRequests()
        }
    }

    /// Writes the newest progress of each run a few times a second at most.
    private func saveProgress() async {
        while !Task.isCancelled {
            await progressSignal.waitUnlessCancelled()
            let progress = inHand.takeProgress()
            guard !progress.isEmpty else { continue }
            var isSaved = false
            do throws(StoreError) {
                try await store.report(progress)
                isSaved = true
            } catch {
                inHand.putBack(progress)
                progressSignal.notify()
                logger.warning("progress could not be saved; tried again", metadata: ["error": "\(error)"])
            }
            do { try await time.sleep(for: isSaved ? .milliseconds(200) : .seconds(2)) } catch { return }
        }
    }

    /// Reads what is paused every few seconds, in case a change was not heard of or could not be read.
    private func keepPauses() async {
        while !Task.isCancelled {
            do { try await time.sleep(for: .seconds(5)) } catch { return }
            await refreshPauses()
        }
    }

    /// Reads what is paused. Of two reads under way at once, what the later one says stays.
    func refreshPauses() async {
        let read = state.withLock { state in
            state.pauseReads += 1
            return state.pauseReads
        }
        do throws(StoreError) {
            let pauses = try await store.pauses()
            state.withLock { state in
                guard read > state.pausesAsOf else { return }
                state.pausesAsOf = read
                dispatcher.pause(pauses)
                direct.pause(pauses)
            }
        } catch {
            logger.error("what is paused could not be read; tried again", metadata: ["error": "\(error)"])
        }
    }

    var leaseKeeper: LeaseKeeper {
        LeaseKeeper(store: store, time: time, inHand: inHand, node: id, lease: configuration.lease, logger: logger)
    }

    private var rescuer: Rescuer {
        let news = RunNews(hub: hub, dispatcher: dispatcher, inHand: inHand, time: time, logger: logger)
        return Rescuer(
            store: store, time: time, random: random, inHand: inHand, keeper: leaseKeeper,
            policy: { [dispatcher] in dispatcher.job($0)?.policy.retry ?? .default },
            lease: configuration.lease,
            onRescued: { news.rescued($0, $1, $2) }, logger: logger)
    }
}
