package import CloudEvents
package import NightjarCore

extension JSONWriter {
    /// What a replay did or would do.
    package mutating func replay(_ report: ReplayReport, isDryRun: Bool, next: String?) {
        beginObject()
        member("dryRun", isDryRun)
        member("events", report.events)
        member("started", report.started)
        member("runs", report.runs)
        key("triggers")
        beginArray()
        for answer in report.triggers { self.answer(answer) }
        endArray()
        member("unasked", report.unasked)
        reasons(report.reasons)
        key("next")
        if let next { string(next) } else { null() }
        endObject()
    }

    private mutating func answer(_ answer: ReplayReport.Answer) {
        beginObject()
        member("name", answer.trigger)
        member("events", answer.events)
        key("jobs")
        beginObject()
        for (job, runs) in answer.jobs.sorted(by: { $0.key < $1.key }) { member(job, runs) }
        endObject()
        member("refused", answer.refused)
        reasons(answer.reasons)
        endObject()
    }

    private mutating func reasons(_ reasons: [ReplayReport.Reason]) {
        key("reasons")
        beginArray()
        for reason in reasons {
            beginObject()
            member("reason", reason.text)
            member("count", reason.count)
            member("event", reason.example)
            endObject()
        }
        endArray()
    }
}
