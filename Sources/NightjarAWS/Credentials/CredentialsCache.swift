import CloudEvents
import Synchronization

/// A place where credentials are found.
protocol CredentialsSource: Sendable {
    /// Credentials from there; `nil` if nobody put any there.
    /// - Throws: if somebody did, and they cannot be used or had.
    func find() async throws(AWSError) -> AWSCredentials?
}

/// Keeps credentials and fetches them again in time; whoever else asks meanwhile waits, or uses those that are still good.
final class CredentialsCache: Sendable {
    private struct State {
        var lookup = CredentialsState()
        var waiting: [CheckedContinuation<Void, Never>] = []
    }

    private let source: any CredentialsSource
    private let now: @Sendable () -> Timestamp
    private let state = Mutex(State())

    init(_ source: any CredentialsSource, now: @escaping @Sendable () -> Timestamp) {
        self.source = source
        self.now = now
    }

    /// Credentials that are good now. Does not end early when the task is cancelled: fetching has its own time limits.
    func credentials() async throws(AWSError) -> AWSCredentials {
        while true {
            switch state.withLock({ $0.lookup.ask(now: now()) }) {
            case .use(let credentials): return credentials
            case .fail(let error): throw error
            case .wait: await waitForFetch()
            case .fetch: return try await fetch()
            }
        }
    }

    /// Says that the service does not take these.
    func reject(_ credentials: AWSCredentials) { state.withLock { $0.lookup.rejected(credentials) } }

    private func waitForFetch() async {
        await withCheckedContinuation { continuation in
            let isOver = state.withLock { state in
                // It may have ended meanwhile: then asking again says so.
                guard state.lookup.isFetching else { return true }
                state.waiting.append(continuation)
                return false
            }
            if isOver { continuation.resume() }
        }
    }

    private func fetch() async throws(AWSError) -> AWSCredentials {
        do throws(AWSError) {
            guard let found = try await source.find() else {
                throw AWSError(.credentials, "no AWS credentials were found")
            }
            end { $0.fetched(found, now: now()) }
            return found
        } catch {
            let good = end { $0.failed(error, now: now()) }
            guard let good else { throw error }
            return good
        }
    }

    @discardableResult
    private func end<Value: Sendable>(_ change: (inout CredentialsState) -> Value) -> Value {
        let (value, waiting) = state.withLock { state in
            let value = change(&state.lookup)
            defer { state.waiting = [] }
            return (value, state.waiting)
        }
        for continuation in waiting { continuation.resume() }
        return value
    }
}
