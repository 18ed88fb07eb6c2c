import Foundation
import Testing

@Suite("The main job, from outside", .serialized)
struct MainJobTests {
    private static let configuration = """
        store: sqlite:nightjar.db
        http: { listen: 127.0.0.1:PORT }
        shutdown: { drain: 20s }
        jobs:
          note:
            command: [sh, -c, 'cat >> notes; echo >> notes; echo "{\\"seen\\": true}"']
          flaky:
            command: [sh, -c, 'echo "attempt $NIGHTJAR_ATTEMPT of $NIGHTJAR_JOB"; test "$NIGHTJAR_ATTEMPT" -ge 3']
            retry: { attempts: 5, from: 50ms, upTo: 100ms }
          hopeless:
            command: [sh, -c, 'echo broken >&2; exit 3']
            retry: { attempts: 2, from: 10ms, upTo: 20ms }
          missing:
            command: [./no-such-program]
            retry: { attempts: 1 }
          patient:
            command: [sh, -c, 'trap "echo stopped; exit 1" TERM; sleep 60 & wait']
            retry: { attempts: 1 }
          slow:
            command: [sh, -c, 'touch begun; until test -e go; do sleep 0.05; done; echo done >> slow']
          announce:
            emit: { type: note.taken }
          log:
            command: [sh, -c, 'echo "$NIGHTJAR_EVENT_TYPE" >> heard']
        triggers:
          notes: { http: { path: /notes }, start: [note, announce] }
          heard: { event: { type: "note.*" }, start: log }
          inbox: { files: { path: ./inbox, match: "*.csv" }, start: note }
        """

    private func node() async throws -> NodeProcess {
        let node = try NodeProcess(Self.configuration)
        try FileManager.default.createDirectory(atPath: node.path("inbox"), withIntermediateDirectories: true)
        try await node.start()
        return node
    }

    private func start(_ node: NodeProcess, _ job: String, headers: [(String, String)] = [], body: String? = nil)
        async throws -> (response: NodeProcess.Response, id: String)
    {
        let response = try await node.request("POST", "/v1/jobs/\(job)/runs", headers: headers, body: body)
        return (response, response.json["id"] as? String ?? "")
    }

