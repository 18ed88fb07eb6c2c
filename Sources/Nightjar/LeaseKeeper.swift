import CloudEvents
import Logging
import NightjarCore

/// Renews the leases in hand, and stops the handlers of those that are lost or cancelled.
struct LeaseKeeper: Sendable {
    private static let batch = 1000

    let store: any RunStore
    let time: any TimeSource
    let inHand: RunsInHand
    let node: NodeID
    let lease: Duration
    let logger: Logger

    /// Renews after each third of a lease until the task is cancelled.
    func run() async {
        while !Task.isCancelled {
            do { try await time.sleep(for: lease / 3) } catch { return }
            await renewAll()
        }
    }

    /// Renews every lease in hand.
    func renewAll() async {
        let leases = inHand.leases()
        for start in stride(from: 0, to: leases.count, by: Self.batch) {
            await renew(Array(leases[start..<min(start + Self.batch, leases.count)]))
        }
    }

    /// Stops the handlers of runs that someone asked to cancel.
    func heedCancelRequests() async {
        guard inHand.mayHoldAny else { return }
        do throws(StoreError) {
            for lease in try await store.cancelRequests(node: node) { inHand.stop(lease, .cancelled) }
        } catch {
            logger.warning(
                "cancellations could not be read; the next renewal brings them", metadata: ["error": "\(error)"])
        }
    }

    /// Renews these leases.
    func renew(_ leases: [Lease]) async {
        let now = time.now
        let expiry = now + lease
        do throws(StoreError) {
            let renewals = try await store.renew(leases, until: expiry, now: now)
            for (lease, renewal) in zip(leases, renewals) {
                switch renewal {
                case .renewed: inHand.prolong(lease, until: expiry)
                case .cancelRequested:
                    inHand.prolong(lease, until: expiry)
                    inHand.stop(lease, .cancelled)
                case .lost:
                    // Settled in the meantime, most likely; if not, another node may be doing it.
                    if inHand.entry(lease) != nil {
                        logger.warning("a lease was lost", metadata: ["run": "\(lease.run)"])
                        inHand.stop(lease, .leaseLost)
                    }
                }
            }
        } catch {
            // Expired or not, they are lost only when somebody took the runs back, and that only the store can say.
            logger.error("leases could not be renewed", metadata: ["leases": "\(leases.count)", "error": "\(error)"])
        }
    }
}
