import Foundation
import Synchronization
import TestServers
import Testing
import Waiting

/// The built binary, run from outside as a user runs it.
final class NodeProcess: Sendable {
    /// Why a test could not go on.
    struct Failure: Error, CustomStringConvertible {
        var description: String
    }

    /// What a command that ended has said.
    struct Answer {
        var status: Int32
        var output: String
        var errors: String
    }

    /// The binary, beside the tests that were built with it.
    static let binary: URL = {
        // The test runner is …/debug/nightjarPackageTests.xctest, a file on Linux, a bundle on macOS.
        var folder = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
        for _ in 0..<6
        where !FileManager.default.isExecutableFile(atPath: folder.appendingPathComponent("nightjar").path) {
            folder.deleteLastPathComponent()
        }
        return folder.appendingPathComponent("nightjar")
    }()

    let folder: URL
    private let child = Mutex(ChildProcess?.none)
    private let portNumber = Mutex(0)
    private let variables: [String: String]

    /// A folder with that configuration; `PORT` in it stands for a free port.
    /// - Parameter variables: what the binary's environment has beside that of the tests.
    init(_ configuration: String, variables: [String: String] = [:]) throws {
        // Another file than the folder's is nobody's business here.
        self.variables = variables.merging(["NIGHTJAR_CONFIG": ""]) { given, _ in given }
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("nightjar-e2e-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        let port = try TestPort.free()
        portNumber.withLock { $0 = port }
        try write(configuration)
    }

    deinit {
        kill()
        try? FileManager.default.removeItem(at: folder)
    }

    var port: Int { portNumber.withLock { $0 } }

    func path(_ name: String) -> String { folder.appendingPathComponent(name).path }

    func write(_ configuration: String) throws {
        try configuration.replacingOccurrences(of: "PORT", with: "\(port)").write(
            toFile: path("nightjar.yaml"), atomically: true, encoding: .utf8)
    }

    /// Starts the node and waits until it is ready.
    func start() async throws {
        let before = log.count
        do { try await startOnce() } catch let failure as Failure {
            // A child that a killed node was just starting has its descriptors until it becomes another program.
            let leftovers = ["in use", "another process works under the same node name"]
            let told = log.dropFirst(before)
            guard leftovers.contains(where: told.contains) else { throw failure }
            try await startOnce()
        }
    }

    private func startOnce() async throws {
        let child = try ChildProcess(
            Self.binary.path, ["run"], in: folder.path, output: path("log"), errors: path("log"),
            variables: variables)
        self.child.withLock { $0 = child }
        try await eventually("the node is ready", within: 120) {
            guard child.status() == nil else { throw Failure(description: "the node ended: \(self.log)") }
            return try await self.request("GET", "/readyz").status == 200
        }
    }

    var log: String { (try? String(contentsOfFile: path("log"), encoding: .utf8)) ?? "" }

    var pid: Int32 { child.withLock { $0?.pid ?? 0 } }

    func signal(_ number: Int32) { child.withLock { $0?.signal(number) } }

    /// Kills the node without a warning.
    func kill() {
        let child = child.withLock { child in
            defer { child = nil }
            return child
        }
        child?.signal(SIGKILL)
        _ = child?.wait()
    }

    /// Stops the node as an operator does, and answers its exit status.
    func stop(then body: () async throws -> Void = {}) async throws -> Int32 {
        guard let child = child.withLock({ $0 }) else { return -1 }
        child.signal(SIGTERM)
        try await body()
        try await eventually("the node stops", within: 60) { child.status() != nil }
        return child.wait()
    }

    /// Runs another command of the binary in the folder.
    func nightjar(_ arguments: String..., input: String? = nil) throws -> Answer {
        let name = UUID().uuidString
        if let input { try input.write(toFile: path("input-\(name)"), atomically: true, encoding: .utf8) }
        let child = try ChildProcess(
            Self.binary.path, arguments, in: folder.path, input: input == nil ? "/dev/null" : path("input-\(name)"),
            output: path("output-\(name)"), errors: path("errors-\(name)"), variables: variables)
        return Answer(
            status: child.wait(), output: try String(contentsOfFile: path("output-\(name)"), encoding: .utf8),
            errors: try String(contentsOfFile: path("errors-\(name)"), encoding: .utf8))
    }

    /// Waits for a condition; a request that fails is made again.
    func eventually(_ what: String, within seconds: Double = 60, _ condition: () async throws -> Bool) async throws {
        var last: (any Error)?
        try await Waiting.eventually(
            what, within: .seconds(seconds), details: { (last.map { "\($0)\n" } ?? "") + log.suffix(2000) }
        ) {
            do { return try await condition() } catch let failure as Failure { throw failure } catch {
                last = error
                return false
            }
        }
    }
}
