import CloudEvents
import HTTPTypes
import Hummingbird
import NIOCore
import NightjarCore

/// The management API: each route as a method.
struct API: Sendable {
    let node: any ManagedNode
    let configuration: HTTPServerConfiguration

    private static let filters = ["state", "job", "trigger", "text", "limit", "cursor"]

    /// Every route, in one place: the server serves these, and a test holds the description against them.
    static let routes: [Route] = [
        Route(.post, "/v1/events") { api, request, _ in try await api.publish(request) },
        Route(.get, "/v1/events", query: ["after", "limit"]) { api, request, _ in try await api.tail(request) },
        Route(.get, "/v1/events/{id}", query: ["source"]) { api, request, path in
            try await api.event(path["id"] ?? "", request)
        },
        Route(.post, "/v1/jobs/{job}/runs", query: ["delay", "runAt"]) { api, request, path in
            try await api.start(path["job"] ?? "", request)
        },
        Route(.get, "/v1/runs", query: filters) { api, request, _ in try await api.runs(request) },
        Route(.post, "/v1/runs/{command}", query: filters + ["dryRun"]) { api, request, path in
            try await api.changeMany(path["command"] ?? "", request)
        },
        Route(.get, "/v1/runs/{id}") { api, _, path in
            let run = try await api.run(path["id"] ?? "")
            let wait = try await api.wait(of: run)
            return .json { $0.run(run, waitsFor: wait) }
        },
        Route(.post, "/v1/runs/{id}/{command}") { api, request, path in
            try await api.changeOne(path["id"] ?? "", path["command"] ?? "", request)
        },
        Route(.get, "/v1/runs/{id}/updates") { api, _, path in
            let run = try await api.run(path["id"] ?? "")
            return Updates(node: api.node).response(for: run)
        },
        Route(
            .post, "/v1/replay",
            query: [
                "trigger", "type", "source", "when", "since", "until", "all", "dryRun", "limit", "cursor",
            ]
        ) { api, request, _ in try await api.replay(request) },
        Route(.get, "/v1/updates") { api, _, _ in Updates(node: api.node).response() },
        Route(.get, "/v1/triggers") { api, _, _ in
            let triggers = try await api.node.triggers()
            return .json { json in json.list("triggers", triggers) { $0.trigger($1) } }
        },
        Route(.get, "/v1/jobs") { api, _, _ in
            let jobs = try await api.node.jobs()
            return .json { json in json.list("jobs", jobs) { $0.job($1) } }
        },
        Route(.post, "/v1/triggers/{name}/{command}") { api, _, path in
            try await api.pause(.trigger, path["name"] ?? "", path["command"] ?? "")
        },
        Route(.post, "/v1/jobs/{name}/{command}") { api, _, path in
            try await api.pause(.job, path["name"] ?? "", path["command"] ?? "")
        },
        Route(.post, "/v1/jobs/{job}/keys/{key}/{command}") { api, _, path in
            try await api.pause(.key, path["job"] ?? "", path["command"] ?? "", key: path["key"] ?? "")
        },
        Route(.get, "/metrics", query: nil) { api, _, _ in try await api.metrics() },
        Route(.get, "/healthz", needsToken: false, query: nil) { _, _, _ in .json { $0.status("ok") } },
        Route(.get, "/readyz", needsToken: false, query: nil) { api, _, _ in
            switch await api.node.readiness() {
            case .ready: return .json { $0.status("ready") }
            case .notReady(let reason):
                var problem = Problem(.serviceUnavailable, reason)
                problem.headers[.retryAfter] = "1"
                throw problem
            }
        },
        Route(.get, "/openapi.json", needsToken: false, query: nil) { _, _, _ in
            Response(
                status: .ok, headers: [.contentType: "application/json"],
                body: .init(byteBuffer: ByteBuffer(string: OpenAPI.document)))
        },
        Route(.get, "/", needsToken: false, query: nil) { _, _, _ in
            Response(
                status: .ok, headers: [.contentType: "text/html; charset=utf-8"],
                body: .init(byteBuffer: ByteBuffer(string: IndexPage.html)))
        },
    ]

    func run(_ text: String) async throws -> Run {
        guard let id = RunID(text) else {
            throw Problem(.notFound, "\"\(text)\" is not the id of a run; expected a UUID")
        }
        guard let run = try await node.store.run(id) else { throw Problem(.notFound, "there is no run \(id)") }
        return run
    }

    /// What a run waits for.
    private func wait(of run: Run) async throws -> RunWait? {
        guard run.state.isWaiting, let circumstances = try await node.store.circumstances(of: run.id) else {
            return nil
        }
        let policy = try await node.jobs().first { $0.name == run.job }?.policy
        return RunWait(circumstances, policy: policy, now: node.time.now)
    }

    private func runs(_ request: RequestReader) async throws -> Response {
        let cursor = try request.query("cursor").last
        let before = try cursor.map { text -> RunID in
            guard let id = RunID(text) else { throw Problem(.badRequest, "the cursor is not one that this API gave") }
            return id
        }
        let page = try await node.store.runs(
            RunQuery(
                try filter(request), before: before, limit: try request.number("limit", in: 1...500, default: 50)))
        return .json { $0.page(page) }
    }

    func filter(_ request: RequestReader) throws -> RunFilter {
        var filter = RunFilter()
        for name in try request.query("state").flatMap({ $0.split(separator: ",") }) {
            guard let state = RunState(name: name) else {
                let known = RunState.allCases.map(\.description).joined(separator: ", ")
                throw Problem(.badRequest, "\"\(name)\" is not a state; expected one of \(known)")
            }
            filter.states.insert(state)
        }
        // A parameter without a value says nothing: it must not stand for all runs.
        filter.job = try request.query("job").last { !$0.isEmpty }
        filter.trigger = try request.query("trigger").last { !$0.isEmpty }
        filter.text = try request.query("text").last { !$0.isEmpty }
        return filter
    }

    /// Pauses or resumes a job, a trigger, or a key of a job of that name.
    private func pause(
        _ kind: Pause.Kind, _ name: String, _ command: String, key: String? = nil
    ) async throws -> Response {
        guard command == "pause" || command == "resume" else {
            throw Problem(.notFound, "there is no command \"\(command)\"; expected pause or resume")
        }
        let names =
            kind == .trigger ? try await node.triggers().map(\.name) : try await node.jobs().map(\.name)
        let pause = key.map { Pause(key: $0, ofJob: name) } ?? Pause(kind, name)
        // What was paused may have left the configuration since.
        var isKnown = names.contains(name)
        if !isKnown, command == "resume" { isKnown = try await node.store.pauses().contains(pause) }
        guard isKnown else {
            throw Problem(.notFound, "there is no \(kind == .trigger ? "trigger" : "job") \"\(name)\"")
        }
        try await node.setPaused(pause, command == "pause")
        return .json { json in
            json.beginObject()
            json.member("name", name)
            json.member("key", key)
            json.member("paused", command == "pause")
            json.endObject()
        }
    }
}

extension JSONWriter {
    mutating func status(_ text: String) {
        beginObject()
        member("status", text)
        endObject()
    }

    mutating func list<Item>(_ name: String, _ items: [Item], _ write: (inout JSONWriter, Item) -> Void) {
        beginObject()
        key(name)
        beginArray()
        for item in items { write(&self, item) }
        endArray()
        endObject()
    }
}
