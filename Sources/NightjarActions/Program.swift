import NightjarCore
import Subprocess
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Which program a command starts, and why it could not be started.
struct Program: Sendable {
    /// As the command names it: a path if it contains a `/`, else a name to be looked for in the `PATH`.
    let name: String
    /// The folder it starts in.
    let folder: String?

    private var isPath: Bool { name.utf8.contains(UInt8(ascii: "/")) }

    /// The program to start. The system resolves a relative path after it has entered the folder.
    var executable: Executable { isPath ? .path(FilePath(name)) : .name(name) }

    /// What follows when it could not be started: what can be mended may work at the next attempt, arguments that are too
    /// long stay so.
    func failure(of error: SubprocessError, path: String?, output: [UInt8]?) -> RunFailure {
        let isTooLong = error.underlyingError == .argListTooLong
        return RunFailure(explanation(of: error, path: path), isTooLong ? .never : .retry, output: output)
    }

    /// Says to people why it could not be started.
    private func explanation(of error: SubprocessError, path: String?) -> String {
        switch error.code {
        case .failedToChangeWorkingDirectory:
            "the working directory \"\(folder ?? "")\" cannot be entered\(Self.reason(error))"
        case .executableNotFound where isPath:
            missing(at: folder.map { FilePath($0).pushing(FilePath(name)).string } ?? name)
        case .executableNotFound:
            "the program \"\(name)\" is not in the PATH, or is not executable: \(path ?? "there is no PATH")"
        case .spawnFailed where error.underlyingError == .execFormatError:
            "the program \"\(name)\" cannot be executed here: a script needs a first line such as #!/bin/sh"
        case _ where error.underlyingError == .argListTooLong:
            "the program \"\(name)\" cannot be started with so much: an argument or variable may have 128 KiB; the event's data is on its standard input, whatever its size"
        default:
            "the program \"\(name)\" could not be run: \(error)"
        }
    }

    private func missing(at path: String) -> String {
        guard access(path, F_OK) == 0 else { return "the program \"\(path)\" does not exist" }
        guard access(path, X_OK) == 0 else { return "the program \"\(path)\" is not executable" }
        return "the program \"\(path)\" exists, but what its first line names, or its loader, does not"
    }

    private static func reason(_ error: SubprocessError) -> String {
        error.underlyingError.map { ": \($0)" } ?? ""
    }
}
