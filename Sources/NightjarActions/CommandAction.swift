public import NightjarCore
import Subprocess
import SystemPackage

#if canImport(Glibc)
    import Glibc
#elseif canImport(Musl)
    import Musl
#elseif canImport(Darwin)
    import Darwin
#endif

/// Does a run by starting a program: an argument vector, never a shell.
///
/// The event's data is the program's standard input. Exit code 0 means done, 75 (`EX_TEMPFAIL` of sysexits.h) asks to be
/// tried later, any other fails the attempt. What it writes is kept with the attempt. When the attempt is stopped, the
/// program's process group gets SIGTERM, and SIGKILL after the grace.
public struct CommandAction: RunHandler {
    /// How a program is started and listened to.
    public struct Options: Sendable, Hashable {
        /// The folder it starts in, and to which a relative program path refers; the present one by default.
        public var workingDirectory: String?
        /// The variables it inherits; a `*` at the end of a name stands for any rest.
        public var inherited: [String]
        /// Variables it gets besides.
        public var environment: [String: String]
        /// How many bytes of its output are kept: the first half and the last.
        public var outputLimitBytes: Int
        /// How long after SIGTERM it gets SIGKILL.
        public var grace: Duration

        /// Options with these values.
        public init(
            workingDirectory: String? = nil, inherited: [String] = Options.usuallyInherited,
            environment: [String: String] = [:], outputLimitBytes: Int = 64 << 10, grace: Duration = .seconds(5)
        ) {
            self.workingDirectory = workingDirectory
            self.inherited = inherited
            self.environment = environment
            self.outputLimitBytes = max(0, outputLimitBytes)
            self.grace = max(.zero, grace)
        }

        /// What a program needs to find others and to speak the user's language, and no secrets.
        public static let usuallyInherited = ["PATH", "HOME", "USER", "LANG", "LC_*", "TZ", "TMPDIR", "SSL_CERT_FILE"]
    }

    private static let tryLater: Int32 = 75
    private static let longestResult = 64 << 10

    private let arguments: [String]
    private let options: Options

    /// An action that starts `arguments[0]` with the others.
    /// - Throws: ``ActionError`` if there is no program, or an argument contains a NUL byte.
    public init(_ arguments: [String], options: Options = Options()) throws(ActionError) {
        guard let program = arguments.first, !program.isEmpty else {
            throw ActionError("a command needs a program: expected a list such as [./send-receipt, --fast]")
        }
        guard !arguments.contains(where: { $0.utf8.contains(0) }) else {
            throw ActionError("an argument of the command contains a NUL byte, which no program can be given")
        }
        self.arguments = arguments
        self.options = options
    }

    public func run(_ context: RunContext) async throws -> RunOutput {
        var output = CapturedOutput(limit: options.outputLimitBytes)
        let status: TerminationStatus
        do {
            (status, output) = try await start(context)
        } catch let error as SubprocessError {
            try Task.checkCancellation()
            throw failure(error)
        }
        let text = output.bytes
        try check(status, output)
        let isResult = !output.isTruncated && text.count <= Self.longestResult
        return RunOutput(result: isResult ? Self.json(text) : nil, output: text.isEmpty ? nil : text)
    }

