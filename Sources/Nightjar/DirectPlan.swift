import CloudEvents
import NightjarCore

/// Which runs a batch of direct delivery makes.
struct DirectPlan: Sendable {
    /// What is made of one event.
    struct Planned: Sendable {
        /// The jobs it starts, by their places in ``DirectPlan/jobs``.
        var jobs: [Int]
        /// What they get instead of the event's data.
        var input: [UInt8]?
        /// The event with the id that its trigger gives it; `nil` if it keeps its own.
        var event: Event?
        /// The triggers that said no; with an event that is kept.
        var record: IntakeRecord?

        /// Whether the store is to know of the event even if no run of it is kept.
        var mustBeKept: Bool { record != nil }
    }

    var trigger: String
    var jobs: [String]
    var acceptedAt: Timestamp
    /// In the order of the batch.
    var events: [Planned] = []
    /// How many runs there are.
    var count = 0

    /// What the store is to keep of an event.
    func record(of planned: Planned, _ incoming: IncomingEvent) -> IntakeRecord {
        if let record = planned.record { return record }
        var record = IntakeRecord(
            event: planned.event ?? incoming.event, acceptedAt: acceptedAt, runs: [],
            stateChanges: incoming.stateChanges)
        record.addressee = .trigger(trigger)
        return record
    }
}

extension IntakePlanner {
    /// What a batch for a trigger with direct delivery makes.
    func planDirect(
        _ batch: [IncomingEvent], trigger name: String, now: Timestamp
    ) throws(IntakeError) -> DirectPlan {
        guard let trigger = triggers[name] else {
            throw IntakeError(.unknownTrigger, "there is no trigger \"\(name)\"")
        }
        var plan = DirectPlan(trigger: name, jobs: trigger.jobs, acceptedAt: now)
        plan.events.reserveCapacity(batch.count)
        let all = Array(trigger.jobs.indices)
        let takesAll = trigger.rules.isEmpty
        for index in batch.indices {
            let planned: DirectPlan.Planned
            if takesAll, batch[index].addressee == .trigger(name) {
                planned = DirectPlan.Planned(jobs: all)
            } else {
                do throws(IntakeError) {
                    planned = try self.planned(batch[index], trigger, now: now)
                } catch {
                    throw IntakeError(error.code, error.message, index: index)
                }
            }
            plan.count += planned.jobs.count
            plan.events.append(planned)
        }
        return plan
    }

    private func planned(
        _ incoming: IncomingEvent, _ trigger: Trigger, now: Timestamp
    ) throws(IntakeError) -> DirectPlan.Planned {
        // The runs' ids follow from the event.
        let record = try plan(incoming, now: now) { RunID(high: 0, low: 0) }
        var planned = DirectPlan.Planned(
            jobs: record.runs.compactMap { run in trigger.jobs.firstIndex(of: run.job) },
            input: record.runs.first?.input)
        if record.event.id != incoming.event.id { planned.event = record.event }
        let isForNobody = if case .nobody = incoming.addressee { true } else { false }
        if isForNobody || record.isUndecided {
            planned.record = record
            planned.record?.runs = []
        }
        return planned
    }
}
