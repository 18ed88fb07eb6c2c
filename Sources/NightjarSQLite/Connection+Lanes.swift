import CloudEvents
import NightjarCore

/// What is known of a key of a job; see ``Schema``.
struct Lane {
    /// Whether a claim has to look at it. It is looked at no second time in vain.
    enum Activity: Int {
        /// It has no unfinished run.
        case idle = 0
        /// It may have a run to start.
        case active = 1
        /// It waits for something to be resumed.
        case paused = 2
        /// It has a run that may start when its rate allows it.
        case waiting = 3
        /// Nothing of it can start before one of its runs changes.
        case blocked = 4
    }

    var key: String
    /// When it was served last, compared with others.
    var turn: Int64
    /// The state of its rate.
    var arrival: Timestamp
}

extension Connection {
    /// The next keys that may have a run to start, in the order of their turns. Uses lanes_active.
    func lanes(_ job: String, after turn: Int64, limit: Int) throws -> [Lane] {
        let select = try statement(
            """
            SELECT key, turn, arrival FROM lanes INDEXED BY lanes_active
            WHERE active = 1 AND job = ? AND turn > ? ORDER BY turn LIMIT ?
            """)
        select.bind(1, job)
        select.bind(2, turn)
        select.bind(3, limit)
        var lanes: [Lane] = []
        while try select.step() {
            lanes.append(Lane(key: select.text(0), turn: select.int64(1), arrival: select.timestamp(2)))
        }
        return lanes
    }

    /// One key, whether or not it may have a run to start.
    func lane(_ job: String, _ key: String) throws -> Lane? {
        let select = try statement("SELECT turn, arrival FROM lanes WHERE job = ? AND key = ?")
        select.bind(1, job)
        select.bind(2, key)
        defer { select.reset() }
        guard try select.step() else { return nil }
        return Lane(key: key, turn: select.int64(0), arrival: select.timestamp(1))
    }

    /// Notes that a run of each of these keys starts now: the others go before them, and their rate counts.
    func serve(_ lanes: [Lane], _ job: String, _ rate: RateLimit?, firstTurn: Int64, at now: Timestamp) throws {
        let update = try statement("UPDATE lanes SET turn = ?, arrival = ? WHERE job = ? AND key = ?")
        for (offset, lane) in lanes.enumerated() {
            update.bind(1, firstTurn + Int64(offset))
            update.bind(2, rate?.arrival(lane.arrival, after: 1, at: now) ?? lane.arrival)
            update.bind(3, job)
            update.bind(4, lane.key)
            try update.run()
        }
    }

    func set(_ activity: Lane.Activity, _ lane: Lane, _ job: String) throws {
        let update = try statement("UPDATE lanes SET active = ? WHERE job = ? AND key = ?")
        update.bind(1, activity.rawValue)
        update.bind(2, job)
        update.bind(3, lane.key)
        try update.run()
    }

    /// Lets a key wait for its rate.
    func wait(_ lane: Lane, _ job: String, _ rate: RateLimit, at now: Timestamp) throws {
        let update = try statement(
            "UPDATE lanes SET active = 3, arrival = ?, not_before = ? WHERE job = ? AND key = ?")
        update.bind(1, rate.clamped(lane.arrival, at: now))
        update.bind(2, rate.nextStart(lane.arrival, at: now))
        update.bind(3, job)
        update.bind(4, lane.key)
        try update.run()
    }

    /// Wakes the keys whose rate allows a start now, and those that wait for longer than it can make them: their time was
    /// written by a clock that was set back since. Uses lanes_waiting.
    func wakeLanes(_ job: String, _ rate: RateLimit?, at now: Timestamp) throws {
        for condition in ["not_before <= ?2", "not_before > ?2"] {
            let update = try statement(
                """
                UPDATE lanes INDEXED BY lanes_waiting SET active = 1 WHERE active = 3 AND job = ?1 AND \(condition)
                """)
            update.bind(1, job)
            update.bind(2, condition.contains("<=") ? now : now + (rate?.longestWait ?? .zero))
            try update.run()
        }
    }

    /// When the first key's rate lets a run start. Uses lanes_waiting.
    func nextStart(of job: String) throws -> Timestamp? {
        let select = try statement(
            """
            SELECT not_before FROM lanes INDEXED BY lanes_waiting WHERE active = 3 AND job = ? ORDER BY not_before LIMIT 1
            """)
        select.bind(1, job)
        defer { select.reset() }
        return try select.step() ? select.timestamp(0) : nil
    }

