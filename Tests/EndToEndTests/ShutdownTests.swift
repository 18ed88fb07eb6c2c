import Foundation
import Testing

@Suite("Shutdown of the real binary", .serialized)
struct ShutdownTests {
    /// One run reports much and goes on; others wait for its slot.
    private static let configuration = """
        store: sqlite:nightjar.db
        http: { listen: 127.0.0.1:PORT }
        node: { concurrency: 1, grace: 5s }
        shutdown: { drain: 1s }
        jobs:
          talker:
            command: [sh, -c, 'trap "exit 1" TERM; yes "::progress 0.5 $0" | head -n 30000; touch told; sleep 600 & wait', 'TEXT']
          next:
            command: [sh, -c, 'touch next']
        """

    @Test("a client that does not read its updates holds up no shutdown: what runs is given back, nothing is claimed")
    func deafListener() async throws {
        let text = String(repeating: "x", count: 1000)
        let node = try NodeProcess(Self.configuration.replacingOccurrences(of: "TEXT", with: text))
        try await node.start()
        let listener = try node.requestUnread("GET /v1/updates HTTP/1.1\r\nhost: localhost\r\n\r\n")
        defer { close(listener) }
        let talker = try await node.request("POST", "/v1/jobs/talker/runs").json["id"] as? String ?? ""
        try await node.eventually("far more is told than a connection holds", within: 120) {
            FileManager.default.fileExists(atPath: node.path("told"))
        }
        let next = try await node.request("POST", "/v1/jobs/next/runs").json["id"] as? String ?? ""
        let signalled = Date()
        #expect(try await node.stop() == 0)
        // The drain time and the grace are six seconds, the rest is for a busy machine. A client that reads nothing, or the job
        // that sleeps, would hold it up without end.
        #expect(Date().timeIntervalSince(signalled) < 30, "\(node.log.suffix(2000))")
        #expect(!FileManager.default.fileExists(atPath: node.path("next")), "a run was claimed after the signal")
        for id in [talker, next] {
            let shown = try node.nightjar("runs", "show", id, "--json").output
            #expect(shown.contains("\"available\""), "\(shown)")
        }
    }
}
