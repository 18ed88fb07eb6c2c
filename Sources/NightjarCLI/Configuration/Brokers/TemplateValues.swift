import CloudEvents
import Expressions
import NightjarCore

/// What templates of a publish action are filled with.
struct TemplateValues {
    private let variables: [Value]

    init(_ event: Event) {
        variables = [.object(EventValue(event))]
    }

    /// The text of a template. What cannot be evaluated will not be better next time: the run is dead, with the reason.
    func text(_ template: Template, _ what: String) throws(RunFailure) -> String {
        do { return try template.render(variables) } catch {
            throw RunFailure("\(what) has no value: \(error)", .never)
        }
    }
}

extension Reading where Value == String {
    /// A text that is never shown, or `{ file: PATH }` with the file that holds it.
    static var secretText: Reading { Reading<Secret>.secret.map(\.text) }
}
