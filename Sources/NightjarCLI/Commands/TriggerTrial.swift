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
        /// What the jobs' runs would have as keys.
        var keys: [String: String] = [:]
        /// The jobs that would not take the event, and why.
        var refusals: [(job: String, reason: String)] = []
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
        let policies = Dictionary(configuration.jobs.map { ($0.name, $0.policy) }) { first, _ in first }
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
                for job in trigger.jobs {
                    do throws(TriggerRules.Refusal) {
                        answer.keys[job] = try policies[job]?.key(of: value)
                    } catch {
                        answer.refusals.append((job, error.reason))
                    }
                }
                answer.jobs = trigger.jobs.filter { job in !answer.refusals.contains { $0.job == job } }
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
            for refusal in answer.refusals {
                text += "\(style.dim("no "))  \(answer.trigger), \(refusal.job): \(Printable.line(refusal.reason))\n"
            }
            if answer.jobs.isEmpty { continue }
            let jobs = answer.jobs.map { job in
                answer.keys[job].map { "\(job) with the key \"\(Printable.line($0))\"" } ?? job
            }
            text += "\(style.green("yes"))  \(answer.trigger) starts \(jobs.joined(separator: ", "))"
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
