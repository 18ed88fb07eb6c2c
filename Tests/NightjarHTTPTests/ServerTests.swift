import CloudEvents
import Foundation
import Nightjar
import NightjarCore
import NightjarHTTP
import NightjarTestKit
import Testing

@Suite("HTTP server")
struct ServerTests {
    @Test(
        "an address that others reach is not listened on without tokens",
        arguments: ["0.0.0.0", "192.168.1.2", "::", "example.com", "127.0.0.1.example.com"])
    func unprotected(host: String) async throws {
        await #expect {
            try await withServer(configuration: HTTPServerConfiguration(host: host, port: 0)) { _ in }
        } throws: { error in
            (error as? HTTPServerError)?.code == .unprotected
        }
    }

    @Test("loopback addresses need no tokens", arguments: ["127.0.0.1", "127.8.9.1", "localhost", "::1"])
    func loopback(host: String) {
        #expect(HTTPServerConfiguration(host: host).isLoopback)
    }

    @Test("with tokens, the API wants one of them; health and readiness do not")
    func tokens() async throws {
        let configuration = HTTPServerConfiguration(
            port: 0, tokens: [APIToken(name: "a", secret: "first"), APIToken(name: "b", secret: "second")])
        try await withServer(configuration: configuration) { (server) async throws -> Void in
            for secret in ["first", "second"] {
                #expect(
                    try await server.request("GET", "/v1/runs", headers: ["authorization": "Bearer \(secret)"]).status
                        == 200)
            }
            for headers in [
                [:], ["authorization": "Bearer third"], ["authorization": "Basic first"], ["authorization": "Bearer "],
            ] {
                let answer = try await server.request("GET", "/v1/runs", headers: headers)
                #expect(answer.status == 401)
                #expect(answer.headers["www-authenticate"] == "Bearer")
            }
            #expect(try await server.request("GET", "/healthz").status == 200)
            #expect(try await server.request("POST", "/v1/events", body: "{}").status == 401)
        }
    }

    @Test("without tokens, pages of other origins and names that were made to point here are refused")
    func origins() async throws {
        let configuration = HTTPServerConfiguration(port: 0, origins: ["https://shop.example"])
        try await withServer(configuration: configuration) { (server) async throws -> Void in
            let json = ["content-type": "application/json"]
            func status(_ path: String, _ more: [String: String]) async throws -> Int {
                try await server.request("POST", path, headers: json.merging(more) { $1 }, body: "{}").status
            }
            for path in ["/v1/jobs/work/runs", "/in"] {
                let others = ["https://evil.example", "http://localhost.evil.example", "null", "http://127.0.0.1.evil"]
                for origin in others {
                    #expect(try await status(path, ["origin": origin]) == 403, "\(path) from \(origin)")
                }
                let ours = ["http://localhost:3000", "http://127.0.0.1:8080", "http://[::1]", "https://shop.example"]
                for origin in ours {
                    // 200 for a start whose run is done already.
                    #expect([200, 202].contains(try await status(path, ["origin": origin])), "\(path) from \(origin)")
                }
            }
            #expect(try await server.request("GET", "/v1/runs", headers: ["host": "evil.example"]).status == 403)
            for host in ["shop.example", "localhost:1", "[::1]:1"] {
                #expect(try await server.request("GET", "/v1/runs", headers: ["host": host]).status == 200)
            }
            #expect(try await server.request("GET", "/healthz", headers: ["host": "evil.example"]).status == 200)
        }
    }

    @Test("with tokens it does not matter where a request comes from")
    func originsWithTokens() async throws {
        let configuration = HTTPServerConfiguration(port: 0, tokens: [APIToken(name: "a", secret: "s")])
        try await withServer(configuration: configuration) { (server) async throws -> Void in
            let headers = ["authorization": "Bearer s", "origin": "https://a.example", "host": "b.example"]
            let status = try await server.request("POST", "/v1/jobs/work/runs", headers: headers).status
            #expect([200, 202].contains(status))
        }
    }

    @Test("how long Prefer: wait waits does not depend on how the clock is set")
    func waitWhileClockIsSet() async throws {
        try await withServer(time: BackwardClock(SystemTimeSource())) { (server) async throws -> Void in
            let answer = try await server.request(
                "POST", "/v1/jobs/work/runs?delay=7200s", headers: ["prefer": "wait=1"])
            #expect(answer.status == 202)
            #expect(answer.headers["preference-applied"] == "wait=1")
        }
    }

    @Test("preferences that are none are passed over", arguments: [";", ",;,", "=", "wait", ";wait=1", ""])
    func preferences(prefer: String) async throws {
        try await withServer { (server) async throws -> Void in
            let answer = try await server.request("POST", "/v1/jobs/work/runs", headers: ["prefer": prefer])
            #expect([200, 202].contains(answer.status))
        }
    }

    @Test("what the configuration no longer knows can be resumed, and not paused")
    func resumeUnknown() async throws {
        try await withServer { (server) async throws -> Void in
            let store = server.runtime.store
            let pauses = [Pause(.job, "gone"), Pause(.trigger, "gone"), Pause(key: "k", ofJob: "gone")]
            for pause in pauses { try await store.setPaused(pause, true, now: Timestamp(microsecondsSince1970: 0)) }
            for path in ["/v1/jobs/gone", "/v1/triggers/gone", "/v1/jobs/gone/keys/k"] {
                #expect(try await server.request("POST", "\(path)/pause").status == 404)
                #expect(try await server.request("POST", "\(path)/resume").status == 200)
                #expect(try await server.request("POST", "\(path)/resume").status == 404)
            }
            #expect(try await store.pauses().isEmpty)
        }
    }

    @Test("a start with two times is refused")
    func twoTimes() async throws {
        try await withServer { (server) async throws -> Void in
            let answer = try await server.request("POST", "/v1/jobs/work/runs?delay=1s&runAt=2030-01-31T09:00:00Z")
            #expect(answer.status == 400 && answer.text.contains("expected one"))
        }
    }

    @Test("where the trigger names events itself, an Idempotency-Key is compared with no other event")
    func keysOfNamedEvents() async throws {
        let endpoint = HTTPEndpoint(trigger: "in", path: "/in", hasOwnIDs: true)
        try await withServer(endpoints: [endpoint]) { (server) async throws -> Void in
            for body in ["a", "b"] {
                let answer = try await server.request("POST", "/in", headers: ["idempotency-key": "k"], body: body)
                #expect(answer.status == 202)
            }
        }
    }

    @Test("an endpoint's Idempotency-Key answers a repetition, and refuses another body")
    func endpointKeys() async throws {
        try await withServer { (server) async throws -> Void in
            let key = ["idempotency-key": "k1"]
            let first = try await server.request("POST", "/in", headers: key, body: "one")
            let again = try await server.request("POST", "/in", headers: key, body: "one")
            #expect(first.status == 202 && again.status == 202)
            #expect(again.text == first.text.replacingOccurrences(of: "accepted", with: "duplicate"))
            let other = try await server.request("POST", "/in", headers: key, body: "two")
            #expect(other.status == 422)
            #expect(other.headers["content-type"] == "application/problem+json")
        }
    }

    @Test("an endpoint has a secret of its own")
    func endpointSecrets() async throws {
        let endpoints = [
            HTTPEndpoint(trigger: "in", path: "/bearer", authentication: .bearer("s")),
            HTTPEndpoint(trigger: "in", path: "/header", authentication: .header(name: "x-key", secret: "k")),
        ]
        try await withServer(endpoints: endpoints) { (server) async throws -> Void in
            #expect(try await server.request("POST", "/bearer", body: "x").status == 401)
            #expect(
                try await server.request("POST", "/bearer", headers: ["authorization": "Bearer s"], body: "x").status
                    == 202)
            #expect(try await server.request("POST", "/header", headers: ["x-key": "no"], body: "x").status == 401)
            #expect(try await server.request("POST", "/header", headers: ["x-key": "k"], body: "x").status == 202)
        }
    }

    @Test("endpoints are exchanged while the server runs")
    func update() async throws {
        try await withServer { (server) async throws -> Void in
            #expect(try await server.request("POST", "/in", body: "x").status == 202)
            server.server.update(endpoints: [HTTPEndpoint(trigger: "in", path: "/other", method: "PUT")])
            #expect(try await server.request("POST", "/in", body: "x").status == 404)
            #expect(try await server.request("PUT", "/other", body: "x").status == 202)
            let wrong = try await server.request("POST", "/other", body: "x")
            #expect(wrong.status == 405)
            #expect(wrong.headers["allow"] == "PUT")
        }
    }

    @Test("an endpoint takes any body untouched, and a key that comes twice once")
    func endpointBodies() async throws {
        try await withServer { (server) async throws -> Void in
            let headers = ["content-type": "text/csv", "idempotency-key": "\"k-1\""]
            let first = try await server.request("POST", "/in?a=b", headers: headers, body: "a;b\n")
            let again = try await server.request("POST", "/in?a=b", headers: headers, body: "a;b\n")
            #expect(first.text.contains("accepted") && again.text.contains("duplicate"))
            let record = try await server.request("GET", "/v1/events/k-1")
            let event = try #require(record.object["event"] as? [String: Any])
            #expect(event["data"] as? String == "a;b\n")
            #expect(event["query"] as? String == "a=b")
            #expect(event["datacontenttype"] as? String == "text/csv")
        }
    }

    @Test("CloudEvents come in all three modes, with percent-encoded headers")
    func modes() async throws {
        try await withServer { (server) async throws -> Void in
            let binary = try await server.request(
                "POST", "/v1/events",
                headers: [
                    "ce-specversion": "1.0", "ce-id": "b", "ce-source": "/s", "ce-type": "t",
                    "ce-subject": "Euro%20%E2%82%AC",
                    "content-type": "application/json",
                ], body: "{\"n\": 1.50}")
            #expect(binary.status == 202)
            let event = try #require(try await server.request("GET", "/v1/events/b").object["event"] as? [String: Any])
            #expect(event["subject"] as? String == "Euro €")
            #expect(
                try await server.request("GET", "/v1/events/b").text.contains("{\"n\": 1.50}"), "the data was changed")
            let batch = try await server.request(
                "POST", "/v1/events", headers: ["content-type": "application/cloudevents-batch+json"],
                body:
                    #"[{"specversion":"1.0","id":"1","source":"/s","type":"t"},{"specversion":"1.0","id":"2","source":"/s","type":"x"}]"#
            )
            let events = try #require(batch.object["events"] as? [[String: Any]])
            #expect(events.map { ($0["runs"] as? [Any])?.count } == [1, 0])
            let broken = try await server.request(
                "POST", "/v1/events", headers: ["content-type": "application/cloudevents-batch+json"],
                body: #"[{"specversion":"1.0","id":"3","source":"/s","type":"t"},{"id":"4"}]"#)
            #expect(broken.status == 400)
            #expect(broken.object["eventIndex"] as? Int == 1)
            #expect(try await server.request("GET", "/v1/events/3").status == 404, "a part of a broken batch was taken")
        }
    }

    @Test("data larger than the intake takes is refused with 413, and nothing is taken")
    func tooLarge() async throws {
        try await withServer(runtime: RuntimeConfiguration(maximumEventBytes: 100)) { (server) async throws -> Void in
            #expect(try await server.request("POST", "/in", body: String(repeating: "x", count: 101)).status == 413)
            #expect(try await server.request("POST", "/in", body: String(repeating: "x", count: 100)).status == 202)
        }
    }
}