    @Test("an event over HTTP starts jobs, and what they emit starts others")
    func overHTTP() async throws {
        let node = try await node()
        let answer = try await node.request(
            "POST", "/notes", headers: [("content-type", "application/json")], body: #"{"text":"hello"}"#)
        #expect(answer.status == 202)
        let event = try #require((answer.json["events"] as? [[String: Any]])?.first)
        #expect(event["outcome"] as? String == "accepted")
        let runs = try #require(event["runs"] as? [String])
        #expect(runs.count == 2)
        for run in runs { #expect(try await node.finishedRun(run)["state"] as? String == "completed") }
        try await node.eventually("the emitted event was heard") {
            FileManager.default.fileExists(atPath: node.path("heard"))
        }
        #expect(try String(contentsOfFile: node.path("notes"), encoding: .utf8) == "{\"text\":\"hello\"}\n")
        let why = try node.nightjar("why", event["id"] as? String ?? "")
        #expect(why.status == 0)
        #expect(why.output.contains("job note") && why.output.contains("trigger heard"), "\(why.output)")
        #expect(try await node.stop() == 0)
    }

    @Test("a saved file starts a job with its content, also one saved while the node was down, and each once")
    func files() async throws {
        let node = try await node()
        try "a,b\n".write(toFile: node.path("inbox/one.csv"), atomically: true, encoding: .utf8)
        try await node.eventually("the first file was imported") {
            (try? String(contentsOfFile: node.path("notes"), encoding: .utf8))?.contains("a,b") ?? false
        }
        #expect(try await node.stop() == 0)
        try "c,d\n".write(toFile: node.path("inbox/two.csv"), atomically: true, encoding: .utf8)
        try "ignored".write(toFile: node.path("inbox/three.txt"), atomically: true, encoding: .utf8)
        try await node.start()
        try await node.eventually("the second file was imported") {
            (try? String(contentsOfFile: node.path("notes"), encoding: .utf8))?.contains("c,d") ?? false
        }
        let runs = try await node.request("GET", "/v1/runs?trigger=inbox").json["runs"] as? [[String: Any]]
        #expect(runs?.count == 2)
        _ = try await node.stop()
    }

    @Test("publish from the command line reaches a running node")
    func publish() async throws {
        let node = try await node()
        let answer = try node.nightjar("publish", "--type", "note.sent", "--data", "{}")
        #expect(answer.status == 0, "\(answer.errors)")
        try await node.eventually("the event was heard") {
            (try? String(contentsOfFile: node.path("heard"), encoding: .utf8)) == "note.sent\n"
        }
        // The job's line is there before its run is settled.
        try await node.eventually("its run is completed") {
            let runs = try await node.request("GET", "/v1/runs?trigger=heard&state=completed").json["runs"] as? [Any]
            return runs?.count == 1
        }
        let list = try node.nightjar("runs", "list")
        #expect(list.output.contains("log") && list.output.contains("completed"), "\(list.output)")
        _ = try await node.stop()
    }

    @Test("a run is retried until it succeeds, and its history tells")
    func retried() async throws {
        let node = try await node()
        let run = try await node.finishedRun(try await start(node, "flaky").id)
        #expect(run["state"] as? String == "completed")
        let attempts = try #require(run["attempts"] as? [[String: Any]])
        #expect(attempts.map { $0["outcome"] as? String } == ["failed", "failed", "completed"])
        #expect((attempts[0]["error"] as? String)?.contains("exit code 1") == true)
        #expect((attempts[2]["output"] as? String) == "attempt 3 of flaky\n")
        _ = try await node.stop()
    }

    @Test("a run that used up its attempts is dead until it is retried or discarded by hand")
    func dead() async throws {
        let node = try await node()
        let id = try await start(node, "hopeless").id
        let run = try await node.finishedRun(id)
        #expect(run["state"] as? String == "dead")
        #expect((run["reason"] as? String)?.contains("exit code 3: broken") == true, "\(run)")
        #expect(try await node.request("POST", "/v1/runs/\(id)/retry").status == 200)
        let again = try await node.finishedRun(id)
        #expect((again["attempts"] as? [Any])?.count == 4)
        #expect(try await node.request("POST", "/v1/runs/\(id)/discard").status == 200)
        let conflict = try await node.request("POST", "/v1/runs/\(id)/discard")
        #expect(conflict.status == 409)
        #expect(conflict.headers["content-type"] == "application/problem+json")
        _ = try await node.stop()
    }

    @Test("a command that does not exist makes a dead run with a clear reason")
    func missingCommand() async throws {
        let node = try await node()
        let run = try await node.finishedRun(try await start(node, "missing").id)
        #expect(run["state"] as? String == "dead")
        #expect((run["reason"] as? String)?.contains("no-such-program") == true)
        _ = try await node.stop()
    }

    @Test("Prefer: wait answers with the result")
    func prefer() async throws {
        let node = try await node()
        let (response, _) = try await start(node, "note", headers: [("prefer", "wait=20")], body: "x")
        #expect(response.status == 200)
        #expect(response.json["state"] as? String == "completed")
        #expect((response.json["result"] as? [String: Any])?["seen"] as? Bool == true)
        _ = try await node.stop()
    }

    @Test("the same Idempotency-Key starts one run, and refuses another body")
    func idempotent() async throws {
        let node = try await node()
        let first = try await start(node, "note", headers: [("idempotency-key", "k1")], body: "x")
        let second = try await start(node, "note", headers: [("idempotency-key", "k1")], body: "x")
        #expect(first.id == second.id && !first.id.isEmpty)
        #expect(second.response.headers["idempotent-replayed"] == "true")
        #expect(try await start(node, "note", headers: [("idempotency-key", "k1")], body: "y").response.status == 422)
        _ = try await node.stop()
    }

    @Test("cancelling a running command ends its process, from the API and from another process")
    func cancel() async throws {
        let node = try await node()
        for byCommandLine in [false, true] {
            let id = try await start(node, "patient").id
            try await node.eventually("it runs") {
                try await node.request("GET", "/v1/runs/\(id)").json["state"] as? String == "running"
            }
            if byCommandLine {
                #expect(try node.nightjar("runs", "cancel", id).status == 0)
            } else {
                #expect(try await node.request("POST", "/v1/runs/\(id)/cancel").status == 202)
            }
            #expect(try await node.finishedRun(id)["state"] as? String == "cancelled")
        }
        _ = try await node.stop()
    }

    @Test("SIGTERM lets what runs come to its end")
    func drain() async throws {
        let node = try await node()
        let id = try await start(node, "slow").id
        // A run that was claimed, but whose command has not begun, is given back.
        try await node.eventually("its command runs") { FileManager.default.fileExists(atPath: node.path("begun")) }
        let status = try await node.stop {
            try await node.eventually("it drains") { node.log.contains("SIGTERM: stops") }
            try "".write(toFile: node.path("go"), atomically: true, encoding: .utf8)
        }
        #expect(status == 0)
        #expect(try String(contentsOfFile: node.path("slow"), encoding: .utf8) == "done\n")
        let shown = try node.nightjar("runs", "show", id, "--json")
        #expect(shown.output.contains("\"completed\""), "\(shown.output)")
    }

    @Test("SIGHUP takes a new file into use, and a bad one leaves the old one in force")
    func reload() async throws {
        let node = try await node()
        let before = node.log
        try node.write(Self.configuration.replacingOccurrences(of: "/notes", with: "/memos"))
        node.signal(SIGHUP)
        try await node.eventually("the new path is served") {
            try await node.request("POST", "/memos", body: "m").status == 202
        }
        #expect(try await node.request("POST", "/notes", body: "m").status == 404)
        try node.write("jobs: [")
        node.signal(SIGHUP)
        try await node.eventually("the mistake is told") {
            node.log.count > before.count && node.log.contains("nightjar.yaml")
                && node.log.lowercased().contains("stays")
        }
        #expect(try await node.request("POST", "/memos", body: "m").status == 202)
        _ = try await node.stop()
    }

    @Test("a run's updates come as server-sent events until it is finished")
    func updates() async throws {
        let node = try await node()
        let id = try await start(node, "flaky").id
        let bytes = try await node.exchange(
            Array("GET /v1/runs/\(id)/updates HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".utf8))
        let text = String(decoding: bytes, as: UTF8.self)
        #expect(text.contains("content-type: text/event-stream") || text.contains("Content-Type: text/event-stream"))
        #expect(text.contains("event: run"))
        #expect(text.contains("\"state\":\"completed\""))
        _ = try await node.stop()
    }
}
