import CloudEvents
import Foundation
import HTTPTypes
import Hummingbird
import NIOCore
import NightjarCore
import ServiceLifecycle

extension API {
    /// Takes CloudEvents for the event bus.
    func publish(_ request: RequestReader) async throws -> Response {
        let body = try await request.body()
        let decoded = try HTTPBinding.decode(
            request.request.headers, body: body, maximumBatchCount: configuration.maximumBatchEvents)
        let answers = try await node.intake.accept(decoded.events.map { IncomingEvent($0) })
        return .json(.accepted) { $0.acceptances(answers) }
    }

    /// Takes a request to a trigger's endpoint.
    func receive(_ endpoint: HTTPEndpoint, _ request: RequestReader) async throws -> Response {
        let body = try await request.body(limit: endpoint.maximumBodyBytes)
        let events: [Event]
        if HTTPBinding.isCloudEvent(request.request.headers) {
            events = try HTTPBinding.decode(
                request.request.headers, body: body, maximumBatchCount: configuration.maximumBatchEvents
            ).events
        } else {
            let event = try await event(endpoint, request, body)
            // Before it is accepted: a duplicate makes runs for jobs that have none of it yet.
            if !endpoint.hasOwnIDs, try request.idempotencyKey() != nil { try await checkSame(event) }
            events = [event]
        }
        let answers = try await node.intake.accept(
            events.map { IncomingEvent($0, to: .trigger(endpoint.trigger)) })
        return .json(.accepted) { $0.acceptances(answers) }
    }

    /// A key that comes again with another body is a mistake (draft-ietf-httpapi-idempotency-key-header, section 2.7).
    private func checkSame(_ event: Event) async throws {
        let kept = try await node.store.events(id: event.id, source: event.source).first
        guard let kept, kept.event.data != event.data else { return }
        throw Problem(.unprocessableContent, "the Idempotency-Key was used with another body before")
    }

    private func event(_ endpoint: HTTPEndpoint, _ request: RequestReader, _ body: [UInt8]) async throws -> Event {
        let contentType = request.request.headers[.contentType]
        if JSONText.isJSONContentType(contentType) { try JSONText.validate(body) }
        var event = Event(
            id: try request.idempotencyKey() ?? UUID().uuidString.lowercased(), source: endpoint.path,
            type: endpoint.eventType, time: node.time.now, dataContentType: contentType, data: body)
        event.extensions["method"] = .string(endpoint.method)
        if let query = request.request.uri.query, !query.isEmpty { event.extensions["query"] = .string(query) }
        return event
    }

    /// Starts a job with the body as input.
    func start(_ job: String, _ request: RequestReader) async throws -> Response {
        let runAt = try startTime(request)
        let wait = try request.preferredWait()
        let body = try await request.body()
        let contentType = request.request.headers[.contentType]
        if JSONText.isJSONContentType(contentType) { try JSONText.validate(body) }
        let key = try request.idempotencyKey()
        let event = Event(
            id: key ?? UUID().uuidString.lowercased(), source: "/v1/jobs/\(job)", type: "nightjar.job.start",
            time: node.time.now, dataContentType: contentType, data: body.isEmpty && contentType == nil ? nil : body)
        // Listening begins before the start, so that no change is missed.
        let updates = node.updates()
        guard Job.isValidName(job) else { throw Problem(.notFound, "there is no job \"\(job)\"") }
        let answer: Acceptance?
        do throws(IntakeError) {
            answer = try await node.intake.accept([IncomingEvent(event, to: .job(job, runAt: runAt))]).first
        } catch {
            // The only one that there is.
            var error = error
            error.index = nil
            throw error
        }
        guard let id = answer?.runs.first else { throw Problem(.internalServerError, "the start made no run") }
        var headers: HTTPFields = [.location: "/v1/runs/\(id)"]
        guard var run = await known(id) else { return Self.brief(.accepted, id, job, headers) }
        if answer?.outcome == .duplicate {
            // Not the run's own event: it may have joined a run, or found one that stands for it.
            do { try await checkSame(event) } catch is StoreError {}
            if let name = HTTPField.Name("Idempotent-Replayed") { headers[name] = "true" }
        }
        if let wait {
            if let name = HTTPField.Name("Preference-Applied") { headers[name] = "wait=\(wait.components.seconds)" }
            // The run is durable: what cannot be read of it now is no reason to say that it was not taken.
            do { run = try await finished(run, updates, within: wait) } catch is StoreError {}
        }
        let answered = run
        return .json(answered.state.isFinished ? .ok : .accepted, headers: headers) { $0.run(answered) }
    }

