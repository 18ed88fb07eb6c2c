package import CloudEvents
package import NightjarCore

extension JSONWriter {
    /// What the intake answered for a batch.
    package mutating func acceptances(_ answers: [Acceptance]) {
        beginObject()
        key("events")
        beginArray()
        for answer in answers {
            beginObject()
            member("source", answer.source)
            member("id", answer.id)
            member("outcome", answer.outcome.rawValue)
            key("runs")
            beginArray()
            for run in answer.runs { string(run.description) }
            endArray()
            endObject()
        }
        endArray()
        endObject()
    }

    /// An event and every decision taken on it.
    package mutating func record(_ record: EventRecord) {
        beginObject()
        key("event")
        JSONEventFormat.write(record.event, to: &self)
        key("sequence")
        integer(record.sequence)
        member("acceptedAt", record.acceptedAt)
        switch record.addressee {
        case .trigger(let name, _): member("addressee", "trigger:\(name)")
        case let addressee?: member("addressee", addressee.description)
        case nil: break
        }
        key("decisions")
        beginArray()
        for decision in record.decisions {
            beginObject()
            member("trigger", decision.trigger)
            member("job", decision.job)
            member("outcome", decision.outcome.rawValue)
            member("run", decision.run?.description)
            member("reason", decision.reason)
            endObject()
        }
        endArray()
        endObject()
    }

    /// A trigger as people see it.
    package mutating func trigger(_ trigger: TriggerStatus) {
        beginObject()
        member("name", trigger.name)
        member("kind", trigger.kind)
        member("summary", trigger.summary)
        key("jobs")
        beginArray()
        for job in trigger.jobs { string(job) }
        endArray()
        member("paused", trigger.isPaused)
        switch trigger.health {
        case .starting: member("health", "starting")
        case .running: member("health", "running")
        case .failing(let reason):
            member("health", "failing")
            member("reason", reason)
        }
        member("accepted", trigger.accepted)
        member("delivery", trigger.delivery.rawValue)
        if let waiting = trigger.waiting { member("waiting", waiting) }
        member("reconnects", trigger.reconnects)
        endObject()
    }

    /// A job as people see it. Durations are in seconds.
    package mutating func job(_ job: JobStatus) {
        beginObject()
        member("name", job.name)
        member("kind", job.kind)
        member("paused", job.isPaused)
        if !job.pausedKeys.isEmpty {
            key("pausedKeys")
            beginArray()
            for key in job.pausedKeys { string(key) }
            endArray()
        }
        member("running", job.running)
        key("counts")
        beginObject()
        for state in RunState.allCases {
            if let count = job.counts[state] { member(state.description, count) }
        }
        endObject()
        policy(job.policy)
        endObject()
    }
}
