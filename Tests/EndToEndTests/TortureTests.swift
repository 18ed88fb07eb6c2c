import Foundation
import Testing

/// The running binary with every kind of trigger busy, killed at random moments and stopped past its leases.
///
/// `NIGHTJAR_KILLS` says how often it is killed (15), `NIGHTJAR_TORTURE_SECONDS` how long that goes on at least (0);
/// `make torture` sets both.
@Suite("Torture of the real binary", .serialized)
struct TortureTests {
    /// Each attempt leaves a line in the handlers' own log before and after its work.
    private static let configuration = """
        store: sqlite:nightjar.db
        http: { listen: 127.0.0.1:PORT }
        log: { level: warning }
        node: { name: tortured, concurrency: 8, lease: 2s }
        jobs:
          work:
            command: [sh, -c, 'echo "begin $NIGHTJAR_RUN_ID $NIGHTJAR_ATTEMPT" >> work.log; sleep 0.02; echo "end $NIGHTJAR_RUN_ID $NIGHTJAR_ATTEMPT" >> work.log']
            retry: { attempts: 3, from: 10ms, upTo: 50ms, crashes: 1000 }
          chain: { emit: { type: chained }, retry: { crashes: 1000 } }
        triggers:
          endpoint: { http: { path: /work }, start: [work, chain] }
          bus: { event: { type: chained }, start: work }
          inbox: { files: { path: ./inbox, match: "*.txt", on: [created] }, start: work }
          clock: { every: { interval: 1s }, start: work }
        """

    private static func setting(_ name: String, _ standard: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? standard
    }

    /// What the world outside did and was answered.
    private struct Journal {
        /// The runs of each event that was answered with 202.
        var runs: [String: [String]] = [:]
        var files: Set<String> = []
        var kills = 0
        var stops = 0
        var largestBacklog = 0
        var slowestRestart = 0.0
    }

    @Test(
        "nothing is lost and nothing done twice but what was in hand, however often the node is killed or stands still")
    func torture() async throws {
        let kills = Self.setting("NIGHTJAR_KILLS", 15)
        let end = Date().addingTimeInterval(Double(Self.setting("NIGHTJAR_TORTURE_SECONDS", 0)))
        let node = try NodeProcess(Self.configuration)
        try FileManager.default.createDirectory(
            atPath: node.path("inbox"), withIntermediateDirectories: true)
        try await node.start()
        var journal = Journal()
        var round = 0
        while journal.kills < kills || Date() < end {
            round += 1
            try await Self.disturb(node, round, &journal)
            // Rounds make more than nodes that live so shortly can do: now and then one lives until little is left.
            if round % 40 == 0 { try await Self.workOff(node, &journal) }
        }
        try await Self.check(node, journal)
        #expect(try await node.stop() == 0)
    }

    /// Sends requests and saves files; in their midst, at a random one, the node is killed or stands still.
    private static func disturb(_ node: NodeProcess, _ round: Int, _ journal: inout Journal) async throws {
        let standsStill = round % 8 == 0
        let count = Int.random(in: 10...40)
        let moment = Int.random(in: 0..<count)
        var runs: [String: [String]] = [:]
        try await withThrowingTaskGroup(of: (String, [String]?).self) { group in
            for number in 0..<count {
                if number == moment { node.signal(standsStill ? SIGSTOP : SIGKILL) }
                let key = "event-\(round)-\(number)"
                group.addTask { (key, await Self.post(key, node)) }
                if number % 5 == 0 {
                    let name = "file-\(round)-\(number).txt"
                    try Self.save(name, node)
                    journal.files.insert(name)
                }
                if number % 3 != 0, !standsStill, let (key, made) = try await group.next() { runs[key] = made }
            }
            if standsStill {
                let isOver = Date().addingTimeInterval(Double.random(in: 2.5...4))
                try await node.eventually("the node's leases are over", within: 60) { Date() > isOver }
                node.signal(SIGCONT)
            }
            for try await (key, made) in group { runs[key] = made }
        }
        journal.runs.merge(runs) { first, _ in first }
        if standsStill {
            journal.stops += 1
            return
        }
        node.kill()
        journal.kills += 1
        let began = Date()
        try await node.start()
        journal.slowestRestart = max(journal.slowestRestart, Date().timeIntervalSince(began))
    }

    /// Lets the node live until hardly a run waits.
    private static func workOff(_ node: NodeProcess, _ journal: inout Journal) async throws {
        journal.largestBacklog = max(journal.largestBacklog, try await openRuns(node).count)
        try await node.eventually("the backlog is worked off", within: 300) { try await openRuns(node).count < 20 }
    }

    /// Runs that have not come to their end, whatever they wait for.
    private static func openRuns(_ node: NodeProcess) async throws -> [[String: Any]] {
        try await runs(node, "state=scheduled&state=available&state=running&state=retryable")
    }

