import CloudEvents
import NightjarCore

/// What is known of a key of a job; see ``Schema``.
struct Lane {
    var key: String
    var readyAt: Timestamp
    var arrival: Timestamp?
}

extension Connection {
    /// The next keys that may have a run to start, in the order in which they are served. Uses lanes_active.
    func lanes(_ job: String, readyAt now: Timestamp, after last: Lane?, limit: Int) throws -> [Lane] {
        let select = try statement(
            """
            SELECT key, ready_at, arrival FROM lanes INDEXED BY lanes_active
            WHERE active = 1 AND job = ?1 AND ready_at <= ?2 \(last == nil ? "" : "AND (ready_at, key) > (?4, ?5)")
            ORDER BY ready_at, key LIMIT ?3
            """)
        select.bind(1, job)
        select.bind(2, now)
        select.bind(3, limit)
        if let last {
            select.bind(4, last.readyAt)
            select.bind(5, last.key)
        }
        var lanes: [Lane] = []
        while try select.step() {
            lanes.append(
                Lane(key: select.text(0), readyAt: select.timestamp(1), arrival: select.optionalTimestamp(2)))
        }
        return lanes
    }

    /// Notes that a run of the key starts now: the others go before it, and its rate counts.
    func serve(_ lane: Lane, _ job: String, _ rate: RateLimit?, at now: Timestamp) throws {
        let update = try statement("UPDATE lanes SET ready_at = ?, arrival = ? WHERE job = ? AND key = ?")
        let arrival = rate.map { $0.arrival(lane.arrival, after: 1, at: now) } ?? lane.arrival
        update.bind(1, rate.map { max(now, $0.nextStart(arrival)) } ?? now)
        update.bind(2, arrival)
        update.bind(3, job)
        update.bind(4, lane.key)
        try update.run()
    }

    /// 0: nothing of the key can be claimed before one of its runs changes; 2: before a trigger is resumed.
    @discardableResult
    func setActive(_ active: Int, _ lane: Lane, _ job: String) throws -> RunID? {
        let update = try statement("UPDATE lanes SET active = ? WHERE job = ? AND key = ?")
        update.bind(1, active)
        update.bind(2, job)
        update.bind(3, lane.key)
        try update.run()
        return nil
    }

    /// Uses lanes_parked.
    func unparkLanes() throws {
        try statement("UPDATE lanes INDEXED BY lanes_parked SET active = 1 WHERE active = 2").run()
    }

    /// How many runs of the key are running, at most `limit`. Uses runs_key_running.
    func running(_ job: String, _ key: String, upTo limit: Int) throws -> Int {
        let select = try statement(
            """
            SELECT count(*) FROM (SELECT 1 FROM runs INDEXED BY runs_key_running
                WHERE job = ? AND key = ? AND key IS NOT NULL AND state = 2 LIMIT ?)
            """)
        select.bind(1, job)
        select.bind(2, key)
        select.bind(3, limit)
        defer { select.reset() }
        return try select.step() ? select.int(0) : 0
    }

    /// Whether a dead run keeps the key. Uses runs_key_stopped.
    func isStopped(_ job: String, _ key: String) throws -> Bool {
        let select = try statement(
            """
            SELECT 1 FROM runs INDEXED BY runs_key_stopped
            WHERE job = ? AND key = ? AND state = 5 AND stops_key = 1 LIMIT 1
            """)
        select.bind(1, job)
        select.bind(2, key)
        defer { select.reset() }
        return try select.step()
    }

    func isPaused(_ trigger: String) throws -> Bool {
        let select = try statement("SELECT 1 FROM pauses WHERE kind = ? AND name = ?")
        select.bind(1, Pause.Kind.trigger.rawValue)
        select.bind(2, trigger)
        defer { select.reset() }
        return try select.step()
    }

    /// When the rate of a key that has an available run lets it start, after now. Uses lanes_active.
    func nextStart(of job: String, _ now: Timestamp) throws -> Timestamp? {
        let select = try statement(
            """
            SELECT ready_at FROM lanes INDEXED BY lanes_active WHERE active = 1 AND job = ?1 AND ready_at > ?2 AND EXISTS (
                SELECT 1 FROM runs r INDEXED BY runs_key_available
                WHERE r.job = ?1 AND r.key = lanes.key AND r.key IS NOT NULL AND r.state = 1)
            ORDER BY ready_at LIMIT 1
            """)
        select.bind(1, job)
        select.bind(2, now)
        defer { select.reset() }
        return try select.step() ? select.timestamp(0) : nil
    }

    /// The state of the job's rate.
    func arrival(of job: String) throws -> Timestamp? {
        let select = try statement("SELECT arrival FROM jobs WHERE name = ?")
        select.bind(1, job)
        defer { select.reset() }
        return try select.step() ? select.optionalTimestamp(0) : nil
    }

    /// Wakes every key of the job if keys were treated by another policy before.
    func use(_ policy: KeyPolicy, of job: String) throws {
        let text = policy.isOrdered ? "ordered" : policy.concurrency.map(String.init) ?? "any"
        let upsert = try statement(
            """
            INSERT INTO jobs (name, key_policy) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET key_policy = ?2
            WHERE key_policy IS NOT ?2
            """)
        upsert.bind(1, job)
        upsert.bind(2, text)
        guard try upsert.run() > 0 else { return }
        let update = try statement("UPDATE lanes SET active = 1 WHERE job = ? AND active <> 1")
        update.bind(1, job)
        try update.run()
    }

    func setArrival(_ arrival: Timestamp, of job: String) throws {
        let upsert = try statement(
            "INSERT INTO jobs (name, arrival) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET arrival = excluded.arrival")
        upsert.bind(1, job)
        upsert.bind(2, arrival)
        try upsert.run()
    }

    /// Why a run is not made, if its job's or its key's rate is used up; else it is counted.
    func dropReason(_ run: NewRun, at now: Timestamp) throws -> String? {
        let jobArrival = run.dropsBeyond.job == nil ? nil : try arrival(of: run.job)
        if let rate = run.dropsBeyond.job, rate.available(jobArrival, at: now) < 1 { return rate.dropReason }
        if let rate = run.dropsBeyond.key, let key = run.key {
            let arrival = try arrival(of: run.job, key)
            if rate.available(arrival, at: now) < 1 { return rate.dropReason(key: key) }
            let upsert = try statement(
                """
                INSERT INTO lanes (job, key, ready_at, arrival) VALUES (?, ?, ?, ?)
                ON CONFLICT (job, key) DO UPDATE SET arrival = excluded.arrival
                """)
            upsert.bind(1, run.job)
            upsert.bind(2, key)
            upsert.bind(3, now)
            upsert.bind(4, rate.arrival(arrival, after: 1, at: now))
            try upsert.run()
        }
        if let rate = run.dropsBeyond.job { try setArrival(rate.arrival(jobArrival, after: 1, at: now), of: run.job) }
        return nil
    }

    private func arrival(of job: String, _ key: String) throws -> Timestamp? {
        let select = try statement("SELECT arrival FROM lanes WHERE job = ? AND key = ?")
        select.bind(1, job)
        select.bind(2, key)
        defer { select.reset() }
        return try select.step() ? select.optionalTimestamp(0) : nil
    }
}
