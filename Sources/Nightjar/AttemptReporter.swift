import CloudEvents
import NightjarCore
import Synchronization

/// Collects what a handler reports and emits during one attempt.
final class AttemptReporter: RunReporter {
    /// What an attempt may emit.
    struct Limits: Sendable {
        var events = 1000
        /// The largest data of an event.
        var eventBytes: Int
        /// All events together, whole. A single one passes whatever its size, as long as its data does.
        var totalBytes: Int
    }

    private struct State {
        var events: [Event] = []
        var bytes = 0
    }

    private let limits: Limits
    private let emitted = Mutex(State())
    private let onProgress: @Sendable (Progress) -> Void

    init(limits: Limits, onProgress: @escaping @Sendable (Progress) -> Void) {
        self.limits = limits
        self.onProgress = onProgress
    }

    /// What was emitted, in order.
    var events: [Event] { emitted.withLock { $0.events } }

    func report(_ progress: Progress) {
        onProgress(progress)
    }

    func emit(_ event: Event) throws {
        let bytes = event.data?.count ?? 0
        guard bytes <= limits.eventBytes else {
            throw RunFailure.never("the event's data has \(bytes) bytes, the limit is \(limits.eventBytes)")
        }
        let size = event.sizeBytes
        try emitted.withLock { emitted in
            guard emitted.events.count < limits.events else {
                throw RunFailure.never("an attempt may emit \(limits.events) events, this is one more")
            }
            guard emitted.events.isEmpty || emitted.bytes + size <= limits.totalBytes else {
                throw RunFailure.never(
                    "an attempt may emit \(limits.totalBytes) bytes of events, this event's \(size) are too many")
            }
            emitted.events.append(event)
            emitted.bytes += size
        }
    }
}
