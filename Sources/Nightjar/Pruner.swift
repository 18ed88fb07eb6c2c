import CloudEvents
import Logging
import NightjarCore

/// Removes finished runs and events when their time is over.
struct Pruner: Sendable {
    private static let batch = 1000
    private static let interval = Duration.seconds(60)

    let store: any RunStore
    let time: any TimeSource
    let retention: RetentionPolicy
    let logger: Logger

    /// Prunes every minute until the task is cancelled, in batches so small that live work is not held up.
    func run() async {
        while !Task.isCancelled {
            do { try await time.sleep(for: Self.interval) } catch { return }
            do throws(StoreError) {
                let now = time.now
                while !Task.isCancelled {
                    let removed = try await store.prune(
                        runsBefore: now - retention.runs, eventsBefore: now - retention.events, limit: Self.batch)
                    if removed == 0 { break }
                    await Task.yield()
                }
                while !Task.isCancelled {
                    let removed = try await store.pruneUnmatched(
                        keeping: retention.unmatchedEvents, limit: Self.batch)
                    if removed == 0 { break }
                    await Task.yield()
                }
            } catch {
                logger.error("old runs and events could not be removed; tried again", metadata: ["error": "\(error)"])
            }
        }
    }
}