    /// The run as it stands; `nil` if it cannot be read now.
    func known(_ id: RunID) async -> Run? {
        do throws(StoreError) { return try await node.store.run(id) } catch { return nil }
    }

    /// The answer about a run that is durable and cannot be read now.
    static func brief(
        _ status: HTTPResponse.Status, _ id: RunID, _ job: String, _ headers: HTTPFields = [:]
    ) -> Response {
        .json(status, headers: headers) { json in
            json.beginObject()
            json.member("id", id.description)
            json.member("job", job)
            json.endObject()
        }
    }

    private func startTime(_ request: RequestReader) throws -> Timestamp? {
        let delay = try request.query("delay").last
        if let text = try request.query("runAt").last {
            guard delay == nil else { throw Problem(.badRequest, "both delay and runAt are given; expected one") }
            guard let time = Timestamp(rfc3339: text) else {
                throw Problem(.badRequest, "runAt is \"\(text)\"; expected a timestamp such as 2026-01-31T08:00:00Z")
            }
            return time
        }
        guard let text = delay else { return nil }
        guard let seconds = Double(text.hasSuffix("s") ? String(text.dropLast()) : text), seconds >= 0, seconds < 1e9
        else {
            throw Problem(.badRequest, "delay is \"\(text)\"; expected seconds such as 10s")
        }
        return node.time.now + .microseconds(Int64(seconds * 1_000_000))
    }

    /// The run once it is finished, or as it stands when the time is over. Looks twice a second as well, for a run that
    /// another node does.
    private func finished(_ run: Run, _ updates: AsyncStream<RunUpdate>, within limit: Duration) async throws -> Run {
        if run.state.isFinished { return run }
        let time = node.time
        let deadline = time.elapsed + limit
        return try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask {
                let finished = updates.filter { $0.run == run.id && $0.state.isFinished }
                // A server that stops answers at once: with the run as it stands.
                for await _ in finished.cancelOnGracefulShutdown() { return }
            }
            group.addTask { [node] in
                while time.elapsed < deadline {
                    try await time.sleep(for: min(deadline - time.elapsed, .milliseconds(500)))
                    if try await node.store.run(run.id)?.state.isFinished ?? true { return }
                }
            }
            try await group.next()
            group.cancelAll()
            return try await self.run(run.id.description)
        }
    }

    func event(_ id: String, _ request: RequestReader) async throws -> Response {
        let records = try await node.store.events(id: id, source: try request.query("source").last)
        guard let record = records.first else { throw Problem(.notFound, "there is no event \"\(id)\"") }
        guard records.count == 1 else {
            throw Problem(
                .conflict,
                "\(records.count) sources have an event \"\(id)\": say which with ?source=, one of "
                    + records.map(\.event.source).joined(separator: ", "))
        }
        return .json { $0.record(record) }
    }

    func tail(_ request: RequestReader) async throws -> Response {
        let after = try request.query("after").last.map { text -> Int64 in
            guard let sequence = Int64(text) else {
                throw Problem(.badRequest, "after must be the sequence of an event")
            }
            return sequence
        }
        let records = try await node.store.events(
            after: after, limit: try request.number("limit", in: 1...500, default: 50))
        return .json { json in json.list("events", records) { $0.record($1) } }
    }
}
