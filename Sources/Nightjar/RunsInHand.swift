import CloudEvents
import NightjarCore
import Synchronization

/// The runs that this node has leased and not yet settled, by their leases: while a handler that lost its lease winds down, the
/// node may have the same run in hand anew.
final class RunsInHand: Sendable {
    /// One of them.
    struct Entry: Sendable {
        var job: String
        var trigger: String?
        /// How many of the node's slots it takes.
        var weight = 1
        /// What it has in common with other runs of its job.
        var key: String?
        var attempt: Int
        var startedAt: Timestamp
        /// How long the attempt may take, as configured when it began.
        var timeout: Duration?
        var history: RunHistory
        var lease: Lease
        var gate: StopGate<StopReason>
        var isCancelRequested = false
        /// Whether the handler is done with it.
        var hasEnded = false
        /// Progress that the store does not know yet.
        var unsavedProgress: Progress?
    }

    private struct State {
        var entries: [FencingToken: Entry] = [:]
    }

    private let state = Mutex(State())
    private let emptied = Signal()

    var count: Int { state.withLock { $0.entries.count } }

    func add(_ entry: Entry) {
        state.withLock { $0.entries[entry.lease.token] = entry }
    }

    /// Takes out what is in hand under this lease.
    @discardableResult
    func remove(_ lease: Lease) -> Entry? {
        let (entry, isEmpty) = state.withLock { state in
            (state.entries.removeValue(forKey: lease.token), state.entries.isEmpty)
        }
        if isEmpty { emptied.notify() }
        return entry
    }

    func entry(_ lease: Lease) -> Entry? {
        entry(lease.token)
    }

    func entry(_ token: FencingToken) -> Entry? {
        state.withLock { $0.entries[token] }
    }

    /// All leases in hand, in a stable order.
    func leases() -> [Lease] {
        state.withLock { $0.entries.values.map(\.lease) }.sorted { $0.token < $1.token }
    }

    func prolong(_ lease: Lease, until expiry: Timestamp) {
        state.withLock { $0.entries[lease.token]?.lease.expiresAt = expiry }
    }

    /// Stops the handler that works under a lease, if it is in hand.
    func stop(_ lease: Lease, _ reason: StopReason) {
        let gate = state.withLock { state -> StopGate<StopReason>? in
            if reason == .cancelled { state.entries[lease.token]?.isCancelRequested = true }
            return state.entries[lease.token]?.gate
        }
        gate?.stop(reason)
    }

    /// Stops every handler.
    func stopAll(_ reason: StopReason) {
        let gates = state.withLock { state in
            state.entries.sorted { $0.key < $1.key }.map(\.value.gate)
        }
        for gate in gates { gate.stop(reason) }
    }

    func setProgress(_ progress: Progress, of lease: Lease) -> Bool {
        state.withLock { state in
            guard state.entries[lease.token] != nil else { return false }
            state.entries[lease.token]?.unsavedProgress = progress
            return true
        }
    }

    /// Takes the progress that is yet to be saved.
    func takeProgress() -> [(lease: Lease, progress: Progress)] {
        state.withLock { state in
            var taken: [(lease: Lease, progress: Progress)] = []
            for (token, entry) in state.entries {
                guard let progress = entry.unsavedProgress else { continue }
                taken.append((entry.lease, progress))
                state.entries[token]?.unsavedProgress = nil
            }
            return taken.sorted { $0.lease.token < $1.lease.token }
        }
    }

    /// Marks an attempt as ended: what is left is to settle it.
    func end(_ lease: Lease) -> Entry? {
        state.withLock { state in
            state.entries[lease.token]?.hasEnded = true
            return state.entries[lease.token]
        }
    }

    /// The leases of attempts that have not ended, in a stable order.
    func unended() -> [Lease] {
        state.withLock { $0.entries.values.filter { !$0.hasEnded }.map(\.lease) }.sorted { $0.token < $1.token }
    }

    /// Waits until nothing is in hand; cancellation ends the wait too. One task at a time waits.
    func waitUntilEmpty() async {
        while count > 0, !Task.isCancelled { await emptied.waitUnlessCancelled() }
    }
}
