import Foundation
import TestServers
import Testing

/// The binary and real brokers, with senders that are not ours.
///
/// `NIGHTJAR_BROKER_MESSAGES` says how many messages each system gets while nodes die (2,000), `NIGHTJAR_BROKER_KILLS` how
/// often (3); `make torture-brokers` sets both.
@Suite("Brokers, from outside", .serialized)
struct BrokerTests {
    private static func setting(_ name: String, _ standard: Int) -> Int {
        ProcessInfo.processInfo.environment[name].flatMap(Int.init) ?? standard
    }

    /// A node whose job writes each message's text as a line of `work.log`.
    private static func configuration(_ triggers: String, more: String = "") -> String {
        """
        http: { listen: 127.0.0.1:PORT }
        log: { level: warning }
        node: { concurrency: 16, lease: 2s }
        jobs:
          write:
            command: [sh, -c, 'IFS= read -r line; echo "$line" >> "$0/work.log"', "${WORK}"]
            retry: { attempts: 3, from: 10ms, upTo: 50ms, crashes: 1000 }
        triggers:
        \(triggers)
        \(more)
        """
    }

    private static func lines(_ folder: URL) -> [String] {
        let text = (try? String(contentsOf: folder.appendingPathComponent("work.log"), encoding: .utf8)) ?? ""
        return text.split(separator: "\n").map(String.init)
    }

    /// The work's folder, which outlives nodes.
    private static func withFolder(_ body: (URL) async throws -> Void) async throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent("brokers-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try await body(folder)
    }

