import CloudEvents
import HTTPTypes
import Hummingbird
import NightjarCore

// What people do to runs.
extension API {
    private func command(_ name: String) throws -> RunCommand {
        guard let command = RunCommand(rawValue: name) else {
            throw Problem(.notFound, "there is no command \"\(name)\"; expected retry, cancel or discard")
        }
        return command
    }

    func changeOne(_ id: String, _ name: String, _ request: RequestReader) async throws -> Response {
        let command = try command(name)
        let run = try await run(id)
        let input = command == .retry ? try await input(request) : nil
        let change: RunChange? =
            if let input {
                try await node.retry(run.id, input: input)
            } else {
                try await node.change(command, .ids([run.id]), limit: 1).first
            }
        switch change?.outcome {
        case .changed, .cancelRequested:
            let status = change?.outcome == .cancelRequested ? HTTPResponse.Status.accepted : .ok
            // What is changed is durable: that it cannot be read now is no reason to say that nothing was done.
            guard let changed = await known(run.id) else { return Self.brief(status, run.id, run.job) }
            return .json(status) { $0.run(changed) }
        case .notApplicable(let state):
            let what = input == nil ? "" : " with another input"
            var problem = Problem(.conflict, "a run that is \(state) cannot be \(Self.participle(command))\(what)")
            problem.members = [("state", state.description)]
            throw problem
        case .notFound, nil: throw Problem(.notFound, "there is no run \(id)")
        }
    }

    /// The input that a retry is to have: the member `input` of the body, if there is one.
    private func input(_ request: RequestReader) async throws -> [UInt8]? {
        let body = try await request.body()
        guard !body.isEmpty else { return nil }
        let members = try JSONText.members(of: body)
        if let other = members.first(where: { $0.name != "input" }) {
            throw Problem(.badRequest, "the body has a member \"\(other.name)\"; expected {\"input\": …}, or no body")
        }
        guard members.count <= 1 else { throw Problem(.badRequest, "the body has two inputs; expected one") }
        return members.first?.value
    }

    /// A page of the runs that fit. Whoever goes on with `next` until there is none has covered all that fitted when the first
    /// page was asked for.
    func changeMany(_ name: String, _ request: RequestReader) async throws -> Response {
        let command = try command(name)
        var filter = try filter(request)
        guard filter != RunFilter() else {
            throw Problem(
                .badRequest, "which runs? expected at least one of the query parameters state, job, trigger and text")
        }
        let limit = try request.number("limit", in: 1...10_000, default: 1000)
        let cursor = try BulkCursor(request)
        let after = try cursor.map { cursor -> RunID in
            guard let id = RunID(cursor.position) else { throw BulkCursor.unknown }
            return id
        }
        let startedAt = cursor?.startedAt ?? node.time.now
        filter.createdUntil = startedAt
        if try request.flag("dryRun") { return try await dryRun(command, filter) }
        let changes = try await node.change(command, .filter(filter, after: after), limit: limit)
        let next = changes.last.map { BulkCursor($0.id.description, startedAt: startedAt).text }
        return Self.answer(
            changed: changes.count { if case .changed = $0.outcome { true } else { false } },
            cancelRequested: changes.count { $0.outcome == .cancelRequested }, changes, next: next)
    }

    /// How many runs the command and all its pages would change.
    private func dryRun(_ command: RunCommand, _ filter: RunFilter) async throws -> Response {
        // Of a cancellation, those that run are asked to stop.
        let running: Set<RunState> = command == .cancel ? [.running] : []
        func count(_ wanted: (RunState) -> Bool) async throws -> Int {
            guard var narrowed = filter.narrowed(to: command) else { return 0 }
            narrowed.states = narrowed.states.filter(wanted)
            return narrowed.states.isEmpty ? 0 : try await node.store.count(narrowed)
        }
        let changed = try await count { !running.contains($0) }
        let asked = try await count { running.contains($0) }
        return Self.answer(changed: changed, cancelRequested: asked, isDryRun: true)
    }

    private static func answer(
        changed: Int, cancelRequested: Int, _ changes: [RunChange] = [], next: String? = nil, isDryRun: Bool = false
    ) -> Response {
        .json { json in
            json.beginObject()
            if isDryRun { json.member("dryRun", true) }
            json.member("changed", changed)
            json.member("cancelRequested", cancelRequested)
            json.key("runs")
            json.beginArray()
            for change in changes { json.change(change) }
            json.endArray()
            json.key("next")
            if let next { json.string(next) } else { json.null() }
            json.endObject()
        }
    }

    private static func participle(_ command: RunCommand) -> String {
        switch command {
        case .retry: "retried"
        case .cancel: "cancelled"
        case .discard: "discarded"
        }
    }
}
