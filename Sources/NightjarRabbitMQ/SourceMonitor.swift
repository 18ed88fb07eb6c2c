import Logging
import NightjarCore
import Synchronization

/// Makes one health of that of several consumers.
final class SourceMonitor: Sendable {
    private struct State {
        var reasons: [String?]
        var hasRun: [Bool]
    }

    private let context: SourceContext
    private let state: Mutex<State>

    init(_ context: SourceContext, consumers: Int) {
        self.context = context
        state = Mutex(
            State(
                reasons: Array(repeating: "not connected yet", count: consumers),
                hasRun: Array(repeating: false, count: consumers)))
    }

    /// A consumer receives.
    func works(_ consumer: Int, afterFailures failures: Int) {
        let wasLost = state.withLock { state in
            defer { state.hasRun[consumer] = true }
            return state.hasRun[consumer]
        }
        // First: who sees that it runs finds it counted.
        if wasLost { context.measure(.reconnected) }
        set(nil, of: consumer)
        if failures > 0 { context.logger.notice("receiving again", metadata: ["failures": "\(failures)"]) }
    }

    /// A consumer does not receive. Only the first failure of a row is worth a line in the log, and a new reason.
    func fails(_ consumer: Int, _ error: any Error, failures: Int) {
        let reason = "\(error)"
        let before = set(reason, of: consumer)
        if failures == 1 || before != reason {
            context.logger.error("not receiving; tried again", metadata: ["error": "\(reason)"])
        }
    }

    /// - Returns: what it was before.
    @discardableResult
    private func set(_ reason: String?, of consumer: Int) -> String? {
        let (before, failing) = state.withLock { state in
            let before = state.reasons[consumer]
            state.reasons[consumer] = reason
            return (before, state.reasons.lazy.compactMap { $0 }.first)
        }
        context.health(failing.map { .failing($0) } ?? .running)
        return before
    }
}
