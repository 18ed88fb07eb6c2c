package import CloudEvents
package import NightjarCore

extension JSONWriter {
    /// A run, in the shape that the API promises.
    ///
    /// The input is the JSON value itself, a string for other text, or `{"base64": …}`.
    /// - Parameter wait: what it waits for, if that was asked.
    package mutating func run(_ run: Run, waitsFor wait: RunWait? = nil) {
        beginObject()
        member("id", run.id.description)
        member("job", run.job)
        member("state", run.state.description)
        member("trigger", run.trigger)
        key("event")
        beginObject()
        member("source", run.event.source)
        member("id", run.event.id)
        member("type", run.event.type)
        member("subject", run.event.subject)
        endObject()
        member("key", run.key)
        if let items = run.items { member("items", items) }
        if let done = run.itemsDone { member("itemsDone", done) }
        member("priority", run.priority)
        if let expiresAt = run.expiresAt { member("expiresAt", expiresAt) }
        member("createdAt", run.createdAt)
        member("runAt", run.runAt)
        member("finishedAt", run.finishedAt)
        key("attempts")
        beginArray()
        for attempt in run.attempts { self.attempt(attempt) }
        endArray()
        if let progress = run.progress {
            key("progress")
            self.progress(progress)
        }
        // A batch's input is its items, of which this run's own event is only the first.
        if let input = run.input, run.items == nil {
            key("input")
            raw(input)
        } else if let data = run.event.data, run.items == nil {
            key("input")
            self.data(data, contentType: run.event.dataContentType)
        }
        if let inputEditedAt = run.inputEditedAt { member("inputEditedAt", inputEditedAt) }
        if let result = run.result {
            key("result")
            raw(result)
        }
        member("reason", run.reason)
        if run.isCancelRequested { member("cancelRequested", true) }
        if let wait {
            key("waitsFor")
            self.wait(wait)
        }
        endObject()
    }

    private mutating func wait(_ wait: RunWait) {
        beginObject()
        member("kind", wait.kind)
        member("text", wait.description)
        if let until = wait.until { member("until", until) }
        member("run", wait.run?.description)
        endObject()
    }

    private mutating func attempt(_ attempt: Attempt) {
        beginObject()
        member("number", attempt.number)
        member("node", attempt.node)
        member("startedAt", attempt.startedAt)
        member("endedAt", attempt.endedAt)
        member("outcome", attempt.outcome?.description)
        member("error", attempt.error)
        member("output", attempt.output.map { String(decoding: $0, as: UTF8.self) })
        endObject()
    }

    private mutating func progress(_ progress: Progress) {
        beginObject()
        key("fraction")
        double(progress.fraction)
        member("text", progress.text)
        endObject()
    }

    private mutating func data(_ data: [UInt8], contentType: String?) {
        let isJSON = contentType == nil || JSONText.isJSONContentType(contentType)
        if isJSON, JSONText.isValid(data) {
            raw(data)
        } else if let text = String(validating: data, as: UTF8.self) {
            string(text)
        } else {
            beginObject()
            member("base64", Base64.encode(data))
            endObject()
        }
    }

    /// A change of a run.
    package mutating func update(_ update: RunUpdate) {
        beginObject()
        member("run", update.run.description)
        member("job", update.job)
        member("trigger", update.trigger)
        member("state", update.state.description)
        member("attempt", update.attempt)
        if let progress = update.progress {
            key("progress")
            self.progress(progress)
        }
        member("reason", update.reason)
        member("at", update.at)
        endObject()
    }

    /// A page of runs.
    package mutating func page(_ page: RunPage) {
        beginObject()
        key("runs")
        beginArray()
        for run in page.runs { self.run(run) }
        endArray()
        key("next")
        if let next = page.next { string(next.description) } else { null() }
        endObject()
    }

    /// What a command did to one run.
    package mutating func change(_ change: RunChange) {
        beginObject()
        member("id", change.id.description)
        member("job", change.job)
        switch change.outcome {
        case .changed(let state):
            member("outcome", "changed")
            member("state", state.description)
        case .cancelRequested: member("outcome", "cancelRequested")
        case .notApplicable(let state):
            member("outcome", "notApplicable")
            member("state", state.description)
        case .notFound: member("outcome", "notFound")
        }
        endObject()
    }
}
