import CloudEvents
import NightjarCore

/// The rates of jobs, and of keys whose runs are dropped beyond them.
extension Connection {
    /// The state of the job's rate.
    func arrival(of job: String) throws -> Timestamp? {
        let select = try statement("SELECT arrival FROM jobs WHERE name = ?")
        select.bind(1, job)
        defer { select.reset() }
        return try select.step() ? select.optionalTimestamp(0) : nil
    }

    func setArrival(_ arrival: Timestamp?, of job: String) throws {
        let upsert = try statement(
            "INSERT INTO jobs (name, arrival) VALUES (?, ?) ON CONFLICT (name) DO UPDATE SET arrival = excluded.arrival"
        )
        upsert.bind(1, job)
        upsert.bind(2, arrival)
        try upsert.run()
    }

    /// Why a run is not made, if its job's or its key's rate is used up; else it is counted.
    func dropReason(_ run: NewRun, at now: Timestamp) throws -> String? {
        var jobArrival: Timestamp?
        if let rate = run.dropsBeyond.job {
            let stored = try arrival(of: run.job)
            jobArrival = rate.clamped(stored, at: now)
            if jobArrival != stored { try setArrival(jobArrival, of: run.job) }
        }
        var lane: Lane?
        if let rate = run.dropsBeyond.key, let key = run.key, var known = try self.lane(run.job, key) {
            let arrival = rate.clamped(known.arrival, at: now) ?? known.arrival
            if arrival != known.arrival { try setArrival(arrival, of: known, run.job) }
            known.arrival = arrival
            lane = known
        }
        if let rate = run.dropsBeyond.job, rate.available(jobArrival, at: now) < 1 { return rate.dropReason }
        if let rate = run.dropsBeyond.key, let key = run.key {
            if rate.available(lane?.arrival, at: now) < 1 { return rate.dropReason(key: key) }
            let arrival = rate.arrival(lane?.arrival, after: 1, at: now)
            try setArrival(arrival, of: try lane ?? newLane(run.job, key), run.job)
        }
        if let rate = run.dropsBeyond.job { try setArrival(rate.arrival(jobArrival, after: 1, at: now), of: run.job) }
        return nil
    }

    private func newLane(_ job: String, _ key: String) throws -> Lane {
        let lane = Lane(key: key, turn: try take(1, from: "turn"), arrival: Timestamp(microsecondsSince1970: 0))
        let insert = try statement("INSERT INTO lanes (job, key, turn) VALUES (?, ?, ?)")
        insert.bind(1, job)
        insert.bind(2, key)
        insert.bind(3, lane.turn)
        try insert.run()
        return lane
    }

    private func setArrival(_ arrival: Timestamp, of lane: Lane, _ job: String) throws {
        let update = try statement("UPDATE lanes SET arrival = ? WHERE job = ? AND key = ?")
        update.bind(1, arrival)
        update.bind(2, job)
        update.bind(3, lane.key)
        try update.run()
    }
}
