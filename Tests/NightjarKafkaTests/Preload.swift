import CLibrdkafka
import Foundation
import TestServers
import Testing
import Waiting

/// Debian's librdkafka 2.0.2 can't read what tansu says. The newer one of the Python package `confluent-kafka` can, and takes
/// its place in a process that is started with it preloaded: so the tests that need tansu are run by a child of this process.
enum Preload {
    private static let variable = "NIGHTJAR_KAFKA_PRELOADED"

    /// Whether this is such a child.
    static let isDone = ProcessInfo.processInfo.environment[variable] != nil

    static let skip: Comment = "run by \"with the newer librdkafka\", in a process of their own"

    /// What a child of this process needs in its environment.
    static func variables() throws -> [String: String] {
        [variable: "1", "LD_PRELOAD": try BrokerTools.newerLibrdkafka()]
    }

    /// Starts the tests of this name in a process of their own.
    static func start(
        _ filter: String, log: String, variables more: [String: String] = [:]
    ) throws -> ChildProcess {
        let program = URL(fileURLWithPath: "/proc/self/exe").resolvingSymlinksInPath().path
        return try ChildProcess(
            program, ["--testing-library", "swift-testing", "--no-parallel", "--filter", filter],
            in: FileManager.default.currentDirectoryPath, output: log, errors: log,
            variables: try variables().merging(more) { $1 })
    }
}

#if os(Linux)
    @Suite("With the newer librdkafka", .enabled(if: !Preload.isDone))
    struct PreloadTests {
        @Test(
            "with the newer librdkafka, a broker", .timeLimit(.minutes(5)),
            arguments: [
                "TansuVersionTests", "TansuConsumingTests", "TansuGroupTests", "TansuCrashTests", "TansuPublishTests",
                "TansuSecurityTests",
            ])
        func broker(suite: String) async throws {
            let log = FileManager.default.temporaryDirectory.path + "/\(suite)-\(UUID().uuidString).log"
            defer { try? FileManager.default.removeItem(atPath: log) }
            let child = try Preload.start("NightjarKafkaTests.\(suite)", log: log)
            defer { child.signal(SIGKILL) }
            try await eventually("\(suite) ends", within: .seconds(290)) { child.status() != nil }
            let output = FileManager.default.contents(atPath: log).map { String(decoding: $0, as: UTF8.self) } ?? ""
            // A suite that is not found passes too, without a test.
            let isRun = output.contains("Suite ") && !output.contains("Test run with 0 tests")
            if child.wait() != 0 || !isRun {
                let failures = output.split(separator: "\n").filter { $0.contains("✘") || $0.contains("↳") }
                Issue.record(
                    "\(suite) failed (\(child.wait())): \(failures.joined(separator: "\n")) \(output.suffix(3000))")
            }
        }
    }
#endif

@Suite(.enabled(if: Preload.isDone, Preload.skip))
struct TansuVersionTests {
    @Test("the library is the newer one")
    func version() {
        #expect(rd_kafka_version() >= 0x020a_0000)
    }
}
