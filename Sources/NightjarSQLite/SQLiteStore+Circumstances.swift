import CloudEvents
public import NightjarCore

extension SQLiteStore {
    /// What stands in a run's way.
    public func circumstances(of run: RunID) async throws(StoreError) -> RunCircumstances? {
        try await read { try $0.circumstances(of: run) }
    }
}

extension Connection {
    fileprivate func circumstances(of id: RunID) throws -> RunCircumstances? {
        let select = try statement("SELECT job, state, run_at, trigger, key, crashes, event FROM runs WHERE id = ?")
        select.bind(1, id)
        defer { select.reset() }
        guard try select.step() else { return nil }
        let event = select.int64(6)
        var found = RunCircumstances(
            run: id, job: select.text(0), state: try state(select.int(1), of: id), runAt: select.timestamp(2),
            trigger: select.optionalText(3), key: select.optionalText(4), isSuspect: select.int(5) > 0,
            pauses: try pauses())
        select.reset()
        found.arrivalOfJob = try arrival(of: found.job)
        found.runningSuspects = try ids(
            "SELECT id FROM runs INDEXED BY runs_suspect_running WHERE state = 2 AND crashes > 0")
        guard let key = found.key else { return found }
        found.firstOfKey = try firstUnfinished(found.job, key)
        found.runningOfKey = try ids(
            "SELECT id FROM runs INDEXED BY runs_key_running WHERE job = ? AND key = ? AND key IS NOT NULL AND state = 2",
            [found.job, key])
        if let stop = try stoppingRun(found.job, key), stop.event < event { found.stoppedBy = stop.id }
        found.arrivalOfKey = try lane(found.job, key)?.arrival
        return found
    }

    /// What these few runs are, in the order of their ids.
    private func ids(_ sql: String, _ values: [String] = []) throws -> [RunID] {
        let select = try statement("\(sql) ORDER BY id LIMIT \(RunCircumstances.mostListed)")
        for (place, value) in values.enumerated() { select.bind(Int32(place + 1), value) }
        var ids: [RunID] = []
        while try select.step() { ids.append(select.runID(0)) }
        return ids
    }
}
