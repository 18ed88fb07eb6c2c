import CloudEvents
import Foundation
import Nightjar
import NightjarCore
import NightjarHTTP
import Testing

@Suite("Commands on many and replays, over HTTP")
struct BulkTests {
    private static let json = ["content-type": "application/json"]

    /// Starts that end dead.
    private func makeDead(_ count: Int, on server: TestServer) async throws -> [String] {
        var ids: [String] = []
        for _ in 0..<count {
            let answer = try await server.request(
                "POST", "/v1/jobs/hopeless/runs", headers: ["prefer": "wait=10", "content-type": "application/json"],
                body: "{\"n\": 1}")
            ids.append(try #require(answer.object["id"] as? String))
        }
        return ids
    }

    /// The run as the store has it.
    private func stored(_ id: String, on server: TestServer) async throws -> Run {
        let id = try #require(RunID(id))
        return try #require(try await server.runtime.store.run(id))
    }

    @Test("whoever follows next covers all that fitted when it began, each once, and nothing that came later")
    func pages() async throws {
        try await withServer { (server) async throws -> Void in
            let ids = try await makeDead(5, on: server)
            var visited: [String] = []
            var cursor = ""
            for page in 0..<10 {
                let answer = try await server.request(
                    "POST", "/v1/runs/discard?job=hopeless&limit=2\(cursor)")
                #expect(answer.status == 200, "\(answer.text)")
                if page == 0 { _ = try await makeDead(1, on: server) }
                let runs = answer.object["runs"] as? [[String: Any]] ?? []
                visited += runs.compactMap { $0["id"] as? String }
                guard let next = answer.object["next"] as? String else { break }
                cursor = "&cursor=\(next)"
            }
            #expect(visited == ids)
            let left = try await server.request("GET", "/v1/runs?state=dead")
            #expect((left.object["runs"] as? [Any])?.count == 1)
        }
    }

    @Test("a dry run says how many runs all pages would change, and changes none")
    func dryRun() async throws {
        try await withServer { (server) async throws -> Void in
            let ids = try await makeDead(3, on: server)
            for command in ["discard", "retry"] {
                let answer = try await server.request("POST", "/v1/runs/\(command)?job=hopeless&limit=1&dryRun=true")
                #expect(answer.status == 200, "\(answer.text)")
                #expect(answer.object["dryRun"] as? Bool == true && answer.object["changed"] as? Int == 3)
                #expect((answer.object["runs"] as? [Any])?.count == 0 && answer.object["next"] is NSNull)
            }
            _ = try await server.request("POST", "/v1/jobs/work/runs?delay=3600s")
            let cancel = try await server.request("POST", "/v1/runs/cancel?job=work&dryRun=true")
            #expect(cancel.object["changed"] as? Int == 1 && cancel.object["cancelRequested"] as? Int == 0)
            // Another node has one in hand.
            let (store, now) = (server.runtime.store, SystemTimeSource().now)
            let run = NewRun(id: RunID(high: 0x7000, low: 1 << 63), job: "other", trigger: nil, runAt: now, priority: 0)
            let event = Event(id: "1", source: "/other", type: "other")
            _ = try await store.accept([IntakeRecord(event: event, acceptedAt: now, runs: [run], stateChanges: [])])
            let claimed = try await store.claim(
                ClaimRequest(
                    node: "other", now: now, leaseExpiresAt: now + .seconds(3600),
                    demands: [.init(job: "other", limit: 1)], limit: 1))
            #expect(claimed.runs.count == 1)
            let asked = try await server.request("POST", "/v1/runs/cancel?job=other&dryRun=true")
            #expect(asked.object["changed"] as? Int == 0 && asked.object["cancelRequested"] as? Int == 1)
            let none = try await server.request("POST", "/v1/runs/discard?state=completed&dryRun=true")
            #expect(none.object["changed"] as? Int == 0)
            for id in ids { #expect(try await stored(id, on: server).state == .dead) }
        }
    }

    @Test(
        "a query parameter that nobody knows is refused, and nothing is done",
        arguments: ["jbo=hopeless", "dry=true", "%FF"])
    func unknownParameters(parameter: String) async throws {
        try await withServer { (server) async throws -> Void in
            let id = try #require(try await makeDead(1, on: server).first)
            for path in ["/v1/runs/discard?state=dead&\(parameter)", "/v1/jobs/work/pause?\(parameter)"] {
                let answer = try await server.request("POST", path)
                #expect(answer.status == 400 && answer.text.contains("expected"), "\(answer.text)")
            }
            #expect(try await server.request("GET", "/v1/runs?\(parameter)").status == 400)
            #expect(try await stored(id, on: server).state == .dead)
            #expect(try await server.runtime.store.pauses().isEmpty)
            for path in ["/healthz", "/metrics", "/", "/openapi.json"] {
                #expect(try await server.request("GET", "\(path)?\(parameter)").status == 200)
            }
        }
    }

    @Test("a retry may bring another input, which the run shows as edited; its event stays")
    func editedInput() async throws {
        try await withServer { (server) async throws -> Void in
            let id = try #require(try await makeDead(1, on: server).first)
            let answer = try await server.request(
                "POST", "/v1/runs/\(id)/retry", headers: Self.json, body: "{\"input\": {\"n\": 2.50}}")
            #expect(answer.status == 200)
            #expect(answer.text.contains("\"input\":{\"n\": 2.50}"), "\(answer.text)")
            #expect(answer.object["inputEditedAt"] is String)
            let run = try await stored(id, on: server)
            #expect(run.event.data == Array("{\"n\": 1}".utf8))
        }
    }

    @Test(
        "a body that is no input, is too large or comes for a run that is done is refused, and changes nothing",
        arguments: [
            ("{\"input\": ", 400), ("[1]", 400), ("{\"inptu\": 1}", 400), ("{\"input\":1,\"input\":2}", 400),
            ("{\"input\": \"\(String(repeating: "x", count: 200))\"}", 413),
        ])
    func refused(body: String, status: Int) async throws {
        try await withServer(runtime: RuntimeConfiguration(maximumEventBytes: 100)) { (server) async throws -> Void in
            let id = try #require(try await makeDead(1, on: server).first)
            let answer = try await server.request("POST", "/v1/runs/\(id)/retry", headers: Self.json, body: body)
            #expect(answer.status == status, "\(answer.text)")
            let run = try await stored(id, on: server)
            #expect(run.state == .dead && run.input == nil)
            let done = try await server.request("POST", "/v1/jobs/work/runs", headers: ["prefer": "wait=10"])
            let doneID = try #require(done.object["id"] as? String)
            let conflict = try await server.request(
                "POST", "/v1/runs/\(doneID)/retry", headers: Self.json, body: "{\"input\": 1}")
            #expect(conflict.status == 409)
            #expect(conflict.text.contains("a run that is completed cannot be retried with another input"))
        }
    }

    @Test("events that nobody wanted start jobs once a trigger wants them; a dry run only tells it")
    func replay() async throws {
        try await withServer { (server) async throws -> Void in
            for number in 0..<5 {
                let event =
                    #"{"specversion":"1.0","id":"e\#(number)","source":"/s","type":"later","data":{"n":\#(number)}}"#
                _ = try await server.request(
                    "POST", "/v1/events", headers: ["content-type": "application/cloudevents+json"], body: event)
            }
            let none = try await server.request("POST", "/v1/replay")
            #expect(none.object["unasked"] as? Int == 5 && none.object["runs"] as? Int == 0)
            try server.runtime.reload(
                jobs: [Job("work") { _ in }],
                triggers: [
                    Trigger("bus", kind: "event", origin: .bus(EventFilter(types: ["later"])), start: ["work"])
                ])
            let filter = "type=late*&when=event.data.n%20%3E%201"
            let dry = try await server.request("POST", "/v1/replay?\(filter)&dryRun=true")
            #expect(dry.object["runs"] as? Int == 3 && dry.object["dryRun"] as? Bool == true)
            #expect(try await server.runtime.store.count(RunFilter()) == 0)
            var runs = 0
            var cursor = ""
            for _ in 0..<10 {
                let answer = try await server.request("POST", "/v1/replay?\(filter)&limit=2\(cursor)")
                #expect(answer.status == 200, "\(answer.text)")
                runs += answer.object["runs"] as? Int ?? 0
                guard let next = answer.object["next"] as? String else { break }
                cursor = "&cursor=\(next)"
            }
            #expect(runs == 3)
            #expect(try await server.runtime.store.count(RunFilter(trigger: "bus")) == 3)
        }
    }

    @Test(
        "parameters that are wrong are told",
        arguments: [
            ("/v1/replay?since=soon", 400), ("/v1/replay?all=perhaps", 400), ("/v1/replay?when=1%20%2B%201", 400),
            ("/v1/replay?when=event.", 400), ("/v1/replay?cursor=x", 400), ("/v1/replay?limit=0", 400),
            ("/v1/replay?trigger=none", 404), ("/v1/runs/retry?state=dead&cursor=1.2.3", 400),
            ("/v1/runs/retry?state=dead&cursor=none.5", 400), ("/v1/runs/retry", 400),
        ])
    func wrong(path: String, status: Int) async throws {
        try await withServer { (server) async throws -> Void in
            let answer = try await server.request("POST", path)
            #expect(answer.status == status, "\(answer.text)")
        }
    }
}