    /// The runs that a request made; `nil` if it was not answered with 202.
    private static func post(_ key: String, _ node: NodeProcess) async -> [String]? {
        guard
            let response = try? await node.request("POST", "/work", headers: [("idempotency-key", key)], body: key),
            response.status == 202
        else { return nil }
        let events = response.json["events"] as? [[String: Any]]
        return events?.first?["runs"] as? [String]
    }

    /// Saves a file as careful programs do: written aside, then moved to its place.
    private static func save(_ name: String, _ node: NodeProcess) throws {
        let aside = node.path("aside-\(name)")
        try name.write(toFile: aside, atomically: false, encoding: .utf8)
        try FileManager.default.moveItem(atPath: aside, toPath: node.path("inbox/\(name)"))
    }

    /// The store's runs that the filter takes, without their details.
    private static func runs(_ node: NodeProcess, _ filter: String = "") async throws -> [[String: Any]] {
        var runs: [[String: Any]] = []
        var cursor = ""
        repeat {
            let response = try await node.request("GET", "/v1/runs?limit=500&\(filter)\(cursor)")
            guard response.status == 200 else { throw NodeProcess.Failure(description: response.body) }
            runs += response.json["runs"] as? [[String: Any]] ?? []
            cursor = (response.json["next"] as? String).map { "&cursor=\($0)" } ?? ""
        } while !cursor.isEmpty
        return runs
    }

    private static func check(_ node: NodeProcess, _ journal: Journal) async throws {
        #expect(journal.runs.count > journal.kills * 4, "too few events were accepted: \(journal.runs.count)")
        for (event, runs) in journal.runs { #expect(runs.count == 2, "\(event) made \(runs)") }
        let expected = Set(journal.runs.values.joined())
        // The clock's trigger goes on making runs: what counts is what has to be there.
        try await node.eventually("all that was accepted has run, and every file", within: 300) {
            let runs = try await Self.runs(node)
            let completed = Set(
                runs.filter { $0["state"] as? String == "completed" }.compactMap { $0["id"] as? String })
            return expected.isSubset(of: completed) && Self.subjects(of: runs, "inbox").isSuperset(of: journal.files)
        }
        let runs = try await runs(node)
        var identities: Set<String> = []
        for run in runs {
            let event = run["event"] as? [String: Any] ?? [:]
            let identity = "\(event["source"] ?? "") \(event["id"] ?? "") \(run["job"] ?? "")"
            #expect(identities.insert(identity).inserted, "two runs were made of \(identity)")
            #expect(run["state"] as? String != "dead", "\(run)")
        }
        for trigger in ["endpoint", "bus", "inbox", "clock"] {
            #expect(runs.contains { $0["trigger"] as? String == trigger }, "\(trigger) made no run")
        }
        let crashed = try await checkAttempts(node, runs)
        let done = runs.filter { $0["state"] as? String == "completed" }.count
        print(
            "torture: \(journal.kills) kills, \(journal.stops) stops past the lease, \(journal.runs.count) requests and \(journal.files.count) files accepted, \(done) runs completed, \(crashed) attempts made again, largest backlog \(journal.largestBacklog), slowest restart \(Int(journal.slowestRestart * 1000)) ms"
        )
    }

    /// The subjects of the events whose runs the trigger made and that completed.
    private static func subjects(of runs: [[String: Any]], _ trigger: String) -> Set<String> {
        Set(
            runs.filter { $0["trigger"] as? String == trigger && $0["state"] as? String == "completed" }.compactMap {
                ($0["event"] as? [String: Any])?["subject"] as? String
            })
    }

    /// Each completed run completed once, and what came before were deaths of the node.
    /// - Returns: how many attempts were made again.
    private static func checkAttempts(_ node: NodeProcess, _ runs: [[String: Any]]) async throws -> Int {
        var again = 0
        for run in runs where run["state"] as? String == "completed" {
            let id = run["id"] as? String ?? ""
            let attempts = try await node.request("GET", "/v1/runs/\(id)").json["attempts"] as? [[String: Any]] ?? []
            let outcomes = attempts.compactMap { $0["outcome"] as? String }
            #expect(
                outcomes.last == "completed" && outcomes.dropLast().allSatisfy { $0 == "crashed" }, "\(id): \(outcomes)"
            )
            again += outcomes.count - 1
        }
        // No attempt was begun twice: a stale handler never began what another one had.
        var begun: Set<Substring> = []
        for line in try String(contentsOfFile: node.path("work.log"), encoding: .utf8).split(separator: "\n")
        where line.hasPrefix("begin ") {
            #expect(begun.insert(line).inserted, "an attempt was begun twice: \(line)")
        }
        return again
    }
}
