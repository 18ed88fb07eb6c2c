import Expressions

/// What a name on the command line may stand for.
enum NamedThing: String {
    case job
    case trigger
}

extension ConfigurationOutline {
    /// Says that there is no such job or trigger, and what may have been meant; `nil` if there is one.
    func missing(_ thing: NamedThing, _ name: String) -> String? {
        let names =
            switch thing {
            case .job: jobs.map(\.name)
            case .trigger: triggers.map(\.name)
            }
        if names.contains(name) { return nil }
        let hint = names.isEmpty ? "there are none" : NearestName.hint(for: name, among: names)
        return "there is no \(thing.rawValue) \"\(Printable.line(name))\"; \(hint)"
    }

    /// Says on standard error that there is no such job or trigger: the name may be mistyped, or that of one that is gone and has
    /// left runs.
    func noteMissing(_ thing: NamedThing, _ name: String) {
        if let text = missing(thing, name) { StandardOutput.writeError("note: in the configuration \(text)\n") }
    }

    /// - Throws: ``CommandFailure`` if there is no such job or trigger.
    func check(_ thing: NamedThing, _ name: String) throws {
        if let text = missing(thing, name) { throw CommandFailure(text) }
    }
}
