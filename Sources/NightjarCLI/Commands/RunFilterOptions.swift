import ArgumentParser
import Expressions
import NightjarCore

/// The options that say which runs are meant.
struct RunFilterOptions: ParsableArguments {
    @Option(
        help: ArgumentHelp(
            "In this state; may be given several times: \(RunState.allCases.map(\.description).joined(separator: ", ")).",
            valueName: "state"),
        completion: .list(RunState.allCases.map(\.description)), transform: Self.state)
    var state: [RunState] = []

    @Option(help: ArgumentHelp("Of this job.", valueName: "job"))
    var job: String?

    @Option(help: ArgumentHelp("Made by this trigger.", valueName: "trigger"))
    var trigger: String?

    @Option(
        help: ArgumentHelp(
            "With this text in the job, trigger, reason, or the event's id, type or subject.", valueName: "text"))
    var text: String?

    /// Whether nothing is asked for.
    var isEmpty: Bool { state.isEmpty && job == nil && trigger == nil && text == nil }

    /// The filter.
    var filter: RunFilter { RunFilter(states: Set(state), job: job, trigger: trigger, text: text) }

    /// Says so if the configuration has no such job or trigger.
    func noteMissing(in outline: ConfigurationOutline?) {
        if let job { outline?.noteMissing(.job, job) }
        if let trigger { outline?.noteMissing(.trigger, trigger) }
    }

    private static func state(_ text: String) throws -> RunState {
        if let state = RunState(name: text) { return state }
        let names = RunState.allCases.map(\.description)
        throw ValidationError("'\(text)' is no state; \(NearestName.hint(for: text, among: names))")
    }
}

/// Reads the id of a run on the command line.
@Sendable func parseRunID(_ text: String) throws -> RunID {
    guard let id = RunID(text) else {
        throw ValidationError("'\(text)' is no run; expected an id such as 01996d3e-2f4a-7c1b-9d2e-3f4a5b6c7d8e")
    }
    return id
}
