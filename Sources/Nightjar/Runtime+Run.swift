import CloudEvents
import Logging
import NightjarCore
import ServiceLifecycle
import Synchronization

extension Runtime {
    /// Works until graceful shutdown is triggered or the task is cancelled.
    ///
    /// On graceful shutdown it stops its sources and the intake, lets what runs go on until the drain time is over, cancels
    /// what is left and gives it back, and returns. On cancellation it cancels what runs at once.
    /// - Throws: ``RuntimeError`` if it runs already.
    public func run() async throws {
        let mayRun = state.withLock { state in
            defer { state.isRunning = true }
            return !state.isRunning
        }
        guard mayRun else { throw RuntimeError(.alreadyRun, "a runtime runs once; make another one") }
        try await checkName()
        await refreshPauses()
        await withTaskGroup(of: Void.self) { foundation in
            foundation.addTask { await self.settler.run() }
            foundation.addTask { await self.alarms.run { self.ring($0) } }
            foundation.addTask { await self.leaseKeeper.run() }
            foundation.addTask { await self.saveProgress() }
            await withTaskGroup(of: Void.self) { work in
                work.addTask { await self.dispatch() }
                await self.receive()
                self.storeIntake.stop()
                self.dispatcher.stop()
                work.addTask { await self.drain() }
            }
            settler.finish()
            foundation.cancelAll()
        }
        state.withLock { $0.hasStopped = true }
        hub.finish()
    }

    /// A claim of nothing tells whether another living node has the name. Any other error is for later claims to deal with.
    private func checkName() async throws(RuntimeError) {
        let now = time.now
        do throws(StoreError) {
            _ = try await store.claim(
                ClaimRequest(
                    node: id, now: now, leaseExpiresAt: now + configuration.lease, demands: [], limit: 0,
                    pausedTriggers: []))
        } catch {
            guard error.code == .conflict else { return }
            throw RuntimeError(.nameTaken, "the node cannot work as \"\(id)\": \(error.message)")
        }
    }

    /// Runs what brings work in until it is time to stop.
    private func receive() async {
        let stop = Signal()
        await withTaskGroup(of: Void.self) { front in
            front.addTask { await self.sources.run() }
            front.addTask { await self.rescuer.run() }
            front.addTask {
                await Pruner(
                    store: self.store, time: self.time, retention: self.configuration.retention, logger: self.logger
                ).run()
            }
            front.addTask { await self.heedExternalChanges() }
            await withGracefulShutdownHandler {
                await stop.waitUnlessCancelled()
            } onGracefulShutdown: {
                stop.notify()
            }
            // New events are refused from the moment of the shutdown, while sources are still winding down.
            storeIntake.stop()
            front.cancelAll()
        }
    }

    private func dispatch() async {
        let runner = AttemptRunner(
            node: id, time: time, random: random, alarms: alarms, inHand: inHand, intake: storeIntake,
            settler: settler,
            onProgress: { [hub, progressSignal] update in
                progressSignal.notify()
                if hub.hasListeners { hub.send([update]) }
            }, logger: logger)
        let news = RunNews(hub: hub, dispatcher: dispatcher, inHand: inHand, time: time, logger: logger)
        await dispatcher.run { [dispatcher] claimed in
            news.claimed(claimed)
            await runner.run(claimed, job: dispatcher.job(claimed.job), isStopping: dispatcher.isStopping)
        }
    }

    /// Waits until nothing is in hand, with a deadline: then cancels what runs, and at last gives it back without it.
    private func drain() async {
        await withTaskGroup(of: Void.self) { group in
            group.addTask { await self.inHand.waitUntilEmpty() }
            group.addTask {
                do {
                    try await self.time.sleep(until: self.time.now + self.configuration.drain)
                } catch {
                    if self.inHand.count == 0 { return }
                }
                self.inHand.stopAll(.shutdown)
                do {
                    try await self.time.sleep(until: self.time.now + self.configuration.grace)
                } catch {
                    if self.inHand.count == 0 { return }
                }
                let stubborn = self.inHand.leases()
                for lease in stubborn {
                    self.logger.error(
                        "a handler ignored its cancellation; its run is given back without it",
                        metadata: ["run": "\(lease.run)"])
                    self.settler.submit(
                        Settlement(lease: lease, attempt: nil, transition: .release, at: self.time.now))
                }
                self.settler.giveUp()
            }
            await group.next()
            group.cancelAll()
            await inHand.waitUntilEmpty()
        }
    }

    private func ring(_ keys: [Alarms.Key]) {
        for key in keys {
            switch key {
            case .timeout(let run):
                guard let limit = inHand.entry(run)?.timeout else { continue }
                inHand.stop(run, .timeout(limit))
            case .dispatch: dispatcher.ring()
            case .retryClaim: dispatcher.ringAfterFailure()
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
            do throws(StoreError) {
                try await store.report(progress)
            } catch {
                logger.warning("progress could not be saved; newer progress will be", metadata: ["error": "\(error)"])
            }
            do { try await time.sleep(until: time.now + .milliseconds(200)) } catch { return }
        }
    }

    func refreshPauses() async {
        do throws(StoreError) {
            let pauses = try await store.pauses()
            state.withLock { $0.pauses = pauses }
            dispatcher.pause(pauses)
        } catch {
            logger.error("what is paused could not be read", metadata: ["error": "\(error)"])
        }
    }

    var leaseKeeper: LeaseKeeper {
        LeaseKeeper(store: store, time: time, inHand: inHand, node: id, lease: configuration.lease, logger: logger)
    }

    private var rescuer: Rescuer {
        let news = RunNews(hub: hub, dispatcher: dispatcher, inHand: inHand, time: time, logger: logger)
        return Rescuer(
            store: store, time: time, random: random,
            policy: { [dispatcher] in dispatcher.job($0)?.policy.retry ?? .default },
            interval: min(configuration.lease / 3, .seconds(5)),
            onRescued: { news.rescued($0, $1, $2) }, logger: logger)
    }
}
