import CloudEvents
import NightjarCore

/// One claim, within the transaction that makes it.
struct SQLiteClaim {
    let connection: Connection
    let request: ClaimRequest
    /// The paused triggers as a JSON text; `nil` if there are none.
    let pausedTriggers: String?
    /// What is leased so far.
    private(set) var claimed: [ClaimedRun] = []
    /// When a rate lets the next run start.
    private(set) var nextStart: Timestamp?

    init(_ connection: Connection, _ request: ClaimRequest) {
        self.connection = connection
        self.request = request
        pausedTriggers = request.pausedTriggers.isEmpty ? nil : Self.list(request.pausedTriggers)
    }

    /// Job after job, so that a job that is named twice finds what it was given before already taken.
    mutating func run() throws {
        var slots = request.limit
        for demand in request.demands {
            var limit = min(demand.limit, slots / demand.weight)
            var arrival: Timestamp?
            let rate = demand.rate?.excess == .wait ? demand.rate : nil
            if let rate {
                arrival = try connection.arrival(of: demand.job)
                limit = min(limit, rate.available(arrival, at: request.now))
            }
            var runs = 0
            if limit > 0 { runs = try claim(demand, limit: limit) }
            slots -= runs * demand.weight
            if let rate {
                if runs > 0 {
                    arrival = rate.arrival(arrival, after: runs, at: request.now)
                    try connection.setArrival(arrival ?? request.now, of: demand.job)
                }
                wait(until: rate.nextStart(arrival))
            }
            if demand.perKey?.rate?.excess == .wait, let next = try connection.nextStart(of: demand.job, request.now) {
                wait(until: next)
            }
        }
    }

    private mutating func wait(until time: Timestamp) {
        if time > request.now { nextStart = min(nextStart ?? time, time) }
    }

    private mutating func claim(_ demand: ClaimRequest.Demand, limit: Int) throws -> Int {
        let before = claimed.count
        if let perKey = demand.perKey { try claimByKey(demand.job, perKey, limit: limit) }
        let rest = limit - (claimed.count - before)
        if rest > 0 {
            try lease(try available(demand.job, limit: rest, withKeys: demand.perKey == nil))
        }
        return claimed.count - before
    }

    private static let columns = """
        r.id, r.trigger, r.attempt, r.failures, r.snoozes, r.crashes, r.created_at,
        e.id, e.source, e.type, e.subject, e.time, e.data_content_type, e.data_schema, e.extensions, e.data, r.input, r.key
        """

    /// Uses runs_available, whose order is the order of claims. It has all that the inner queries ask for: what is passed
    /// over is not looked at.
    private func available(_ job: String, limit: Int, withKeys: Bool) throws -> [ClaimedRun] {
        let select: SQLStatement
        if pausedTriggers == nil, withKeys {
            select = try connection.statement(
                """
                SELECT \(Self.columns) FROM runs r INDEXED BY runs_available CROSS JOIN events e ON e.sequence = r.event
                WHERE r.state = 1 AND r.job = ?1 ORDER BY r.rank, r.event LIMIT ?2
                """)
        } else {
            let paused =
                pausedTriggers == nil ? "" : "AND (trigger IS NULL OR trigger NOT IN (SELECT value FROM json_each(?3)))"
            select = try connection.statement(
                """
                SELECT \(Self.columns) FROM (
                    SELECT id FROM runs INDEXED BY runs_available
                    WHERE state = 1 AND job = ?1 \(paused) \(withKeys ? "" : "AND key IS NULL")
                    ORDER BY rank, event LIMIT ?2) found
                CROSS JOIN runs r ON r.id = found.id CROSS JOIN events e ON e.sequence = r.event
                ORDER BY r.rank, r.event
                """)
            if let pausedTriggers { select.bind(3, pausedTriggers) }
        }
        select.bind(1, job)
        select.bind(2, limit)
        var runs: [ClaimedRun] = []
        while try select.step() { runs.append(try claimedRun(select, job)) }
        return runs
    }

    /// A run that was found by its key.
    private func run(_ id: RunID, _ job: String) throws -> ClaimedRun? {
        let select = try connection.statement(
            "SELECT \(Self.columns) FROM runs r CROSS JOIN events e ON e.sequence = r.event WHERE r.id = ?")
        select.bind(1, id)
        defer { select.reset() }
        return try select.step() ? claimedRun(select, job) : nil
    }

    private func claimedRun(_ select: SQLStatement, _ job: String) throws -> ClaimedRun {
        ClaimedRun(
            job: job, trigger: select.optionalText(1), event: try connection.event(select, from: 7),
            input: select.optionalBytes(16), attempt: select.int(2) + 1,
            history: RunHistory(failures: select.int(3), snoozes: select.int(4), crashes: select.int(5)),
            createdAt: select.timestamp(6), key: select.optionalText(17),
            lease: Lease(run: select.runID(0), token: 0, node: request.node, expiresAt: request.leaseExpiresAt))
    }

