import Foundation
import Testing
import Waiting

/// The built program, driven from outside, in a folder of its own.
struct Program {
    let folder: URL

    /// A fresh folder with this `nightjar.yaml`.
    init(_ configuration: String) throws {
        folder = FileManager.default.temporaryDirectory.appendingPathComponent("nightjar-\(UUID().uuidString)")
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        try write(configuration, to: "nightjar.yaml")
    }

    func remove() {
        try? FileManager.default.removeItem(at: folder)
    }

    func write(_ text: String, to name: String) throws {
        try Data(text.utf8).write(to: folder.appendingPathComponent(name))
    }

    func read(_ name: String) -> String {
        (try? String(contentsOf: folder.appendingPathComponent(name), encoding: .utf8)) ?? ""
    }

    func exists(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: folder.appendingPathComponent(name).path)
    }

    /// A process that has been started; its output goes to files.
    func start(_ arguments: [String], output: String, error: String) throws -> Process {
        let process = Process()
        process.executableURL = URL(fileURLWithPath: CommandLine.arguments[0]).deletingLastPathComponent()
            .appendingPathComponent("nightjar")
        process.arguments = arguments
        process.currentDirectoryURL = folder
        process.environment = ["PATH": ProcessInfo.processInfo.environment["PATH"] ?? "/usr/bin:/bin"]
        process.standardInput = FileHandle.nullDevice
        for name in [output, error] { try write("", to: name) }
        process.standardOutput = try FileHandle(forWritingTo: folder.appendingPathComponent(output))
        process.standardError = try FileHandle(forWritingTo: folder.appendingPathComponent(error))
        try process.run()
        return process
    }

    /// Runs a command to its end.
    @discardableResult
    func run(_ arguments: String...) async throws -> (code: Int32, output: String, error: String) {
        let name = UUID().uuidString
        let process = try start(arguments, output: name + ".out", error: name + ".err")
        try await wait("\(arguments) to end") { !process.isRunning }
        return (process.terminationStatus, read(name + ".out"), read(name + ".err"))
    }

    /// Starts a node and waits until it listens; its log is `log`.
    func node() async throws -> Process {
        let process = try start(["run"], output: "out", error: "log")
        try await wait("the node to listen: \(read("log"))") {
            read("log").contains("listening on") || !process.isRunning
        }
        try #require(process.isRunning, "\(read("log"))")
        return process
    }

    /// Waits for a condition, at most two minutes.
    func wait(_ what: String, until condition: () -> Bool) async throws {
        try await eventually(what, within: .seconds(120)) { condition() }
    }
}
