import ArgumentParser
import CloudEvents
import Nightjar
import NightjarSchedule

/// `nightjar check`: tells every mistake in a configuration file.
struct CheckCommand: AsyncParsableCommand {
    static let configuration = CommandConfiguration(
        commandName: "check", abstract: "Tell every mistake in a configuration file.",
        discussion: """
            Exits with 0 if there is none, else with 1. The environment must hold what the file asks for. With --event, it also tells for each trigger whether the event would fire it, why, and what its jobs would get; for triggers that are not on the event bus, as if the event had come to them.
            """)

    @OptionGroup var option: ConfigurationOption

    @Option(
        help: ArgumentHelp("A CloudEvent in JSON to try the triggers with; - for standard input.", valueName: "path"),
        completion: .file())
    var event: String?

    @Argument(help: ArgumentHelp("The same, without the option's name.", valueName: "file"), completion: .file())
    var file: String?

    func validate() throws {
        if option.config != nil, file != nil { throw ValidationError("The file is given twice; expected it once.") }
    }

    func run() async throws {
        let path = WorkspaceOptions.configurationFile(named: option.config ?? file) ?? "nightjar.yaml"
        let trial: Configuration
        do throws(ConfigurationError) {
            trial = try ConfigurationFile.load(path)
        } catch {
            StandardOutput.writeError(error.rendered(style: .standardError))
            throw ExitCode.failure
        }
        let jobs = trial.jobs.count == 1 ? "1 job" : "\(trial.jobs.count) jobs"
        let triggers = trial.triggers.count == 1 ? "1 trigger" : "\(trial.triggers.count) triggers"
        try StandardOutput.write("\(path) has no mistakes: \(jobs), \(triggers).\n")
        if let ticks = Self.nextTicks(trial, now: SystemTimeSource().now) { try StandardOutput.write(ticks) }
        if let event {
            try StandardOutput.write(
                "\n" + TriggerTrial(try EventFile.read(event), trial).text(style: .standardOutput))
        }
    }

    /// When the schedules of a file tick next; `nil` if it has none.
    static func nextTicks(_ configuration: Configuration, now: Timestamp) -> String? {
        var text = ""
        for trigger in configuration.triggers {
            guard case .schedule(let settings) = trigger.source else { continue }
            let ticks = settings.next(3, after: now).map { settings.schedule.localTime($0) }
            text += "  \(trigger.name) ticks next at \(ticks.joined(separator: ", "))\n"
        }
        return text.isEmpty ? nil : text
    }
}
