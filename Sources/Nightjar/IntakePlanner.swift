import CloudEvents
import NightjarCore

/// Decides which runs an event makes. Time and ids are passed in.
struct IntakePlanner: Sendable {
    /// How many refusals are recorded with an event.
    private static let maximumRefusals = 100

    private let jobs: [String: JobPolicy]
    private let inputBytes: Int
    let triggers: [String: Trigger]
    let index: TriggerIndex

    /// A planner for these jobs and triggers; the triggers' jobs must be among the jobs.
    /// - Parameter inputBytes: how large an input that a trigger makes may be.
    init(jobs: [String: JobPolicy], triggers: [Trigger], inputBytes: Int = 1 << 20) {
        self.jobs = jobs
        self.inputBytes = inputBytes
        self.triggers = Dictionary(triggers.map { ($0.name, $0) }) { first, _ in first }
        index = TriggerIndex(triggers)
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
            let candidates = index.candidates(for: incoming.event.type)
            guard !candidates.isEmpty else { break }
            let event = EventValue(incoming.event)
            for entry in candidates where entry.filter.refusal(of: incoming.event) == nil {
                start(entry.trigger, event, &record, now: now, makeID: makeID)
            }
        case .trigger(let name):
            guard let trigger = triggers[name] else {
                throw IntakeError(.unknownTrigger, "there is no trigger \"\(name)\"")
            }
            record.addressee = .trigger(name)
            let event = EventValue(incoming.event)
            do throws(TriggerRules.Refusal) {
                if let id = try trigger.rules.identity(of: event) { record.event.id = id }
            } catch {
                // The event is kept under the id that it came with, so that nothing is lost.
                record.addressee = .trigger(name, isIdentified: false)
                refuse(trigger, error, &record)
                break
            }
            do { try record.event.validate() } catch {
                throw IntakeError(.invalidEvent, "the trigger's id: \(error)", underlying: error)
            }
            start(trigger, event, &record, now: now, makeID: makeID)
        case .job(let name, let runAt):
            guard let policy = jobs[name] else { throw IntakeError(.unknownJob, "there is no job \"\(name)\"") }
            record.addressee = .job(name)
            let run = NewRun(
                id: makeID(), job: name, trigger: nil, runAt: runAt ?? now, priority: policy.priority)
            do throws(TriggerRules.Refusal) {
                var run = try policy.applied(
                    to: run, EventValue(incoming.event), bytes: incoming.event.data?.count ?? 0, now: now,
                    isTimeGiven: runAt != nil)
                // Who starts it by hand means it.
                run.dropsBeyond = NewRun.DropLimits()
                record.runs.append(run)
            } catch {
                throw IntakeError(.invalidEvent, "the job \"\(name)\" cannot take it: \(error.reason)")
            }
        case .nobody(let trigger, let reason):
            record.addressee = .nobody
            record.refusals.append(Decision(trigger: trigger, outcome: .refused, reason: reason))
        }
        return record
    }

    /// Adds the runs of a trigger that wants the event, or its refusal.
    func start(
        _ trigger: Trigger, _ event: EventValue, _ record: inout IntakeRecord, now: Timestamp, makeID: () -> RunID
    ) {
        let plan: TriggerRules.Plan
        do { plan = try trigger.rules.plan(event) } catch { return refuse(trigger, error, &record) }
        guard plan.input?.count ?? 0 <= inputBytes else {
            let reason = "input has \(plan.input?.count ?? 0) bytes, the limit is \(inputBytes)"
            return refuse(trigger, TriggerRules.Refusal(reason: reason), &record)
        }
        for job in trigger.jobs where !record.runs.contains(where: { $0.job == job }) {
            let policy = jobs[job] ?? JobPolicy()
            let run = NewRun(
                id: makeID(), job: job, trigger: trigger.name, runAt: now + trigger.delay + plan.delay,
                priority: plan.priority ?? policy.priority, input: plan.input)
            do throws(TriggerRules.Refusal) {
                let bytes = plan.input?.count ?? record.event.data?.count ?? 0
                record.runs.append(try policy.applied(to: run, event, bytes: bytes, now: now))
            } catch {
                refuse(trigger, error, &record, job: job)
            }
        }
    }

    func refuse(
        _ trigger: Trigger, _ refusal: TriggerRules.Refusal, _ record: inout IntakeRecord, job: String? = nil
    ) {
        if !refusal.isWished { record.isUndecided = true }
        guard record.refusals.count < Self.maximumRefusals else { return }
        record.refusals.append(Decision(trigger: trigger.name, job: job, outcome: .refused, reason: refusal.reason))
    }
}
