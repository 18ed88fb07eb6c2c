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
        var weight: Int
        /// What it has in common with other runs of its job.
        var key: String?
        /// Whether it is suspected of killing its nodes.
        var isSuspect: Bool
        var attempt: Int
        /// How long the attempt may take, as configured when it began.
        var timeout: Duration?
        var lease: Lease
        var gate: StopGate<StopReason>
        var isCancelRequested = false
        /// Whether the handler is done with it.
        var hasEnded = false
        /// Progress that the store does not know yet.
        var unsavedProgress: Progress?

        /// What a claim brought. When its attempt begins, and how long that may take, is yet to be said.
        init(_ claimed: ClaimedRun, weight: Int) {
            job = claimed.job
            trigger = claimed.trigger
            self.weight = weight
            key = claimed.key
            isSuspect = claimed.history.isSuspect
            attempt = claimed.attempt
            lease = claimed.lease
            gate = StopGate()
        }
    }

    private struct State {
        var entries: [FencingToken: Entry] = [:]
        /// The time that the claim under way carries, and with it the runs that it leases.
        var claimingAt: Timestamp?
        /// What someone asked to cancel while a claim was under way that may bring it.
        var cancelledEarly: Set<FencingToken> = []
    }

    private let state = Mutex(State())
    private let emptied = Signal()

    var count: Int { state.withLock { $0.entries.count } }

    /// Whether something is in hand, or a claim is under way that may bring something.
    var mayHoldAny: Bool { state.withLock { !$0.entries.isEmpty || $0.claimingAt != nil } }

    /// A claim is about to be made, at that time. One at a time is.
    func beginClaim(at now: Timestamp) {
        state.withLock { $0.claimingAt = now }
    }

    /// Takes in hand what the claim brought, in one step with its end: nobody finds a run that was claimed and is not here.
    /// - Parameter weights: how many slots a run of each job takes.
    func endClaim(_ claimed: [ClaimedRun], weights: [String: Int] = [:]) {
        let cancelled = state.withLock { state in
            var cancelled: [StopGate<StopReason>] = []
            for run in claimed {
                var entry = Entry(run, weight: weights[run.job] ?? 1)
                if state.cancelledEarly.contains(run.lease.token) {
                    entry.isCancelRequested = true
                    cancelled.append(entry.gate)
                }
                state.entries[run.lease.token] = entry
            }
            state.claimingAt = nil
            state.cancelledEarly = []
            return cancelled
        }
        for gate in cancelled { gate.stop(.cancelled) }
    }

    /// An attempt is about to begin.
    /// - Returns: what stops it; `nil` if the run was given back meanwhile.
    func begin(_ lease: Lease, timeout: Duration?) -> StopGate<StopReason>? {
        state.withLock { state in
            state.entries[lease.token]?.timeout = timeout
            return state.entries[lease.token]?.gate
        }
    }

    /// Whether a lease of this node is in hand, or belongs to the claim under way, which has not been answered yet: the store
    /// notes the claim's time with each run that it leases.
    func mayHold(_ lease: Lease, startedAt: Timestamp) -> Bool {
        state.withLock { $0.entries[lease.token] != nil || $0.claimingAt == startedAt }
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

    /// Stops the handler that works under a lease, if it is in hand; if a claim that is under way brings it, it is not begun.
    func stop(_ lease: Lease, _ reason: StopReason) {
        let gate = state.withLock { state -> StopGate<StopReason>? in
            if reason == .cancelled {
                if state.entries[lease.token] == nil, state.claimingAt != nil {
                    state.cancelledEarly.insert(lease.token)
                }
                state.entries[lease.token]?.isCancelRequested = true
            }
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

    /// Keeps progress that could not be saved, unless there is newer.
    func putBack(_ progress: [(lease: Lease, progress: Progress)]) {
        state.withLock { state in
            for (lease, progress) in progress where state.entries[lease.token]?.unsavedProgress == nil {
                state.entries[lease.token]?.unsavedProgress = progress
            }
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
