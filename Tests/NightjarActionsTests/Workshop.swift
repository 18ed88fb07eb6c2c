import Foundation
import NightjarActions
import Waiting

/// A folder for programs and what they leave behind.
final class Workshop: Sendable {
    let path: String

    init() throws {
        path = FileManager.default.temporaryDirectory.appendingPathComponent("actions-\(UUID().uuidString)").path
        try FileManager.default.createDirectory(atPath: path, withIntermediateDirectories: true)
    }

    deinit {
        try? FileManager.default.removeItem(atPath: path)
    }

    /// Writes a program for `/bin/sh`.
    /// - Returns: its path.
    @discardableResult
    func script(_ body: String, named name: String = "program", mode: Int = 0o755) throws -> String {
        try write(Array("#!/bin/sh\n\(body)\n".utf8), to: name, mode: mode)
    }

    @discardableResult
    func write(_ bytes: [UInt8], to name: String, mode: Int = 0o644) throws -> String {
        let file = "\(path)/\(name)"
        // Written under another name: a file that some process has open for writing cannot be executed, and a process
        // that starts in another test at this moment may have inherited it.
        try Data(bytes).write(to: URL(fileURLWithPath: file), options: .atomic)
        try FileManager.default.setAttributes([.posixPermissions: mode], ofItemAtPath: file)
        return file
    }

    /// A command that runs `body` by `/bin/sh` in this folder.
    func command(
        _ body: String, _ arguments: [String] = [], configure: (inout CommandAction.Options) -> Void = { _ in }
    ) throws -> CommandAction {
        var options = CommandAction.Options(workingDirectory: path)
        configure(&options)
        return try CommandAction(["/bin/sh", "-c", body, "sh"] + arguments, options: options)
    }

    func exists(_ name: String) -> Bool {
        FileManager.default.fileExists(atPath: "\(path)/\(name)")
    }

    func read(_ name: String) -> String {
        (try? String(contentsOfFile: "\(path)/\(name)", encoding: .utf8)) ?? ""
    }

    /// The process whose number stands in a file, once it is there.
    func process(in name: String) async throws -> pid_t {
        var pid: pid_t?
        try await eventually("a process number in \(name)") {
            let text = read(name)
            pid = text.hasSuffix("\n") ? pid_t(text.dropLast()) : nil
            return pid != nil
        }
        return pid ?? 0
    }
}

/// Whether the process exists; one that is dead but not reaped does.
func exists(_ pid: pid_t) -> Bool {
    kill(pid, 0) == 0
}
