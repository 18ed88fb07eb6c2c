import CloudEvents
import Logging
import NightjarCore
import Synchronization

/// Settles ended attempts in batches: while one batch is being committed, the next one gathers.
///
/// What it holds is bounded by the node's slots: a run keeps its slot until it is settled.
final class Settler: Sendable {
    /// After so many failures that look permanent a batch is taken apart: one of it may be to blame.
    private static let failuresOfBatch = 3

    private let store: any RunStore
    private let time: any TimeSource
    private let logger: Logger
    private let onSettled: @Sendable ([Settlement], [SettleResult]) -> Void
    private let onAbandoned: @Sendable (Lease) -> Void
    private let queue = Mutex(SettleQueue())
    private let wake = Signal()

    /// - Parameters:
    ///   - onSettled: called with each batch that is durable and the store's answers.
    ///   - onAbandoned: called with a lease that will not be settled: it is left to expire.
    init(
        store: any RunStore, time: any TimeSource, logger: Logger,
        onSettled: @escaping @Sendable ([Settlement], [SettleResult]) -> Void,
        onAbandoned: @escaping @Sendable (Lease) -> Void
    ) {
        self.store = store
        self.time = time
        self.logger = logger
        self.onSettled = onSettled
        self.onAbandoned = onAbandoned
    }

    func submit(_ settlement: Settlement) {
        queue.withLock { $0.submit(settlement) }
        wake.notify()
    }

    /// Ends `run` once everything submitted is settled.
    func finish() {
        queue.withLock { $0.finish() }
        wake.notify()
    }

    /// Lets `run` drop what the store still refuses: the node has to stop.
    func giveUp() {
        queue.withLock { $0.giveUp() }
        wake.notify()
    }

    /// Settles until told to finish.
    func run() async {
        while true {
            switch queue.withLock({ $0.next(now: time.elapsed) }) {
            case .settle(let batch): await settle(batch)
            case .settleAgain(let settlement, let refusals): await settle([settlement], refusals: refusals)
            case .wait(nil): await wake.wait()
            case .wait(let duration?): await wait(duration)
            case .end: return
            }
        }
    }

    /// Settles a batch, however long the store takes to come back.
    private func settle(_ batch: [Settlement], refusals: Int = 0) async {
        var failures = 0
        var permanentFailures = 0
        while true {
            do throws(StoreError) {
                let results = try await store.settle(batch)
                return onSettled(batch, results)
            } catch {
                if queue.withLock({ $0.isGivingUp }) {
                    logger.error(
                        "runs could not be settled before the node stopped; they will be done again",
                        metadata: ["runs": "\(batch.map(\.lease.run))", "error": "\(error)"])
                    for settlement in batch { onAbandoned(settlement.lease) }
                    return
                }
                if error.code == .permanent { permanentFailures += 1 }
                let isBatchToBlame = error.code == .conflict || permanentFailures >= Self.failuresOfBatch
                if batch.count > 1, isBatchToBlame {
                    // One of them cannot be stored: find out which, so that the others are not held up.
                    for settlement in batch { await settle([settlement]) }
                    return
                }
                if batch.count == 1, error.code != .transient {
                    return refuse(batch[0], refusals: refusals + 1, error)
                }
                failures += 1
                logger.error(
                    "settling failed and is tried again", metadata: ["runs": "\(batch.count)", "error": "\(error)"])
                await pause(.milliseconds(50 << Int64(min(failures, 6))))
            }
        }
    }

    /// Deals with a settlement that the store refused when it was alone.
    private func refuse(_ settlement: Settlement, refusals: Int, _ error: StoreError) {
        if error.code == .conflict {
            logger.error(
                "a run could not be settled; it will be done again when its lease has expired",
                metadata: ["run": "\(settlement.lease.run)", "error": "\(error)"])
            return onAbandoned(settlement.lease)
        }
        // The store may come back, as a disk that is full may. Not told each time: there may be many.
        if refusals.nonzeroBitCount == 1 {
            logger.error(
                "a run could not be settled; tried again, while others go first",
                metadata: ["run": "\(settlement.lease.run)", "tries": "\(refusals)", "error": "\(error)"])
        }
        queue.withLock { $0.setAside(settlement, refusals: refusals, now: time.elapsed) }
    }

    /// Waits until something is submitted, or the time is over.
    private func wait(_ duration: Duration) async {
        await withTaskGroup(of: Void.self) { group in
            // Cancelled when something was submitted.
            group.addTask { [time] in try? await time.sleep(for: duration) }
            group.addTask { [wake] in await wake.waitUnlessCancelled() }
            await group.next()
            group.cancelAll()
        }
    }

    private func pause(_ duration: Duration) async {
        do { try await time.sleep(for: duration) } catch { await Task.yield() }
    }
}
