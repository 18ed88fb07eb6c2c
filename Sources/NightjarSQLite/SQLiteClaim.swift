import CloudEvents
import NightjarCore

/// One claim, within the transaction that makes it.
struct SQLiteClaim {
    let connection: Connection
    let request: ClaimRequest
    let pausedJobs: Set<String>
    let pausedTriggers: Set<String>
    /// The paused triggers as a JSON text; `nil` if there are none.
    let pausedTriggerList: String?
    /// What is leased so far.
    private(set) var claimed: [ClaimedRun] = []
    /// Of the runs that were looked at, those whose handlers get an array.
    private(set) var batches: Set<RunID> = []
    /// When a rate lets the next run start.
    private(set) var nextStart: Timestamp?
    /// The jobs that have a run which takes more slots than there are.
    private(set) var tooHeavy: Set<String> = []
    /// Whether the node may take a run that is suspected of killing its nodes: it has none in hand.
    private var takesSuspect: Bool

    init(_ connection: Connection, _ request: ClaimRequest) throws {
        self.connection = connection
        self.request = request
        pausedJobs = try connection.pausedNames(.job)
        pausedTriggers = try connection.pausedNames(.trigger)
        pausedTriggerList = pausedTriggers.isEmpty ? nil : Self.list(pausedTriggers)
        takesSuspect = try !connection.hasSuspectInHand(request.node)
    }

    /// Job after job, so that a job that is named twice finds what it was given before already taken.
    mutating func run() throws {
        var slots = request.limit
        for demand in request.demands where demand.limit > 0 && !pausedJobs.contains(demand.job) {
            var room = min(demand.limit, request.mostRuns - claimed.count)
            var arrival: Timestamp?
            let rate = demand.rate?.waiting
            if let rate {
                arrival = try connection.arrival(of: demand.job)
                room = min(room, rate.available(arrival, at: request.now))
            }
            let limit = min(room, slots / demand.weight)
            let before = claimed.count
            if limit > 0 {
                try claim(demand, upTo: before + limit)
            } else if room > 0, demand.weight > request.limit, try mayStart(demand) {
                tooHeavy.insert(demand.job)
            }
            let count = claimed.count - before
            slots -= count * demand.weight
            guard let rate else { continue }
            let next =
                count > 0
                ? rate.arrival(arrival, after: count, at: request.now) : rate.clamped(arrival, at: request.now)
            if next != arrival { try connection.setArrival(next, of: demand.job) }
            wait(until: rate.nextStart(next, at: request.now))
        }
    }

    mutating func wait(until time: Timestamp) {
        if time > request.now { nextStart = min(nextStart ?? time, time) }
    }

    private mutating func claim(_ demand: ClaimRequest.Demand, upTo end: Int) throws {
        if takesSuspect, let (suspect, lane) = try suspect(demand), let run = try run(suspect, demand.job) {
            takesSuspect = false
            try lease([run])
            if let lane { try serve([lane], demand) }
        }
        guard claimed.count < end else { return }
        if let perKey = demand.perKey {
            try claimByKey(demand, perKey, upTo: end)
        } else {
            try lease(try available(demand.job, limit: end - claimed.count))
        }
    }

    /// Whether the job has a run that might start now. Leases nothing.
    private mutating func mayStart(_ demand: ClaimRequest.Demand) throws -> Bool {
        if takesSuspect, try suspect(demand) != nil { return true }
        guard let perKey = demand.perKey else { return try !available(demand.job, limit: 1).isEmpty }
        if try !keyless(demand.job, limit: 1).isEmpty { return true }
        return try hasKeyedRun(demand, perKey)
    }

    /// Notes that keys are served.
    func serve(_ lanes: [Lane], _ demand: ClaimRequest.Demand) throws {
        guard !lanes.isEmpty, let perKey = demand.perKey else { return }
        let first = try connection.take(lanes.count, from: "turn")
        try connection.serve(lanes, demand.job, perKey.rate?.waiting, firstTurn: first, at: request.now)
    }

    private static let columns = """
        r.id, r.trigger, r.attempt, r.failures, r.snoozes, r.crashes, r.created_at,
        e.id, e.source, e.type, e.subject, e.time, e.data_content_type, e.data_schema, e.extensions, e.data, r.input, r.key,
        r.starts_over_at, r.rank, r.event, r.keeps
        """