    private func start(_ context: RunContext) async throws -> (TerminationStatus, CapturedOutput) {
        var platform = PlatformOptions()
        platform.processGroupID = 0
        platform.teardownSequence = [
            .gracefulShutDown(toProcessGroup: true, allowedDurationToNextStep: options.grace)
        ]
        let limit = options.outputLimitBytes
        let result = try await Subprocess.run(
            executable, arguments: Arguments(Array(arguments.dropFirst())),
            environment: .custom(environment(context)),
            workingDirectory: options.workingDirectory.map { FilePath($0) }, platformOptions: platform,
            input: .inputWriter, output: .sequence, error: .combinedWithOutput
        ) { execution in
            try await withThrowingTaskGroup(of: CapturedOutput?.self) { group in
                let pid = execution.processIdentifier.value
                group.addTask {
                    // A program that does not read its input closes the pipe; that is its right.
                    do { _ = try await execution.standardInputWriter.write(context.input) } catch is SubprocessError {}
                    do { try await execution.standardInputWriter.finish() } catch is SubprocessError {}
                    return nil
                }
                group.addTask {
                    var captured = CapturedOutput(limit: limit)
                    var lines = ProgressLines()
                    do {
                        for try await chunk in execution.standardOutput {
                            chunk.withUnsafeBytes { bytes in
                                captured.append(bytes)
                                for progress in lines.scan(bytes) { context.report(progress.fraction, progress.text) }
                            }
                        }
                    } catch is CancellationError {
                        // The program ended, and someone it started still holds its output open.
                    } catch let error as SubprocessError where Task.isCancelled && error.code == .failedToReadFromSubprocess {
                        // The same, as the system reports it.
                    }
                    return captured
                }
                group.addTask {
                    try await Self.waitForExit(pid)
                    return nil
                }
                var captured = CapturedOutput(limit: limit)
                var left = 3
                while left > 0, let output = try await group.next() {
                    left -= 1
                    if let output {
                        captured = output
                        break
                    }
                }
                group.cancelAll()
                return captured
            }
        }
        return (result.terminationStatus, result.closureResult)
    }

    /// Waits until the program has ended, and a little longer for what it wrote last; leaves it to be reaped.
    private static func waitForExit(_ pid: pid_t) async throws {
        while true {
            var info = siginfo_t()
            let result = waitid(P_PID, id_t(pid), &info, WEXITED | WNOHANG | WNOWAIT)
            if result != 0 { break }
            #if os(Linux)
                if info.si_signo != 0 { break }
            #else
                if info.si_pid != 0 { break }
            #endif
            try await ContinuousClock().sleep(for: .milliseconds(100))
        }
        try await ContinuousClock().sleep(for: .milliseconds(500))
    }

    private var executable: Executable {
        let program = arguments[0]
        guard program.utf8.contains(UInt8(ascii: "/")) else { return .name(program) }
        let path = FilePath(program)
        guard path.isRelative, let folder = options.workingDirectory else { return .path(path) }
        return .path(FilePath(folder).pushing(path))
    }

    private func check(_ status: TerminationStatus, _ output: CapturedOutput) throws {
        switch status {
        case .exited(0): return
        case .exited(Self.tryLater):
            throw RunFailure("exit code 75: try later", .snooze(nil), output: output.bytes)
        case .exited(let code):
            throw RunFailure("exit code \(code)\(output.lastLine)", .retry, output: output.bytes)
        case .signaled(let signal):
            throw RunFailure("killed by signal \(signal)\(output.lastLine)", .retry, output: output.bytes)
        }
    }

    private func failure(_ error: SubprocessError) -> RunFailure {
        switch error.code {
        case .executableNotFound:
            let place = arguments[0].contains("/") ? "" : " in the PATH"
            return RunFailure("the program \"\(arguments[0])\" was not found\(place), or is not executable")
        case .failedToChangeWorkingDirectory:
            return RunFailure("the working directory \"\(options.workingDirectory ?? "")\" cannot be entered")
        default:
            return RunFailure("the program \"\(arguments[0])\" could not be run: \(error)")
        }
    }

    private func environment(_ context: RunContext) -> [Environment.Key: String] {
        var variables: [String: String] = [:]
        for (name, value) in Self.inheritable(options.inherited) { variables[name] = value }
        variables.merge(options.environment) { $1 }
        variables.merge(RunVariables(context).values) { $1 }
        var environment: [Environment.Key: String] = [:]
        for (name, value) in variables where !value.utf8.contains(0) {
            environment[Environment.Key(stringLiteral: name)] = value
        }
        return environment
    }

    private static func inheritable(_ patterns: [String]) -> [String: String] {
        var result: [String: String] = [:]
        for (name, value) in ProcessVariables.all {
            let isWanted = patterns.contains { pattern in
                pattern.hasSuffix("*") ? name.hasPrefix(pattern.dropLast()) : name == pattern
            }
            if isWanted { result[name] = value }
        }
        return result
    }

    private static func json(_ bytes: [UInt8]) -> [UInt8]? {
        JSONResult.trimmed(bytes)
    }
}
