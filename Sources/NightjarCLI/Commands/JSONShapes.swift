import CloudEvents
import NightjarCore

/// The JSON shapes of `--json`: those of the HTTP API.
enum JSONShapes {
    /// A list of runs.
    static func runs(_ page: RunPage) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("runs")
        writer.beginArray()
        for run in page.runs { write(run, to: &writer) }
        writer.endArray()
        writer.key("next")
        if let next = page.next { writer.string("\(next)") } else { writer.null() }
        writer.endObject()
        return writer.bytes
    }

    /// A run.
    static func write(_ run: Run, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("id", "\(run.id)")
        writer.member("job", run.job)
        writer.member("state", "\(run.state)")
        writer.member("trigger", run.trigger)
        writer.key("event")
        writer.beginObject()
        writer.member("source", run.event.source)
        writer.member("id", run.event.id)
        writer.member("type", run.event.type)
        writer.endObject()
        writer.member("priority", run.priority)
        writer.member("createdAt", run.createdAt)
        writer.member("runAt", run.runAt)
        writer.member("finishedAt", run.finishedAt)
        writer.key("attempts")
        writer.beginArray()
        for attempt in run.attempts { write(attempt, to: &writer) }
        writer.endArray()
        if let progress = run.progress {
            writer.key("progress")
            writer.beginObject()
            writer.key("fraction")
            writer.double(progress.fraction)
            writer.member("text", progress.text)
            writer.endObject()
        }
        if let result = run.result {
            writer.key("result")
            writer.raw(result)
        }
        writer.member("reason", run.reason)
        writer.endObject()
    }

    private static func write(_ attempt: Attempt, to writer: inout JSONWriter) {
        writer.beginObject()
        writer.member("number", attempt.number)
        writer.member("node", attempt.node)
        writer.member("startedAt", attempt.startedAt)
        writer.member("endedAt", attempt.endedAt)
        writer.member("outcome", attempt.outcome.map { "\($0)" })
        writer.member("error", attempt.error)
        writer.member("output", attempt.output.map { String(decoding: $0, as: UTF8.self) })
        writer.endObject()
    }

    /// An event with its decisions.
    static func event(_ record: EventRecord) -> [UInt8] {
        var writer = JSONWriter()
        write(record, refusals: [], to: &writer)
        return writer.bytes
    }

    /// Events with their decisions and those of the present triggers.
    static func explanations(_ explanations: [EventExplanation]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("events")
        writer.beginArray()
        for explanation in explanations { write(explanation.record, refusals: explanation.refusals, to: &writer) }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    private static func write(_ record: EventRecord, refusals: [Decision], to writer: inout JSONWriter) {
        writer.beginObject()
        writer.key("event")
        JSONEventFormat.write(record.event, to: &writer)
        writer.member("acceptedAt", record.acceptedAt)
        writer.key("decisions")
        writer.beginArray()
        for decision in record.decisions + refusals {
            writer.beginObject()
            writer.member("trigger", decision.trigger)
            writer.member("job", decision.job)
            writer.member("outcome", decision.outcome.rawValue)
            writer.member("run", decision.run.map { "\($0)" })
            writer.member("reason", decision.reason)
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
    }

    /// The triggers of a configuration.
    static func triggers(_ triggers: [ConfigurationOutline.TriggerOutline], pauses: Set<Pause>) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("triggers")
        writer.beginArray()
        for trigger in triggers {
            writer.beginObject()
            writer.member("name", trigger.name)
            writer.member("kind", trigger.kind)
            writer.member("summary", trigger.summary)
            writer.key("jobs")
            writer.beginArray()
            for job in trigger.jobs { writer.string(job) }
            writer.endArray()
            writer.member("isPaused", pauses.contains(Pause(.trigger, trigger.name)))
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// The jobs of a configuration.
    static func jobs(_ jobs: [JobStatus]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("jobs")
        writer.beginArray()
        for job in jobs {
            writer.beginObject()
            writer.member("name", job.name)
            writer.member("kind", job.kind)
            writer.member("isPaused", job.isPaused)
            writer.member("running", job.running)
            writer.key("counts")
            writer.beginObject()
            for state in RunState.allCases {
                if let count = job.counts[state] { writer.member("\(state)", count) }
            }
            writer.endObject()
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// The answer to events.
    static func answers(_ answers: [Acceptance]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("events")
        writer.beginArray()
        for answer in answers {
            writer.beginObject()
            writer.member("source", answer.source)
            writer.member("id", answer.id)
            writer.member("outcome", answer.outcome.rawValue)
            writer.key("runs")
            writer.beginArray()
            for run in answer.runs { writer.string("\(run)") }
            writer.endArray()
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }

    /// What was done to runs.
    static func changes(_ changes: [RunChange]) -> [UInt8] {
        var writer = JSONWriter()
        writer.beginObject()
        writer.key("changes")
        writer.beginArray()
        for change in changes {
            writer.beginObject()
            writer.member("id", "\(change.id)")
            writer.member("job", change.job)
            switch change.outcome {
            case .changed(let state):
                writer.member("outcome", "changed")
                writer.member("state", "\(state)")
            case .cancelRequested: writer.member("outcome", "cancelRequested")
            case .notApplicable(let state):
                writer.member("outcome", "notApplicable")
                writer.member("state", "\(state)")
            case .notFound: writer.member("outcome", "notFound")
            }
            writer.endObject()
        }
        writer.endArray()
        writer.endObject()
        return writer.bytes
    }
}