    @Test("one file, three triggers, one job: what clients that are not ours send arrives as its input")
    func quickStart() async throws {
        try await Self.withFolder { folder in
            var brokers: [any BrokerProcess] = []
            for system in BrokerSystem.allCases { brokers.append(try await system.broker()) }
            var variables = ["WORK": folder.path]
            for broker in brokers {
                try broker.prepare(in: folder)
                variables.merge(broker.variables) { $1 }
            }
            let triggers = BrokerSystem.allCases.map { "  \($0.rawValue): { \($0.trigger), start: write }" }
            let publishing = BrokerSystem.allCases.map { "  to-\($0.rawValue): { publish: { \($0.publish) } }" }
            let text = Self.configuration(triggers.joined(separator: "\n")).replacingOccurrences(
                of: "triggers:\n", with: publishing.joined(separator: "\n") + "\ntriggers:\n")
            let node = try NodeProcess(text, variables: variables)
            try await node.start()
            for broker in brokers { #expect(try broker.python(broker.sending, ["3"], in: folder).wait() == 0) }
            let kcat = try ChildProcess(
                "/bin/sh",
                ["-c", #"echo from-kcat | LD_PRELOAD="$LD_PRELOAD" kcat -P -b "$KAFKA_BROKERS" -t orders"#],
                in: folder.path, output: "/dev/null", errors: folder.appendingPathComponent("kcat.log").path,
                variables: variables)
            #expect(kcat.wait() == 0)
            try await node.eventually("all messages have arrived", within: 60) { Self.lines(folder).count >= 10 }
            var expected = (0..<3).flatMap { Array(repeating: "n-\($0)", count: 3) } + ["from-kcat"]
            #expect(Self.lines(folder).sorted() == expected.sorted())
            // What it publishes comes back by the trigger.
            for system in BrokerSystem.allCases {
                let response = try await node.request(
                    "POST", "/v1/jobs/to-\(system.rawValue)/runs", headers: [("prefer", "wait=30")],
                    body: "published-\(system.rawValue)")
                #expect(response.json["state"] as? String == "completed", "\(system): \(response.body)")
                expected.append("published-\(system.rawValue)")
            }
            try await node.eventually("what was published has arrived", within: 60) {
                Self.lines(folder).count >= expected.count
            }
            #expect(Self.lines(folder).sorted() == expected.sorted())
            let triggersShown = try await node.request("GET", "/v1/triggers").json["triggers"] as? [[String: Any]] ?? []
            #expect(triggersShown.allSatisfy { $0["health"] as? String == "running" }, "\(triggersShown)")
            #expect(try await node.request("GET", "/metrics").body.contains("nightjar_source_events_total"))
            #expect(try await node.stop() == 0)
        }
    }

    @Test("nothing is lost while the node is killed and the broker is cut off", arguments: BrokerSystem.allCases)
    func nothingLost(_ system: BrokerSystem) async throws {
        let count = Self.setting("NIGHTJAR_BROKER_MESSAGES", 2000)
        let kills = Self.setting("NIGHTJAR_BROKER_KILLS", 3)
        try await Self.withFolder { folder in
            let broker = try await system.broker()
            try broker.prepare(in: folder)
            let node = try NodeProcess(
                Self.configuration("  orders: { \(system.trigger), start: write }"),
                variables: broker.variables.merging(["WORK": folder.path]) { $1 })
            try await node.start()
            let began = Date()
            let sender = try broker.python(broker.sending, ["\(count)"], in: folder)
            let cuts = [kills / 3, kills * 2 / 3]
            for number in 0..<kills {
                let reached = count * (number + 1) / (kills + 2)
                try await node.eventually("\(reached) messages are done", within: 300) {
                    Self.lines(folder).count >= reached
                }
                if cuts.contains(number) {
                    // The broker that stands in for Kafka may confirm what is sent while it is being killed, and lose it.
                    if system == .kafka {
                        try await node.eventually("all are sent", within: 300) { sender.status() != nil }
                    }
                    try await broker.cutOff()
                }
                node.kill()
                try await node.start()
            }
            let expected = Set((0..<count).map { "n-\($0)" })
            try await node.eventually("every message has run to its end", within: 300) {
                Set(Self.lines(folder)) == expected
            }
            #expect(sender.wait() == 0)
            let recorded = try await Self.settledRuns(node)
            let done = Self.lines(folder)
            // A sender without confirmation sends again: that is the sender's double. Kafka's producers have numbers against it.
            if system == .sqs { #expect(recorded >= count) } else { #expect(recorded == count) }
            print(
                "\(system): \(count) messages, \(kills) kills, \(Set(cuts).count) cuts in \(Int(Date().timeIntervalSince(began))) s; \(recorded) runs recorded, \(done.count - recorded) attempts made again"
            )
            #expect(try await node.stop() == 0)
        }
    }

    /// How many runs there are, once all are completed.
    private static func settledRuns(_ node: NodeProcess) async throws -> Int {
        var count = 0
        try await node.eventually("all runs are completed", within: 120) {
            var cursor = ""
            count = 0
            var isDone = true
            repeat {
                let page = try await node.request("GET", "/v1/runs?limit=500\(cursor)")
                let runs = page.json["runs"] as? [[String: Any]] ?? []
                count += runs.count
                isDone = isDone && runs.allSatisfy { $0["state"] as? String == "completed" }
                cursor = (page.json["next"] as? String).map { "&cursor=\($0)" } ?? ""
            } while !cursor.isEmpty
            return isDone
        }
        return count
    }

    @Test("two nodes share a queue; one is killed, and the other takes over", arguments: BrokerSystem.allCases)
    func takeOver(_ system: BrokerSystem) async throws {
        try await Self.withFolder { folder in
            let broker = try await system.broker()
            try broker.prepare(in: folder)
            let variables = broker.variables.merging(["WORK": folder.path]) { $1 }
            let text = Self.configuration(
                "  orders: { \(system.trigger), start: write }", more: "store: sqlite:\(folder.path)/shared.db")
            let nodes = try [NodeProcess(text, variables: variables), NodeProcess(text, variables: variables)]
            for node in nodes { try await node.start() }
            for node in nodes {
                // It answers before its source has joined the others.
                try await node.eventually("the source runs") {
                    let shown = try await node.request("GET", "/v1/triggers").json["triggers"] as? [[String: Any]]
                    return shown?.first?["health"] as? String == "running"
                }
            }
            #expect(try broker.python(broker.sending, ["500"], in: folder).wait() == 0)
            try await nodes[0].eventually("both together have done all", within: 120) {
                Set(Self.lines(folder)).count == 500
            }
            for node in nodes {
                let shown = try await node.request("GET", "/v1/triggers").json["triggers"] as? [[String: Any]]
                #expect(shown?.first?["accepted"] as? Int ?? 0 > 0, "a node took nothing: \(shown ?? [])")
            }
            nodes[0].kill()
            let killed = Date()
            let sender = try broker.python(
                broker.sending.replacingOccurrences(of: "n-{", with: "m-{").replacingOccurrences(
                    of: "message_id=f\"", with: "message_id=f\"m"), ["500"], in: folder)
            try await nodes[1].eventually("the other one takes over", within: 60) {
                Self.lines(folder).contains { $0.hasPrefix("m-") }
            }
            try await nodes[1].eventually("the other one has done what came then", within: 300) {
                Set(Self.lines(folder).filter { $0.hasPrefix("m-") }).count == 500
            }
            let seconds = Date().timeIntervalSince(killed)
            #expect(sender.wait() == 0)
            #expect(Set(Self.lines(folder)).count == 1000)
            print("\(system): the other node had done 500 more messages \(Int(seconds * 1000)) ms after the kill")
            #expect(try await nodes[1].stop() == 0)
        }
    }
}
