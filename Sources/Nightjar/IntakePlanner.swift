import CloudEvents
import NightjarCore

/// Decides which runs an event makes. Time and ids are passed in.
struct IntakePlanner: Sendable {
    private let jobs: Set<String>
    private let triggers: [String: Trigger]
    private let busTriggers: [(trigger: Trigger, filter: EventFilter)]

    /// A planner for these jobs and triggers; the triggers' jobs must be among the jobs.
    init(jobs: Set<String>, triggers: [Trigger]) {
        self.jobs = jobs
        self.triggers = Dictionary(triggers.map { ($0.name, $0) }) { first, _ in first }
        busTriggers = triggers.compactMap { trigger in
            guard case .bus(let filter) = trigger.origin else { return nil }
            return (trigger, filter)
        }
    }

    /// The runs that `incoming` makes and the reasons of the triggers that refuse it.
    ///
    /// A job gets one run of an event however many triggers start it; the first trigger is recorded with it. That the
    /// type or source of a published event is not what a trigger wants is not recorded: whoever asks can ask the filter.
    func plan(
        _ incoming: IncomingEvent, now: Timestamp, makeID: () -> RunID
    ) throws(IntakeError) -> IntakeRecord {
        var record = IntakeRecord(
            event: incoming.event, acceptedAt: now, runs: [], stateChanges: incoming.stateChanges)
        switch incoming.addressee {
        case .bus:
            for (trigger, filter) in busTriggers where filter.refusal(of: incoming.event) == nil {
                start(trigger, &record, now: now, makeID: makeID)
            }
        case .trigger(let name):
            guard let trigger = triggers[name] else {
                throw IntakeError(.unknownTrigger, "there is no trigger \"\(name)\"")
            }
            start(trigger, &record, now: now, makeID: makeID)
        case .job(let name, let runAt):
            guard jobs.contains(name) else { throw IntakeError(.unknownJob, "there is no job \"\(name)\"") }
            record.runs.append(NewRun(id: makeID(), job: name, trigger: nil, runAt: runAt ?? now))
        }
        return record
    }

    private func start(_ trigger: Trigger, _ record: inout IntakeRecord, now: Timestamp, makeID: () -> RunID) {
        for job in trigger.jobs where !record.runs.contains(where: { $0.job == job }) {
            record.runs.append(NewRun(id: makeID(), job: job, trigger: trigger.name, runAt: now + trigger.delay))
        }
    }
}
