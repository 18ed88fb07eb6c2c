public import NightjarCore
import Subprocess
import SystemPackage

/// Does a run by starting a program: an argument vector, never a shell.
///
/// The event's data is the program's standard input, the event's attributes are in `NIGHTJAR_` variables. Exit code 0 means
/// done, 75 (`EX_TEMPFAIL` of sysexits.h) asks to be tried later, any other fails the attempt. What it writes is kept with
/// the attempt, lines such as `::progress 0.4 uploading` on standard output report progress, and a standard output that is
/// otherwise one JSON text of at most 64 KiB becomes the run's result. The program of a batch gets it as a CloudEvents batch in
/// JSON, and names the items that failed in lines such as `::failed 3 no address`: the others are done then, whatever the exit
/// code but 75. When the attempt is stopped, the program's process
/// group gets SIGTERM, and what is left of it after the grace gets SIGKILL.
public struct CommandAction: RunHandler {
    /// Kills every program that runs now for any command of this process, with all that it started: for a process that ends
    /// at once, as what it leaves behind would go on beside the next attempt.
    public static func killRunningPrograms() { ProcessGroup.killAll() }

    /// How a program is started and listened to.
    public struct Options: Sendable, Hashable {
        /// The folder it starts in, and to which a relative program path refers; the present one by default.
        public var workingDirectory: String?
        /// The variables it inherits; a `*` at the end of a name stands for any rest.
        public var inherited: [String]
        /// Variables it gets besides. Those of the run, which begin with `NIGHTJAR_`, cannot be replaced.
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

    private let program: Program
    private let arguments: [String]
    private let options: Options
    /// Inherited and given variables. Read once: the environment of a node does not change while it runs.
    private let variables: [String: String]

    /// An action that starts `arguments[0]` with the others.
    /// - Throws: ``ActionError`` if there is no program, or if no program can be given these arguments or variables.
    public init(_ arguments: [String], options: Options = Options()) throws(ActionError) {
        guard let name = arguments.first, !name.isEmpty else {
            throw ActionError("a command needs a program: expected a list such as [./send-receipt, --fast]")
        }
        guard !arguments.contains(where: { $0.utf8.contains(0) }) else {
            throw ActionError("an argument of the command contains a NUL byte, which no program can be given")
        }
        guard options.workingDirectory?.utf8.contains(0) != true, options.workingDirectory?.isEmpty != true else {
            throw ActionError("the command's working directory is empty or contains a NUL byte")
        }
        for (name, value) in options.environment {
            guard ProcessVariables.isValidName(name), !value.utf8.contains(0) else {
                throw ActionError(
                    "the variable \"\(name)\" cannot be given to a program: its name is empty, begins with a digit or contains \"=\", or it contains a NUL byte"
                )
            }
        }
        program = Program(name: name, folder: options.workingDirectory)
        self.arguments = Array(arguments.dropFirst())
        self.options = options
        variables = ProcessVariables.matching(options.inherited).merging(options.environment) { $1 }
    }

    /// Starts the program and waits for its end.
    public func run(_ context: RunContext) async throws -> RunOutput {
        try Task.checkCancellation()
        let output = CommandOutput(limit: options.outputLimitBytes, isBatch: !context.items.isEmpty) {
            context.report($0.fraction, $0.text)
        }
        let environment = environment(context)
        let run = ProgramRun(
            executable: program.executable, arguments: arguments, environment: environment,
            workingDirectory: options.workingDirectory.map { FilePath($0) }, grace: options.grace,
            input: context.input, output: output)
        do {
            let (status, wasStopped) = try await run.run()
            let result = output.finish()
            if wasStopped { throw RunFailure("stopped: \(status.summary)", output: output.bytes) }
            try check(status, output)
            return RunOutput(result: result, output: output.bytes)
        } catch let error as SubprocessError {
            let path = environment["PATH"] ?? ProcessVariables.matching(["PATH"])["PATH"]
            throw program.failure(of: error, path: path, output: output.bytes)
        }
    }

    private func check(_ status: TerminationStatus, _ output: CommandOutput) throws {
        let failed = output.failedItems
        if !failed.isEmpty, status != .exited(Self.tryLater) {
            // A program that was killed had no time to say what else failed.
            if case .exited = status { throw BatchFailure(items: failed, code: status.code, output: output.bytes) }
        }
        if status == .exited(0) { return }
        let words = output.lastWords.map { ": " + $0 } ?? ""
        let isLater = status == .exited(Self.tryLater)
        let meaning = isLater ? " (try later)" : ""
        throw RunFailure(
            status.summary + meaning + words, isLater ? .snooze(nil) : .retry, code: status.code, output: output.bytes)
    }

    private func environment(_ context: RunContext) -> [Environment.Key: String] {
        let variables = variables.merging(RunVariables(context).values) { $1 }
        return Dictionary(uniqueKeysWithValues: variables.map { (Environment.Key(stringLiteral: $0), $1) })
    }
}

extension TerminationStatus {
    /// What kind of failure it is: the exit code, or `signal`.
    fileprivate var code: String {
        switch self {
        case .exited(let code): "\(code)"
        case .signaled: "signal"
        }
    }

    /// How a program ended, in words.
    fileprivate var summary: String {
        switch self {
        case .exited(let code): "exit code \(code)"
        case .signaled(let signal): "killed by \(SignalName.of(signal))"
        }
    }
}