    /// A run with its place in the order of claims.
    private struct Ranked {
        var run: ClaimedRun
        var rank: Int64
        var event: Int64

        func goesBefore(_ other: Ranked) -> Bool { (rank, event) < (other.rank, other.event) }
    }

    /// The job's available runs, where keys do not matter.
    private mutating func available(_ job: String, limit: Int) throws -> [ClaimedRun] {
        let keyless = try ranked(job, limit: limit, keyed: false)
        let keyed = try ranked(job, limit: limit, keyed: true)
        if keyed.isEmpty { return keyless.map(\.run) }
        return (keyless + keyed).sorted { $0.goesBefore($1) }.prefix(limit).map(\.run)
    }

    /// The job's available runs that have no key.
    mutating func keyless(_ job: String, limit: Int) throws -> [ClaimedRun] {
        try ranked(job, limit: limit, keyed: false).map(\.run)
    }

    /// Uses runs_available or runs_keyed, whose order is the order of claims. They have all that the inner queries ask for:
    /// what is passed over is not looked at.
    private mutating func ranked(_ job: String, limit: Int, keyed: Bool) throws -> [Ranked] {
        let index = keyed ? "runs_keyed" : "runs_available"
        let which = "state = 1 AND key IS \(keyed ? "NOT NULL" : "NULL") AND crashes = 0"
        var conditions = ""
        if pausedTriggerList != nil {
            conditions += " AND (trigger IS NULL OR trigger NOT IN (SELECT value FROM json_each(?3)))"
        }
        if keyed, try connection.hasPausedKeys(job) {
            conditions +=
                " AND NOT EXISTS (SELECT 1 FROM pauses p WHERE p.kind = 'key' AND p.name = ?1 AND p.key = runs.key)"
        }
        let select =
            conditions.isEmpty
            ? try connection.statement(
                """
                SELECT \(Self.columns) FROM runs r INDEXED BY \(index) CROSS JOIN events e ON e.sequence = r.event
                WHERE \(which) AND job = ?1 ORDER BY rank, r.event LIMIT ?2
                """)
            : try connection.statement(
                """
                SELECT \(Self.columns) FROM (
                    SELECT id FROM runs INDEXED BY \(index)
                    WHERE \(which) AND job = ?1\(conditions) ORDER BY rank, event LIMIT ?2) found
                CROSS JOIN runs r ON r.id = found.id CROSS JOIN events e ON e.sequence = r.event
                ORDER BY r.rank, r.event
                """)
        if let pausedTriggerList { select.bind(3, pausedTriggerList) }
        select.bind(1, job)
        select.bind(2, limit)
        var runs: [Ranked] = []
        while try select.step() {
            runs.append(Ranked(run: try claimedRun(select, job), rank: select.int64(19), event: select.int64(20)))
        }
        return runs
    }

    /// A run that was found by its key, or as a suspect.
    mutating func run(_ id: RunID, _ job: String) throws -> ClaimedRun? {
        let select = try connection.statement(
            "SELECT \(Self.columns) FROM runs r CROSS JOIN events e ON e.sequence = r.event WHERE r.id = ?")
        select.bind(1, id)
        defer { select.reset() }
        return try select.step() ? claimedRun(select, job) : nil
    }

    private mutating func claimedRun(_ select: SQLStatement, _ job: String) throws -> ClaimedRun {
        if select.int(21) == Connection.keepsAll { batches.insert(select.runID(0)) }
        return ClaimedRun(
            job: job, trigger: select.optionalText(1), event: try connection.event(select, from: 7),
            input: select.optionalBytes(16), attempt: select.int(2) + 1,
            history: RunHistory(failures: select.int(3), snoozes: select.int(4), crashes: select.int(5)),
            createdAt: select.timestamp(6), startsOverAt: select.optionalTimestamp(18), key: select.optionalText(17),
            lease: Lease(run: select.runID(0), token: 0, node: request.node, expiresAt: request.leaseExpiresAt))
    }

    /// Leases the runs to the node, each with a token of its own.
    mutating func lease(_ runs: [ClaimedRun]) throws {
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
