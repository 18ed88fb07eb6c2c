import ArgumentParser
import Foundation

/// `nightjar bench`: measures this machine, beside what plain SQLite can do on it at most.
struct BenchCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "bench",
        abstract: "Measure this machine: each figure beside the raw limit, in the same run.",
        discussion: """
            Durable means after fsync, here too. Absolute figures drift with the machine and its disk; the ratios tell how \
            much of what SQLite can do is left to the runs.
            """)

    @Option(help: "How many runs the lifecycle figure takes.")
    var runs = 100_000

    @Option(help: "How many events the latency figure takes.")
    var samples = 500

    @Option(help: "For how many seconds the POST figure sends requests.")
    var seconds = 5

    @Option(help: "How many connections the POST figure uses.")
    var connections = 64

    @Option(help: "How many bytes of JSON each event carries.")
    var payloadBytes = 200

    @Option(name: .customLong("in"), help: "The folder for the databases: measure on the disk you will use.")
    var folder: String?

    @Flag(help: "Print JSON.")
    var json = false

    func validate() throws {
        guard runs >= 1000, samples >= 10, (1...3600).contains(seconds), (1...10_000).contains(connections),
            (20...1_000_000).contains(payloadBytes)
        else {
            throw ValidationError(
                "expected at least 1000 runs, 10 samples, 1 to 3600 seconds, 1 to 10000 connections, 20 to 1000000 payload bytes"
            )
        }
    }

    func run() async throws {
        let base = folder.map { URL(fileURLWithPath: $0) } ?? FileManager.default.temporaryDirectory
        let place = base.appendingPathComponent("nightjar-bench-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: place, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: place) }
        let bench = Bench(folder: place, payload: Self.payload(payloadBytes))
        let report = BenchReport(isJSON: json)

        report.progress("plain SQLite, \(runs) runs …")
        let raw = try bench.rawLifecycle(runs: runs)
        let commit = try bench.commitLatency()
        report.progress("lifecycle, \(runs) runs …")
        let lifecycle = try await bench.lifecycle(runs: runs)
        report.progress("latency, \(samples) events one by one …")
        let latency = try await bench.latency(samples: samples)
        report.progress("POST, \(connections) connections for \(seconds) s …")
        let posts = try await bench.posts(connections: connections, seconds: seconds)
        report.progress("expressions …")
        let expressions = try await ExpressionBench(folder: place).run()
        report.print(
            raw: raw, commit: commit, lifecycle: lifecycle, latency: latency, posts: posts, connections: connections,
            expressions: expressions)
    }

    /// A JSON object of exactly that many bytes.
    private static func payload(_ count: Int) -> [UInt8] {
        let frame = "{\"order\":1,\"note\":\"\"}".utf8.count
        return Array(("{\"order\":1,\"note\":\"" + String(repeating: "x", count: max(0, count - frame)) + "\"}").utf8)
    }
}
