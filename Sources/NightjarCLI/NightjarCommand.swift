import ArgumentParser
import CloudEvents
import Nightjar
import NightjarCore
import NightjarHTTP

/// The program `nightjar`.
@main
struct NightjarCommand: AsyncParsableCommand {
    /// This version.
    static let version = "0.1.0"

    static let configuration = CommandConfiguration(
        commandName: "nightjar",
        abstract: "Starts a background job when something happens, and never loses one.",
        discussion: """
            Begin with "nightjar init", which writes a configuration to try, and "nightjar run".

            Exit codes: 0 done, 1 failed ("check": there are mistakes), 64 wrong usage, 75 not finished in time, 78 mistakes in the configuration.
            """,
        version: version,
        subcommands: [
            InitCommand.self, RunNodeCommand.self, CheckCommand.self, PublishCommand.self, StartCommand.self,
            RunsCommand.self, WhyCommand.self, EvalCommand.self, EventsCommand.self, TriggersCommand.self,
            JobsCommand.self, ReplayCommand.self,
            DemoCommand.self, BenchCommand.self,
        ])

    static func main() async {
        do {
            var command = try parseAsRoot()
            if var asynchronous = command as? any AsyncParsableCommand {
                try await asynchronous.run()
            } else {
                try command.run()
            }
        } catch {
            exit(withError: ExitMessage.told(error))
        }
    }
}

/// Tells errors of the program in plain words, and chooses the exit code.
enum ExitMessage {
    /// 75 of sysexits(3): what was waited for did not happen in time.
    static let notInTime = ExitCode(75)
    /// 78 of sysexits(3): there are mistakes in the configuration.
    static let configuration = ExitCode(78)

    /// The error to exit with; what it says has been written to standard error. Errors of the command line itself stay.
    static func told(_ error: any Error) -> any Error {
        switch error {
        case let error as ConfigurationError:
            StandardOutput.writeError(error.rendered(style: .standardError))
            return configuration
        case is CommandFailure, is StoreError, is IntakeError, is HTTPServerError, is RuntimeError, is EventError:
            StandardOutput.writeError(TerminalStyle.standardError.red("Error: ") + "\(error)\n")
            return ExitCode.failure
        default:
            return error
        }
    }
}
