import CloudEvents
import Expressions
import NightjarCore

/// What each trigger would make of an event, without making it: `nightjar check --event`.
struct TriggerTrial {
    /// A trigger's answer.
    struct Answer {
        var trigger: String
        /// What it would make; `nil` if it would not fire.
        var plan: TriggerRules.Plan?
        var jobs: [String]
        /// The event's id, if the trigger gives it another.
        var id: String?
        /// Why it would not fire.
        var reason: String?
    }

    let answers: [Answer]
    let event: Event

    init(_ event: Event, _ configuration: Configuration) {
        self.event = event
        let value = EventValue(event)
        answers = configuration.triggers.map { trigger in
            var answer = Answer(trigger: trigger.name, jobs: trigger.jobs)
            if case .event(let filter) = trigger.source, let reason = filter.refusal(of: event) {
                answer.reason = reason
                return answer
            }
            do throws(TriggerRules.Refusal) {
                answer.id = try trigger.rules.identity(of: value)
                var plan = try trigger.rules.plan(value)
                plan.delay += trigger.delay
                answer.plan = plan
            } catch { answer.reason = error.reason }
            return answer
        }
    }

    /// For people: a few lines for each trigger.
    func text(style: TerminalStyle) -> String {
        var text = ""
        for answer in answers {
            guard let plan = answer.plan else {
                text += "\(style.dim("no "))  \(answer.trigger): \(Printable.line(answer.reason ?? ""))\n"
                continue
            }
            text += "\(style.green("yes"))  \(answer.trigger) starts \(answer.jobs.joined(separator: ", "))"
            if plan.delay > .zero { text += " after \(DurationText.text(plan.delay))" }
            if let priority = plan.priority { text += " with priority \(priority)" }
            text += "\n"
            if let id = answer.id { text += "       id     \(Printable.line(id))\n" }
            let input = plan.input ?? event.data ?? []
            let shown = String(decoding: input.prefix(500), as: UTF8.self)
            text += "       input  \(input.isEmpty ? "none" : Printable.line(shown))\(input.count > 500 ? "…" : "")\n"
        }
        return text
    }
}
