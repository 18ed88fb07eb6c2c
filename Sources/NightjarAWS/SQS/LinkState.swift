import Logging
import NightjarCore
import Synchronization

/// How the receivers of a queue fare together: the first failure of a row is logged, and so is the recovery.
final class LinkState: Sendable {
    private struct State {
        var failure: AWSError?
        var hasWorked = false
    }

    private let context: SourceContext
    private let queue: String
    private let state = Mutex(State())

    init(_ context: SourceContext, queue: String) {
        self.context = context
        self.queue = queue
    }

    /// Something was received, or could have been.
    func works() {
        let (before, isFirst) = state.withLock { state in
            defer {
                state.failure = nil
                state.hasWorked = true
            }
            return (state.failure, !state.hasWorked)
        }
        guard before != nil || isFirst else { return }
        context.health(.running)
        guard let before else { return }
        context.logger.notice("messages are received again", metadata: ["queue": "\(queue)"])
        switch before.code {
        case .network, .timeout, .service: if !isFirst { context.measure(.reconnected) }
        default: break
        }
    }

    /// Nothing could be received.
    func fails(_ error: AWSError) {
        let before = state.withLock { state in
            defer { state.failure = error }
            return state.failure
        }
        guard before?.message != error.message else { return }
        context.health(.failing(error.message))
        // The first one of a row, and the one that does not pass by itself.
        guard before.map({ $0.isTransient && !error.isTransient }) ?? true else { return }
        let metadata: Logger.Metadata = ["queue": "\(queue)", "error": "\(error.message)"]
        if error.isTransient {
            context.logger.warning("messages cannot be received; tried again", metadata: metadata)
        } else {
            context.logger.error("messages cannot be received; tried again", metadata: metadata)
        }
    }
}
