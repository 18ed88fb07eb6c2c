import CloudEvents
import Logging
import NightjarCore
import Synchronization

/// Settles ended attempts in batches: while one batch is being committed, the next one gathers.
///
/// What it holds is bounded by the node's slots: a run keeps its slot until it is settled.
final class Settler: Sendable {
    private static let maximumBatch = 1000

    private struct State {
        var waiting: [Settlement] = []
        var isFinishing = false
        var isGivingUp = false
    }

    private let store: any RunStore
    private let time: any TimeSource
    private let logger: Logger
    private let onSettled: @Sendable ([Settlement], [SettleResult]) -> Void
    private let onAbandoned: @Sendable (Lease) -> Void
    private let state = Mutex(State())
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
        state.withLock { $0.waiting.append(settlement) }
        wake.notify()
    }

    /// Ends `run` once everything submitted is settled.
    func finish() {
        state.withLock { $0.isFinishing = true }
        wake.notify()
    }

    /// Lets `run` drop what the store still refuses: the node has to stop.
    func giveUp() {
        state.withLock { $0.isGivingUp = true }
        wake.notify()
    }

    /// Settles until told to finish.
    func run() async {
        while true {
            let (batch, isFinishing) = state.withLock { state in
                let batch = Array(state.waiting.prefix(Self.maximumBatch))
                state.waiting.removeFirst(batch.count)
                return (batch, state.isFinishing)
            }
            if batch.isEmpty {
                if isFinishing { return }
                await wake.wait()
                continue
            }
            await settle(batch)
        }
    }

    /// Settles a batch, however long the store takes to come back.
    private func settle(_ batch: [Settlement]) async {
        var failures = 0
        while true {
            do throws(StoreError) {
                let results = try await store.settle(batch)
                return onSettled(batch, results)
            } catch {
                if state.withLock({ $0.isGivingUp }) {
                    logger.error(
                        "runs could not be settled before the node stopped; they will be done again",
                        metadata: ["runs": "\(batch.map(\.lease.run))", "error": "\(error)"])
                    for settlement in batch { onAbandoned(settlement.lease) }
                    return
                }
                if error.code == .conflict {
                    // One of them cannot be stored: find out which, so that the others are not held up.
                    if batch.count > 1 {
                        for settlement in batch { await settle([settlement]) }
                    } else {
                        logger.error(
                            "a run could not be settled; it will be done again when its lease has expired",
                            metadata: ["run": "\(batch[0].lease.run)", "error": "\(error)"])
                        onAbandoned(batch[0].lease)
                    }
                    return
                }
                failures += 1
                logger.error(
                    "settling failed and is tried again", metadata: ["runs": "\(batch.count)", "error": "\(error)"])
                await pause(.milliseconds(50 << Int64(min(failures, 6))))
            }
        }
    }

    private func pause(_ duration: Duration) async {
        do { try await time.sleep(for: duration) } catch { await Task.yield() }
    }
}
