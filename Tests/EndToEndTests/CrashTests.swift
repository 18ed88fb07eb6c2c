import Foundation
import Testing

@Suite("Crashes of the real binary", .serialized)
struct CrashTests {
    /// Each attempt leaves a line in the handlers' own log before and after its work.
    private static let configuration = """
        store: sqlite:nightjar.db
        http: { listen: 127.0.0.1:PORT }
        log: { level: warning }
        node: { concurrency: 8 }
        jobs:
          work:
            command: [sh, -c, 'echo "begin $NIGHTJAR_RUN_ID $NIGHTJAR_ATTEMPT" >> work.log; sleep 0.02; echo "end $NIGHTJAR_RUN_ID $NIGHTJAR_ATTEMPT" >> work.log']
            retry: { attempts: 3, from: 10ms, upTo: 50ms, crashes: 100 }
        triggers:
          work: { http: { path: /work }, start: work }
        """

    private struct Line: Hashable {
        var kind: Substring
        var run: Substring
        var attempt: Int
    }

    @Test("nothing is lost, and nothing is done twice but what was in hand, when the node is killed ten times")
    func killed() async throws {
        let node = try NodeProcess(Self.configuration)
        try await node.start()
        var accepted: [String: String] = [:]
        var number = 0
        var kills = 0
        var generator = SystemRandomNumberGenerator()
        // On a slow disk few answers come before a kill.
        while kills < 10 || accepted.count <= 50 && kills < 40 {
            // A random number of events, then a kill at a random moment in the middle of the next ones.
            let untilKill = Int.random(in: 5...25, using: &generator)
            try await withThrowingTaskGroup(of: (String, String?).self) { group in
                for offset in 0..<untilKill + 8 {
                    let key = "event-\(number + offset)"
                    if offset == untilKill { node.signal(SIGKILL) }
                    group.addTask {
                        let response = try? await node.request(
                            "POST", "/work", headers: [("idempotency-key", key)], body: key)
                        guard let response, response.status == 202 else { return (key, nil) }
                        let events = response.json["events"] as? [[String: Any]]
                        return (key, (events?.first?["runs"] as? [String])?.first)
                    }
                    if offset % 3 == 2, let (key, run) = try await group.next() { accepted[key] = run }
                }
                for try await (key, run) in group { if let run { accepted[key] = run } }
            }
            number += untilKill + 8
            node.kill()
            kills += 1
            try await node.start()
        }
        #expect(accepted.count > 50, "too few events were accepted for a test: \(accepted.count)")

        // Every event that was answered with 2xx has run to its end.
        for run in accepted.values {
            let finished = try await node.finishedRun(run, within: 60)
            #expect(finished["state"] as? String == "completed", "\(finished)")
            let outcomes = (finished["attempts"] as? [[String: Any]] ?? []).compactMap { $0["outcome"] as? String }
            #expect(
                outcomes.filter { $0 == "completed" }.count == 1, "run \(run) completed other than once: \(outcomes)")
            // What was not the completing attempt was in hand at a kill: nothing else made it run again.
            #expect(outcomes.dropLast().allSatisfy { $0 == "crashed" }, "run \(run): \(outcomes)")
        }
        let lines = try String(contentsOfFile: node.path("work.log"), encoding: .utf8).split(separator: "\n").compactMap
        {
            line -> Line? in
            let parts = line.split(separator: " ")
            guard parts.count == 3, let attempt = Int(parts[2]) else { return nil }
            return Line(kind: parts[0], run: parts[1], attempt: attempt)
        }
        var crashedAttempts = 0
        for run in accepted.values {
            let begun = lines.filter { $0.kind == "begin" && $0.run == run }
            #expect(Set(begun.map(\.attempt)).count == begun.count, "run \(run) began an attempt twice: \(begun)")
            crashedAttempts += begun.count - 1
        }
        // At most eight runs are in hand at each of the kills.
        #expect(crashedAttempts <= 8 * kills, "\(crashedAttempts) attempts were made again")
        print("crash test: \(accepted.count) events accepted, \(kills) kills, \(crashedAttempts) attempts made again")
        #expect(try await node.stop() == 0)
    }

    @Test("a node whose name another living node has refuses to start, and disturbs nothing")
    func takenName() async throws {
        let configuration = """
            store: sqlite:nightjar.db
            http: { listen: 127.0.0.1:PORT }
            node: { name: one }
            jobs:
              work: { command: [sh, -c, 'true'] }
            """
        let first = try NodeProcess(configuration)
        try await first.start()
        let second = try NodeProcess(configuration)
        try second.write(
            configuration.replacingOccurrences(of: "sqlite:nightjar.db", with: "sqlite:\(first.path("nightjar.db"))"))
        let result = try second.nightjar("run")
        #expect(result.status != 0)
        #expect(result.errors.contains("another process works under the same node name"), "\(result.errors)")
        let id = try await first.request("POST", "/v1/jobs/work/runs").json["id"] as? String ?? ""
        #expect(try await first.finishedRun(id)["state"] as? String == "completed")
        #expect(try await first.stop() == 0)
    }

    @Test("a node that stood still past its lease settles nothing that another took over")
    func staleWriter() async throws {
        let configuration = """
            store: sqlite:nightjar.db
            http: { listen: 127.0.0.1:PORT }
            node: { lease: 2s }
            jobs:
              slow: { command: [sh, -c, 'touch begun; until test -e go; do sleep 0.05; done; echo "$NIGHTJAR_ATTEMPT" >> done'], retry: { attempts: 3, from: 10ms, upTo: 20ms } }
            """
        let first = try NodeProcess(configuration)
        try await first.start()
        let id = try await first.request("POST", "/v1/jobs/slow/runs").json["id"] as? String ?? ""
        try await first.eventually("it runs") { FileManager.default.fileExists(atPath: first.path("begun")) }
        // Another node on the same file, with a port of its own, takes over when the lease has expired.
        let second = try NodeProcess(configuration)
        try second.write(
            configuration.replacingOccurrences(of: "sqlite:nightjar.db", with: "sqlite:\(first.path("nightjar.db"))"))
        first.signal(SIGSTOP)
        // One that stands still within a transaction holds SQLite's lock: then it is stopped again a little later.
        var stops = 1
        while try second.nightjar("jobs", "pause", "slow", "--key", "nobody").status != 0 {
            stops += 1
            try #require(stops < 10, "the store cannot be written to")
            first.signal(SIGCONT)
            try await first.eventually("it goes on") { try await first.request("GET", "/healthz").status == 200 }
            first.signal(SIGSTOP)
        }
        try await second.start()
        try "".write(toFile: second.path("go"), atomically: true, encoding: .utf8)
        let run = try await second.finishedRun(id, within: 60)
        // What the first one had in hand is done while it stands still.
        try "".write(toFile: first.path("go"), atomically: true, encoding: .utf8)
        try await second.eventually("the first attempt ends") {
            FileManager.default.fileExists(atPath: first.path("done"))
        }
        first.signal(SIGCONT)
        #expect(run["state"] as? String == "completed")
        let outcomes = (run["attempts"] as? [[String: Any]] ?? []).compactMap { $0["outcome"] as? String }
        #expect(outcomes == ["crashed", "completed"])
        #expect(try await first.stop() == 0)
        let after = try await second.request("GET", "/v1/runs/\(id)").json
        #expect((after["attempts"] as? [Any])?.count == 2, "the stale node changed the run: \(after)")
        _ = try await second.stop()
    }
}
