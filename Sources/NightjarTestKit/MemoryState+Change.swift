import CloudEvents
import NightjarCore

extension MemoryState {
    mutating func change(
        _ command: RunCommand, _ selection: RunSelection, now: Timestamp, limit: Int
    ) -> [RunChange] {
        var seen: Set<RunID> = []
        let selected: [RunID]
        switch selection {
        // Those that are named are answered in the order in which they are.
        case .ids(let ids): selected = ids.filter { seen.insert($0).inserted }
        case .filter(let filter, let last):
            guard let filter = filter.narrowed(to: command) else { return [] }
            let fitting = runs.values.filter { Self.fits($0.run, filter) }.map(\.run.id).sorted()
            selected = last.map { last in fitting.filter { $0 > last } } ?? fitting
        }
        return selected.prefix(max(0, limit)).map { id in
            guard var stored = runs[id] else { return RunChange(id: id, job: nil, outcome: .notFound) }
            let outcome = Self.apply(command, to: &stored, now: now)
            runs[id] = stored
            if stored.run.state.isFinished { live.remove(id) } else { live.insert(id) }
            // What was known of the key may have been pruned while the run was finished.
            if !stored.run.state.isFinished, let lane = LaneKey(stored.run) { open(lane) }
            return RunChange(id: id, job: stored.run.job, outcome: outcome)
        }
    }

    mutating func retry(_ id: RunID, input: [UInt8], now: Timestamp) -> RunChange {
        let changes = change(.retry, .ids([id]), now: now, limit: 1)
        guard let change = changes.first, case .changed = change.outcome else {
            return changes.first ?? RunChange(id: id, job: nil, outcome: .notFound)
        }
        runs[id]?.run.input = input
        runs[id]?.run.inputEditedAt = now
        return change
    }

    private static func apply(_ command: RunCommand, to stored: inout StoredRun, now: Timestamp) -> RunChange.Outcome {
        switch (command, stored.run.state) {
        case (.retry, .dead), (.retry, .cancelled):
            stored.history = RunHistory()
            stored.run.finishedAt = nil
            stored.run.reason = nil
            stored.run.result = nil
            stored.run.progress = nil
            stored.run.isCancelRequested = false
            stored.run.state = .available
            stored.run.runAt = now
            stored.startsOverAt = now
            stored.run.expiresAt = nil
        case (.retry, .scheduled), (.retry, .retryable):
            stored.run.state = .available
            stored.run.runAt = now
            stored.startsOverAt = now
            stored.run.expiresAt = nil
        case (.cancel, .running):
            stored.run.isCancelRequested = true
            return .cancelRequested
        case (.cancel, .scheduled), (.cancel, .available), (.cancel, .retryable):
            stored.run.state = .cancelled
            stored.run.finishedAt = now
            stored.run.reason = Settlement.cancelledByHand
        case (.discard, .dead):
            stored.run.state = .cancelled
            stored.run.finishedAt = now
            stored.run.reason = "discarded by hand"
        case (_, let state):
            return .notApplicable(state)
        }
        return .changed(stored.run.state)
    }

    static func fits(_ run: Run, _ filter: RunFilter) -> Bool {
        if !filter.states.isEmpty, !filter.states.contains(run.state) { return false }
        if let job = filter.job, run.job != job { return false }
        if let trigger = filter.trigger, run.trigger != trigger { return false }
        if let createdUntil = filter.createdUntil, run.createdAt > createdUntil { return false }
        guard let text = filter.text?.lowercased(), !text.isEmpty else { return true }
        let places = [run.job, run.trigger, run.reason, run.event.id, run.event.type, run.event.subject]
        return places.contains { $0?.lowercased().contains(text) ?? false }
    }
}