    /// Leases the runs to the node, each with a token of its own.
    private mutating func lease(_ runs: [ClaimedRun]) throws {
        guard !runs.isEmpty else { return }
        let firstToken = try connection.take(runs.count, from: "fencing_token")
        let update = try connection.statement(
            """
            UPDATE runs SET state = 2, attempt = ?, lease_token = ?, lease_node = ?, lease_expires_at = ?, started_at = ?
            WHERE id = ?
            """)
        for (offset, run) in runs.enumerated() {
            var run = run
            run.lease.token = firstToken + Int64(offset)
            update.bind(1, run.attempt)
            update.bind(2, run.lease.token)
            update.bind(3, request.node)
            update.bind(4, request.leaseExpiresAt)
            update.bind(5, request.now)
            update.bind(6, run.lease.run)
            try update.run()
            claimed.append(run)
        }
    }

    private static func list(_ names: Set<String>) -> String {
        var list = JSONWriter()
        list.beginArray()
        for name in names.sorted() { list.string(name) }
        list.endArray()
        return String(decoding: list.bytes, as: UTF8.self)
    }
}

// Keys.
extension SQLiteClaim {
    /// How many keys are looked up at a time.
    private static let lanesAtOnce = 256

    /// One run of each key after the other, until no key has one more.
    fileprivate mutating func claimByKey(_ job: String, _ policy: KeyPolicy, limit: Int) throws {
        try connection.use(policy, of: job)
        let end = claimed.count + limit
        while claimed.count < end {
            var pass: [ClaimedRun] = []
            var served: Set<String> = []
            var last: Lane?
            search: while true {
                let lanes = try connection.lanes(
                    job, readyAt: request.now, after: last, limit: min(Self.lanesAtOnce, end - claimed.count))
                guard !lanes.isEmpty else { break }
                last = lanes.last
                // A key that was served stands at the end now, and must not be served twice in a pass.
                for lane in lanes where !served.contains(lane.key) {
                    guard let id = try next(of: lane, job, policy), let run = try run(id, job) else { continue }
                    pass.append(run)
                    served.insert(lane.key)
                    try connection.serve(lane, job, policy.rate?.excess == .wait ? policy.rate : nil, at: request.now)
                    if claimed.count + pass.count == end { break search }
                }
            }
            if pass.isEmpty { break }
            try lease(pass)
        }
    }

    /// The run of the key that may start next. A key that has none is not looked at again before something happens in it.
    private func next(of lane: Lane, _ job: String, _ policy: KeyPolicy) throws -> RunID? {
        if let limit = policy.isOrdered ? 1 : policy.concurrency,
            try connection.running(job, lane.key, upTo: limit) >= limit
        {
            return try connection.setActive(0, lane, job)
        }
        if try connection.isStopped(job, lane.key) { return try connection.setActive(0, lane, job) }
        guard let candidate = try candidate(lane, job, policy) else { return try connection.setActive(0, lane, job) }
        if let trigger = candidate.trigger, request.pausedTriggers.contains(trigger) {
            // Whoever resumes the trigger wakes the keys that wait for it; a pause that is over already would not.
            if try connection.isPaused(trigger) { try connection.setActive(2, lane, job) }
            return nil
        }
        return candidate.id
    }

    /// Of an ordered key the first unfinished run, if it is available; else the first available run, of a paused trigger only
    /// if there is no other.
    private func candidate(_ lane: Lane, _ job: String, _ policy: KeyPolicy) throws -> (id: RunID, trigger: String?)? {
        let select: SQLStatement
        if policy.isOrdered {
            select = try connection.statement(
                """
                SELECT id, trigger, state FROM runs INDEXED BY runs_key_unfinished
                WHERE job = ? AND key = ? AND key IS NOT NULL AND state IN (0, 1, 2, 3) ORDER BY event LIMIT 1
                """)
        } else {
            let order =
                pausedTriggers == nil
                ? "" : "trigger IS NOT NULL AND trigger IN (SELECT value FROM json_each(?3)), "
            select = try connection.statement(
                """
                SELECT id, trigger, state FROM runs INDEXED BY runs_key_available
                WHERE job = ?1 AND key = ?2 AND key IS NOT NULL AND state = 1 ORDER BY \(order)rank, event LIMIT 1
                """)
            if let pausedTriggers { select.bind(3, pausedTriggers) }
        }
        select.bind(1, job)
        select.bind(2, lane.key)
        defer { select.reset() }
        guard try select.step(), select.int(2) == RunState.available.rawValue else { return nil }
        return (select.runID(0), select.optionalText(1))
    }
}
