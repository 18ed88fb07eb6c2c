import CloudEvents
import NightjarCore
import Synchronization

/// The runs that this node has leased and not yet settled.
final class RunsInHand: Sendable {
    /// One of them.
    struct Entry: Sendable {
        var job: String
        var trigger: String?
        var attempt: Int
        var startedAt: Timestamp
        /// How long the attempt may take, as configured when it began.
        var timeout: Duration?
        var history: RunHistory
        var lease: Lease
        var gate: StopGate<StopReason>
        var isCancelRequested = false
        /// Progress that the store does not know yet.
        var unsavedProgress: Progress?
    }

    private struct State {
        var entries: [RunID: Entry] = [:]
        var onEmpty: [CheckedContinuation<Void, Never>] = []
    }

    private let state = Mutex(State())

    var count: Int { state.withLock { $0.entries.count } }

    func add(_ entry: Entry) {
        state.withLock { $0.entries[entry.lease.run] = entry }
    }

    /// Takes a run out, if it is in hand under this very lease.
    @discardableResult
    func remove(_ lease: Lease) -> Entry? {
        let (entry, onEmpty) = state.withLock { state -> (Entry?, [CheckedContinuation<Void, Never>]) in
            guard let entry = state.entries[lease.run], entry.lease.token == lease.token else { return (nil, []) }
            state.entries[lease.run] = nil
            guard state.entries.isEmpty else { return (entry, []) }
            defer { state.onEmpty = [] }
            return (entry, state.onEmpty)
        }
        for waiting in onEmpty { waiting.resume() }
        return entry
    }

    func entry(_ lease: Lease) -> Entry? {
        state.withLock { state in
            guard let entry = state.entries[lease.run], entry.lease.token == lease.token else { return nil }
            return entry
        }
    }

    func entry(_ run: RunID) -> Entry? {
        state.withLock { $0.entries[run] }
    }

    /// All leases in hand, in a stable order.
    func leases() -> [Lease] {
        state.withLock { $0.entries.values.map(\.lease) }.sorted { $0.token < $1.token }
    }

    func prolong(_ lease: Lease, until expiry: Timestamp) {
        state.withLock { state in
            guard state.entries[lease.run]?.lease.token == lease.token else { return }
            state.entries[lease.run]?.lease.expiresAt = expiry
        }
    }

    /// Stops the handler of a run, if it is in hand.
    func stop(_ run: RunID, _ reason: StopReason) {
        let gate = state.withLock { state -> StopGate<StopReason>? in
            if reason == .cancelled { state.entries[run]?.isCancelRequested = true }
            return state.entries[run]?.gate
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
            guard state.entries[lease.run]?.lease.token == lease.token else { return false }
            state.entries[lease.run]?.unsavedProgress = progress
            return true
        }
    }

    /// Takes the progress that is yet to be saved.
    func takeProgress() -> [(lease: Lease, progress: Progress)] {
        state.withLock { state in
            var taken: [(lease: Lease, progress: Progress)] = []
            for (run, entry) in state.entries {
                guard let progress = entry.unsavedProgress else { continue }
                taken.append((entry.lease, progress))
                state.entries[run]?.unsavedProgress = nil
            }
            return taken.sorted { $0.lease.token < $1.lease.token }
        }
    }

    /// Waits until nothing is in hand.
    func waitUntilEmpty() async {
        await withCheckedContinuation { continuation in
            let isEmpty = state.withLock { state in
                if state.entries.isEmpty { return true }
                state.onEmpty.append(continuation)
                return false
            }
            if isEmpty { continuation.resume() }
        }
    }
}
