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
        let nearest = NearestName.of(name, among: names).map { "; did you mean \"\($0)\"?" }
        let hint = nearest ?? (names.isEmpty ? "" : "; expected one of: \(names.joined(separator: ", "))")
        return "there is no \(thing.rawValue) \"\(Printable.line(name))\"\(hint)"
    }

    /// - Throws: ``CommandFailure`` if there is no such job or trigger.
    func check(_ thing: NamedThing, _ name: String) throws {
        if let text = missing(thing, name) { throw CommandFailure(text) }
    }
}
