import GRDB
import Synchronization

/// Compares SQLite's data version, which says whether others have committed, at a small cost and without reading the file.
final class ChangeWatcher: Sendable {
    private static let interval = Duration.milliseconds(50)

    private let store: SQLiteStore
    private let last = Mutex<Int64?>(nil)

    init(_ store: SQLiteStore) {
        self.store = store
    }

    /// Waits for a change by another connection; `nil` when the store is closed or the task cancelled.
    func next() async -> Void? {
        while !Task.isCancelled, !store.isClosed.withLock({ $0 }) {
            do {
                if try await hasChanged() { return () }
            } catch is CancellationError {
                return nil
            } catch {
                // A store that cannot be read tells so wherever it is used; here it has only no news.
            }
            do { try await Task.sleep(for: Self.interval) } catch { return nil }
        }
        return nil
    }

    /// Whether another connection has committed since the last look. The first look says yes: what came between the watcher's
    /// making and that look is not missed.
    ///
    /// It looks through the writer, whose own commits do not change what it sees.
    func hasChanged() async throws -> Bool {
        let version = try await store.pool.writeWithoutTransaction { database in
            try Int64.fetchOne(database, sql: "PRAGMA data_version")
        }
        return last.withLock { last in
            defer { last = version }
            return last != version
        }
    }
}
