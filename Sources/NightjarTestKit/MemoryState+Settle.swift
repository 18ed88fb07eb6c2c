import CloudEvents
import NightjarCore

extension MemoryState {
    mutating func settle(_ settlements: [Settlement]) throws(StoreError) -> [SettleResult] {
        try check(settlements.flatMap(\.emitted))
        return settlements.map { settle($0) }
    }

    private mutating func settle(_ settlement: Settlement) -> SettleResult {
        guard var stored = holder(of: settlement.lease), let lease = stored.run.lease else { return .leaseLost }
        if settlement.onlyIfExpired, !isOver(lease, at: settlement.at) { return .leaseLost }
        move(&stored, settlement)
        stored.run.lease = nil
        stored.run.isCancelRequested = false
        if let attempt = settlement.attempt { stored.run.attempts.append(attempt) }
        if let progress = settlement.progress { stored.run.progress = progress }
        for index in stored.items.indices where settlement.doneItems.contains(stored.items[index].item.position) {
            stored.items[index].isDone = true
        }
        runs[stored.run.id] = stored
        if stored.run.state.isFinished { live.remove(stored.run.id) }
        guard settlement.takesEmitted else { return .settled(stored.run.state, emitted: []) }
        return .settled(stored.run.state, emitted: settlement.emitted.map { accept($0) })
    }

    private func move(_ stored: inout StoredRun, _ settlement: Settlement) {
        switch settlement.transition {
        case .retry, .die, .release:
            guard !stored.run.isCancelRequested else {
                return cancel(&stored, settlement, reason: Settlement.cancelledByHand)
            }
        case .complete, .cancel: break
        }
        switch settlement.transition {
        case .complete(let result):
            stored.run.state = .completed
            stored.run.finishedAt = settlement.at
            stored.run.result = result
            stored.run.reason = nil
        case .retry(let runAt, let history):
            stored.run.state = runAt <= settlement.at ? .available : .retryable
            stored.run.runAt = runAt
            stored.run.reason = settlement.attempt?.error
            stored.history = history
        case .die(let reason, let history):
            stored.run.state = .dead
            stored.run.finishedAt = settlement.at
            stored.run.reason = reason
            stored.history = history
        case .cancel(let reason): cancel(&stored, settlement, reason: reason)
        case .release:
            stored.run.state = .available
            stored.attempt -= 1
        }
    }

    private func cancel(_ stored: inout StoredRun, _ settlement: Settlement, reason: String) {
        stored.run.state = .cancelled
        stored.run.finishedAt = settlement.at
        stored.run.reason = reason
        if settlement.attempt == nil { stored.attempt -= 1 }
    }
}
