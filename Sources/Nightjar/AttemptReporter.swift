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
        /// The data of all events together.
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
        try emitted.withLock { emitted in
            guard emitted.events.count < limits.events else {
                throw RunFailure.never("an attempt may emit \(limits.events) events, this is one more")
            }
            guard emitted.bytes + bytes <= limits.totalBytes else {
                throw RunFailure.never(
                    "an attempt may emit \(limits.totalBytes) bytes of data, this event's \(bytes) are too many")
            }
            emitted.events.append(event)
            emitted.bytes += bytes
        }
    }
}
