import CloudEvents
import NightjarCore

/// Runs as no store may show them.
enum BrokenRun: CaseIterable {
    case runningWithoutLease, waitingWithLease, finishedWithoutTime, waitingWithTime, cancelRequestWhileWaiting
    case attemptsOutOfOrder

    private static let now = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)

    var run: Run {
        let id = RunID(high: 1, low: 1)
        var run = Run(
            id: id, job: "send", state: .available, trigger: nil, event: Event(id: "e", source: "/", type: "t"),
            priority: 0, createdAt: Self.now, runAt: Self.now)
        switch self {
        case .runningWithoutLease: run.state = .running
        case .waitingWithLease: run.lease = Lease(run: id, token: 1, node: "node-1", expiresAt: Self.now)
        case .finishedWithoutTime: run.state = .dead
        case .waitingWithTime: run.finishedAt = Self.now
        case .cancelRequestWhileWaiting: run.isCancelRequested = true
        case .attemptsOutOfOrder:
            run.attempts = [2, 1].map {
                Attempt(number: $0, node: "node-1", startedAt: Self.now, endedAt: Self.now, outcome: .failed)
            }
        }
        return run
    }

    var words: String {
        switch self {
        case .runningWithoutLease, .waitingWithLease: "lease"
        case .finishedWithoutTime, .waitingWithTime: "finished without a time"
        case .cancelRequestWhileWaiting: "cancel request"
        case .attemptsOutOfOrder: "out of order"
        }
    }
}
