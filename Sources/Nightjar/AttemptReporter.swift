import CloudEvents
import NightjarCore
import Synchronization

/// Collects what a handler reports and emits during one attempt.
final class AttemptReporter: RunReporter {
    private static let maximumEmitted = 1000

    private let emitted = Mutex<[Event]>([])
    private let onProgress: @Sendable (Progress) -> Void

    init(onProgress: @escaping @Sendable (Progress) -> Void) {
        self.onProgress = onProgress
    }

    /// What was emitted, in order.
    var events: [Event] { emitted.withLock { $0 } }

    func report(_ progress: Progress) {
        onProgress(progress)
    }

    func emit(_ event: Event) throws {
        try emitted.withLock { emitted in
            guard emitted.count < Self.maximumEmitted else {
                throw RunFailure.never("an attempt may emit \(Self.maximumEmitted) events, this is one more")
            }
            emitted.append(event)
        }
    }
}