    /// Wakes the keys that wait for a trigger to be resumed. Uses lanes_paused.
    func unpauseLanes() throws {
        try statement("UPDATE lanes INDEXED BY lanes_paused SET active = 1 WHERE active = 2").run()
    }

    /// Lets a key wait until it is resumed, or wakes it.
    func setLanePaused(_ key: String, of job: String, _ isPaused: Bool) throws {
        let update = try statement("UPDATE lanes SET active = ? WHERE job = ? AND key = ? AND active <> 0")
        update.bind(1, isPaused ? Lane.Activity.paused.rawValue : Lane.Activity.active.rawValue)
        update.bind(2, job)
        update.bind(3, key)
        try update.run()
    }

    /// Wakes every key of the job if keys were treated by another policy before.
    func use(_ policy: KeyPolicy, of job: String) throws {
        let rate = policy.rate?.waiting.map { "\($0.limit)/\($0.per.microseconds)/\($0.burst)" } ?? "any"
        let text = "\(policy.isOrdered ? "ordered" : policy.concurrency.map(String.init) ?? "any") \(rate)"
        let upsert = try statement(
            """
            INSERT INTO jobs (name, key_policy) VALUES (?1, ?2) ON CONFLICT (name) DO UPDATE SET key_policy = ?2
            WHERE key_policy IS NOT ?2
            """)
        upsert.bind(1, job)
        upsert.bind(2, text)
        guard try upsert.run() > 0 else { return }
        let update = try statement("UPDATE lanes SET active = 1 WHERE job = ? AND active NOT IN (0, 1)")
        update.bind(1, job)
        try update.run()
    }

    /// When the job's runs without keys were served last, compared with its keys.
    func keylessTurn(of job: String) throws -> Int64 {
        let select = try statement("SELECT keyless_turn FROM jobs WHERE name = ?")
        select.bind(1, job)
        defer { select.reset() }
        return try select.step() ? select.int64(0) : 0
    }

    func setKeylessTurn(_ turn: Int64, of job: String) throws {
        let update = try statement("UPDATE jobs SET keyless_turn = ? WHERE name = ?")
        update.bind(1, turn)
        update.bind(2, job)
        try update.run()
    }

    /// Forgets what means nothing any more of keys that have no unfinished run. Uses lanes_idle.
    func pruneLanes(before time: Timestamp, limit: Int) throws -> Int {
        let delete = try statement(
            """
            DELETE FROM lanes WHERE (job, key) IN (
                SELECT job, key FROM lanes INDEXED BY lanes_idle
                WHERE active = 0 AND arrival < ? ORDER BY arrival, job, key LIMIT ?)
            """)
        delete.bind(1, time)
        delete.bind(2, limit)
        return try delete.run()
    }
}

// What the runs of a key say.
extension Connection {
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

    /// The event of the first dead run that stops the key.
    func stop(_ job: String, _ key: String) throws -> Int64? { try stoppingRun(job, key)?.event }

    /// The first dead run that stops the key. Uses runs_key_stopped.
    func stoppingRun(_ job: String, _ key: String) throws -> (id: RunID, event: Int64)? {
        let select = try statement(
            """
            SELECT id, event FROM runs INDEXED BY runs_key_stopped
            WHERE job = ? AND key = ? AND state = 5 AND stops_key = 1 ORDER BY event LIMIT 1
            """)
        select.bind(1, job)
        select.bind(2, key)
        defer { select.reset() }
        return try select.step() ? (select.runID(0), select.int64(1)) : nil
    }

    /// Of the unfinished runs of the key the one that was accepted first. Uses runs_key_unfinished.
    func firstUnfinished(_ job: String, _ key: String) throws -> RunID? {
        let select = try statement(
            """
            SELECT id FROM runs INDEXED BY runs_key_unfinished
            WHERE job = ? AND key = ? AND key IS NOT NULL AND state IN (0, 1, 2, 3) ORDER BY event LIMIT 1
            """)
        select.bind(1, job)
        select.bind(2, key)
        defer { select.reset() }
        return try select.step() ? select.runID(0) : nil
    }
}
