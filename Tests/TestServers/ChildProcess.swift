public import Foundation
import Synchronization

#if canImport(Glibc)
    import Glibc
#endif

/// One child process, started by `posix_spawn`: it leaves no descriptor and no thread in the tests' own process,
/// however many thousand of them a test starts and kills.
public final class ChildProcess: Sendable {
    /// Its number.
    public let pid: pid_t
    /// The exit status once it was waited for: an exit code, or 128 and the signal's number as shells have it.
    private let ended = Mutex(Int32?.none)

    /// Starts the program in the folder; output and errors are appended to those files.
    /// - Parameter variables: what its environment has beside that of the tests.
    public init(
        _ program: String, _ arguments: [String], in folder: String, input: String = "/dev/null", output: String,
        errors: String, variables: [String: String] = [:]
    ) throws {
        #if canImport(Darwin)
            var actions: posix_spawn_file_actions_t?
        #else
            var actions = posix_spawn_file_actions_t()
        #endif
        posix_spawn_file_actions_init(&actions)
        defer { posix_spawn_file_actions_destroy(&actions) }
        let appending = O_WRONLY | O_CREAT | O_APPEND
        posix_spawn_file_actions_addopen(&actions, 0, input, O_RDONLY, 0)
        posix_spawn_file_actions_addopen(&actions, 1, output, appending, 0o644)
        posix_spawn_file_actions_addopen(&actions, 2, errors, appending, 0o644)
        // The shell changes the folder and becomes the program; its number stays.
        let shell = ["sh", "-c", #"cd "$1" && shift && exec "$@""#, "sh", folder, program]
        var words: [UnsafeMutablePointer<CChar>?] = (shell + arguments).map { strdup($0) }
        words.append(nil)
        let environment = ProcessInfo.processInfo.environment.merging(variables) { $1 }
        var variables: [UnsafeMutablePointer<CChar>?] = environment.map {
            strdup("\($0.key)=\($0.value)")
        }
        variables.append(nil)
        defer { for pointer in words + variables { free(pointer) } }
        var pid: pid_t = 0
        let failure = posix_spawn(&pid, "/bin/sh", &actions, nil, words, variables)
        guard failure == 0 else {
            throw TestServerFailure("\(program) was not started: \(String(cString: strerror(failure)))")
        }
        self.pid = pid
    }

    /// Sends a signal, unless the process has ended: its number may be another one's by now.
    public func signal(_ number: Int32) {
        ended.withLock { ended in
            if ended == nil { _ = Foundation.kill(pid, number) }
        }
    }

    /// The exit status if it has ended.
    public func status() -> Int32? { reap(WNOHANG) }

    /// Waits for its end.
    public func wait() -> Int32 {
        // A wait that is interrupted has no answer yet.
        while true {
            if let status = reap(0) { return status }
        }
    }

    private func reap(_ options: Int32) -> Int32? {
        ended.withLock { ended in
            guard ended == nil else { return ended }
            var status: Int32 = 0
            guard waitpid(pid, &status, options) == pid else { return nil }
            let signal = status & 0x7f
            ended = signal == 0 ? (status >> 8) & 0xff : 128 + signal
            return ended
        }
    }
}

/// Why a test could not go on.
public struct TestServerFailure: Error, CustomStringConvertible {
    /// What happened, for people.
    public var description: String

    /// A failure with that description.
    public init(_ description: String) {
        self.description = description
    }
}
