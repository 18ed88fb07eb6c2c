import CloudEvents
import NightjarCore

/// Decides what a node claims next: which jobs may have work, and how many slots are free for each.
struct DispatchState: Sendable {
    private struct JobSlots: Sendable {
        /// What the policy says of each claim.
        var demand: ClaimRequest.Demand
        var used = 0
        /// How many claims in a row found a run of it that took more slots than were free.
        var passedOver = 0
        /// When something last said that the job may have work.
        var hintedAt: UInt64
        /// When the last claim that left none of the job's runs available was planned.
        var exhaustedAt: UInt64 = 0
        var isKnown = true

        var mayHaveWork: Bool { hintedAt > exhaustedAt }
    }

    /// A claim to be made, with what is needed to learn from its answer.
    struct Plan: Sendable {
        var demands: [ClaimRequest.Demand]
        /// How many slots are free.
        var limit: Int
        /// At most so many runs.
        var mostRuns: Int
        fileprivate var madeAt: UInt64
    }

    /// How often a job may be passed over before slots are kept for it.
    private static let mostPassedOver = 16

    private let slots: Int
    private let claimLimit: Int
    private(set) var used = 0
    private var jobs: [String: JobSlots] = [:]
    private var order: [String] = []
    private var firstServed = 0
    /// The job for which the slots that get free are kept: it has a run that takes more of them than were free, and was
    /// passed over often enough.
    private var keptFor: String?
    private var paused: Set<String> = []
    /// Counts hints and plans, so that each can be said to have come before or after another.
    private var clock: UInt64 = 0

    /// - Parameters:
    ///   - slots: how many runs the node does at once.
    ///   - claimLimit: how many runs one claim may bring.
    init(slots: Int, claimLimit: Int) {
        self.slots = max(1, slots)
        self.claimLimit = max(1, claimLimit)
    }

    /// How many runs of `job` are in hand.
    func used(by job: String) -> Int { jobs[job]?.used ?? 0 }

    /// Sets the jobs this node does; runs in hand of jobs that are gone keep their slots until they end.
    mutating func configure(_ policies: [String: JobPolicy]) {
        for name in jobs.keys where policies[name] == nil { jobs[name]?.isKnown = false }
        let now = tick()
        for (name, policy) in policies {
            var job = jobs[name] ?? JobSlots(demand: .init(job: name, limit: 0), hintedAt: 0)
            job.demand = ClaimRequest.Demand(
                job: name, limit: policy.concurrency ?? .max, weight: min(policy.weight, slots), rate: policy.rate,
                perKey: policy.key == nil ? nil : policy.perKey)
            job.isKnown = true
            job.hintedAt = now
            jobs[name] = job
        }
        jobs = jobs.filter { $0.value.isKnown || $0.value.used > 0 }
        order = policies.keys.sorted()
        keptFor = nil
        firstServed = order.isEmpty ? 0 : firstServed % order.count
    }

    /// Sets which jobs are paused.
    mutating func pause(_ jobs: Set<String>) {
        for name in paused.subtracting(jobs) { hint(name) }
        paused = jobs
        if let job = keptFor, jobs.contains(job) { keptFor = nil }
    }

    /// Something says that `job` may have work.
    mutating func hint(_ job: String) {
        let now = tick()
        jobs[job]?.hintedAt = now
    }

    /// Something says that any job may have work.
    mutating func hintAll() {
        for name in order { hint(name) }
    }

    /// What to claim now; `nil` if there is no free slot, or no job that may have work. Which job is served first
    /// rotates, so that none is starved of the node's slots by another. A job whose runs take more slots than are free is
    /// passed over a few times; then the slots that get free are kept for it, and it is served first. Whether it still has
    /// such a run is asked anew with each hint, so that no slots are kept in vain.
    mutating func plan() -> Plan? {
        let free = slots - used
        guard free > 0, !order.isEmpty else { return nil }
        var plan = Plan(demands: [], limit: free, mostRuns: claimLimit, madeAt: tick())
        var names = (0..<order.count).map { order[(firstServed + $0) % order.count] }
        if let job = keptFor {
            names.removeAll { $0 == job }
            names.insert(job, at: 0)
        }
        for name in names {
            guard let job = jobs[name], job.mayHaveWork, !paused.contains(name), job.used < job.demand.limit else {
                continue
            }
            if let keptFor, keptFor != name, let demand = jobs[keptFor]?.demand, demand.weight > free { break }
            var demand = job.demand
            demand.limit = min(demand.limit - job.used, max(1, free / demand.weight), claimLimit)
            plan.demands.append(demand)
        }
        guard !plan.demands.isEmpty else { return nil }
        firstServed = (firstServed + 1) % order.count
        return plan
    }

    /// A claim of no runs: it tells what is due next, and ends what was not started in time.
    mutating func planOfNone() -> Plan { Plan(demands: [], limit: 0, mostRuns: 0, madeAt: tick()) }

    /// Learns from a claim's answer: takes the slots, and remembers which jobs have nothing left.
    /// - Parameter tooHeavy: the jobs that have a run which takes more slots than were free.
    mutating func claimed(_ plan: Plan, _ claimedJobs: [String], tooHeavy: Set<String> = []) {
        var counts: [String: Int] = [:]
        for job in claimedJobs { counts[job, default: 0] += 1 }
        var rest = plan.limit
        for demand in plan.demands { rest -= counts[demand.job, default: 0] * demand.weight }
        used += plan.limit - rest
        for (job, count) in counts {
            // A job that went away while its claim was under way has runs in hand all the same.
            jobs[job, default: JobSlots(demand: .init(job: job, limit: 0), hintedAt: 0, isKnown: false)].used += count
        }
        let mayBringMore = claimedJobs.count < plan.mostRuns
        for demand in plan.demands {
            let job = demand.job
            if tooHeavy.contains(job) {
                // It is asked for again when slots get free.
                jobs[job]?.exhaustedAt = plan.madeAt
                jobs[job]?.passedOver += 1
                if keptFor == nil, jobs[job]?.passedOver ?? 0 >= Self.mostPassedOver { keptFor = job }
                continue
            }
            jobs[job]?.passedOver = 0
            if keptFor == job { keptFor = nil }
            let count = counts[job, default: 0]
            if count < demand.limit, mayBringMore, rest >= demand.weight || demand.weight > plan.limit {
                jobs[job]?.exhaustedAt = plan.madeAt
            }
        }
    }

    /// Gives back the slots of a run that is no longer in hand.
    mutating func release(_ job: String, weight: Int) {
        used -= weight
        let now = tick()
        for name in order where jobs[name]?.passedOver ?? 0 > 0 { jobs[name]?.hintedAt = now }
        guard var slots = jobs[job] else { return }
        slots.used -= 1
        jobs[job] = slots.isKnown || slots.used > 0 ? slots : nil
    }

    private mutating func tick() -> UInt64 {
        clock += 1
        return clock
    }
}
