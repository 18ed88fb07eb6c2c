import CloudEvents
import NightjarCore

/// What is decided on a kept event when it is looked at again.
struct ReplayPlan {
    /// What a trigger says.
    struct Answer {
        var trigger: String
        /// Why it starts no job; `nil` if it does.
        var reason: String?
    }

    /// What changes in the store; empty if nothing does.
    var records: [IntakeRecord] = []
    /// What each trigger says that was asked.
    var answers: [Answer] = []
    /// Why none was asked.
    var reason: String?
}

extension IntakePlanner {
    /// Decides again on an event, as ``plan(_:now:makeID:)`` would if it came now, for those whom it was for.
    ///
    /// Jobs that have a run of it get none. The event keeps its identity; only one whose trigger could not tell it becomes
    /// a new event once that can be told, so that the same thing, should it come again, makes no second run.
    /// - Parameter only: the one trigger that is asked; `nil` for all.
    func replan(
        _ stored: EventRecord, only: String? = nil, now: Timestamp, makeID: () -> RunID
    ) -> ReplayPlan {
        var replan = Replan(planner: self, stored: stored, only: only, now: now)
        switch addressee(of: stored) {
        case .bus: replan.askBus(makeID)
        case .trigger(let name, let isIdentified): replan.ask(name, isIdentified: isIdentified, makeID)
        case .job(let name): replan.plan.reason = "it started the job \"\(name)\" by hand"
        case .nobody: replan.plan.reason = "it says what a source did, and is for no trigger"
        case nil: replan.plan.reason = "whom it was for is not known: the triggers that decided on it are gone"
        }
        return replan.plan
    }

    /// Whom an event was for. Those of before this was kept tell it by the decisions on them: what was published was decided on
    /// by triggers of the bus or by none, what came to one trigger by that one.
    private func addressee(of stored: EventRecord) -> EventAddressee? {
        if let addressee = stored.addressee { return addressee }
        guard !stored.decisions.isEmpty else { return .bus }
        for decision in stored.decisions {
            guard let name = decision.trigger else { return .job(decision.job ?? "") }
            guard let trigger = triggers[name] else { continue }
            guard case .bus = trigger.origin else {
                let isIdentified = decision.outcome != .refused || !(decision.reason ?? "").hasPrefix("id ")
                return .trigger(name, isIdentified: isIdentified)
            }
            return .bus
        }
        return nil
    }
}

/// The decision on one event, while it is made.
private struct Replan {
    let planner: IntakePlanner
    let stored: EventRecord
    let only: String?
    let now: Timestamp
    var plan = ReplayPlan()

    mutating func askBus(_ makeID: () -> RunID) {
        var wanted: [Trigger] = []
        if let only {
            guard let trigger = planner.triggers[only], case .bus(let filter) = trigger.origin else {
                plan.reason = "it was published, and \"\(only)\" is no trigger of the event bus"
                return
            }
            if let refusal = filter.refusal(of: stored.event) {
                plan.answers.append(.init(trigger: only, reason: refusal))
                return
            }
            wanted = [trigger]
        } else {
            wanted = planner.index.candidates(for: stored.event.type)
                .filter { $0.filter.wants(type: stored.event.type, source: stored.event.source) }.map(\.trigger)
        }
        guard !wanted.isEmpty else {
            plan.reason = "no trigger wants the type \"\(stored.event.type)\" from \"\(stored.event.source)\""
            return
        }
        var record = again
        let event = EventValue(stored.event)
        for trigger in wanted { start(trigger, event, &record, makeID) }
        take(record)
    }

    mutating func ask(_ name: String, isIdentified: Bool, _ makeID: () -> RunID) {
        guard only == nil || only == name else {
            plan.reason = "it came to the trigger \"\(name)\""
            return
        }
        guard let trigger = planner.triggers[name] else {
            plan.reason = "it came to the trigger \"\(name)\", which is not in the configuration"
            return
        }
        let event = EventValue(stored.event)
        var record = again
        guard !isIdentified else {
            start(trigger, event, &record, makeID)
            return take(record)
        }
        do throws(TriggerRules.Refusal) {
            guard let id = try trigger.rules.identity(of: event), id != stored.event.id else {
                start(trigger, event, &record, makeID)
                return take(record)
            }
            askAsNew(id, trigger, event, makeID)
        } catch {
            refuse(trigger, error.reason, &record)
        }
    }

    /// The event under the identity that its trigger could not tell before.
    private mutating func askAsNew(_ id: String, _ trigger: Trigger, _ event: EventValue, _ makeID: () -> RunID) {
        var record = again
        let reason = TriggerRules.Refusal(reason: "replayed as the event \"\(id)\"").reason
        guard !stored.decisions.contains(where: { $0.trigger == trigger.name && $0.reason == reason }) else {
            plan.answers.append(.init(trigger: trigger.name, reason: reason))
            return
        }
        var new = IntakeRecord(event: stored.event, acceptedAt: now, runs: [])
        new.event.id = id
        new.addressee = .trigger(trigger.name)
        do { try new.event.validate() } catch {
            return refuse(trigger, TriggerRules.Refusal(reason: "the trigger's id: \(error)").reason, &record)
        }
        start(trigger, event, &new, makeID)
        guard !new.runs.isEmpty else {
            // It is as if it had been refused at first: it stays what it is.
            record.refusals = new.refusals
            return take(record)
        }
        record.refusals = [Decision(trigger: trigger.name, outcome: .refused, reason: reason)]
        plan.records = [new, record]
    }

    private mutating func refuse(_ trigger: Trigger, _ reason: String, _ record: inout IntakeRecord) {
        record.refusals = [Decision(trigger: trigger.name, outcome: .refused, reason: reason)]
        plan.answers.append(.init(trigger: trigger.name, reason: reason))
        take(record)
    }

    private var again: IntakeRecord {
        var record = IntakeRecord(event: stored.event, acceptedAt: now, runs: [])
        record.isReplay = true
        return record
    }

    /// Asks one trigger, and notes what it says.
    private mutating func start(
        _ trigger: Trigger, _ event: EventValue, _ record: inout IntakeRecord, _ makeID: () -> RunID
    ) {
        let refused = record.refusals.count
        planner.start(trigger, event, &record, now: now, makeID: makeID)
        // It made a run, joined one, or another run stands for the one that it was not to make.
        let done = Set(stored.decisions.lazy.filter { $0.run != nil }.compactMap(\.job))
        record.runs.removeAll { done.contains($0.job) }
        record.refusals.removeAll { $0.job.map(done.contains) ?? false }
        let reason = record.refusals.dropFirst(refused).first?.reason ?? "its jobs have runs of the event already"
        let starts = record.runs.contains { $0.trigger == trigger.name }
        plan.answers.append(.init(trigger: trigger.name, reason: starts ? nil : reason))
    }

    /// Stores what was decided, if that is anything new.
    private mutating func take(_ record: IntakeRecord) {
        let old = stored.decisions.filter { $0.outcome == .refused }
        if !record.runs.isEmpty || record.refusals(replacing: old) != old { plan.records = [record] }
    }
}
