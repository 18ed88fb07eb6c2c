import NightjarCore

/// What a replay did or would do, for people.
enum ReplayText {
    /// The text, of several lines.
    static func text(_ report: ReplayReport, isDryRun: Bool, style: TerminalStyle) -> String {
        guard report.events > 0 else { return "No events fit.\n" }
        let verb = isDryRun ? "would start" : "started"
        let share = "\(CountText.grouped(report.started)) of \(CountText.text(report.events, "event"))"
        var text = style.bold("\(share) \(verb) \(CountText.text(report.runs, "run")).") + "\n"
        for answer in report.triggers { text += "\n" + self.text(answer, verb: verb, style: style) }
        if report.unasked > 0 {
            text += "\n  \(style.dim("no trigger asked:")) \(CountText.text(report.unasked, "event"))\n"
            text += reasons(report.reasons, of: report.unasked, style)
        }
        return text
    }

    private static func text(_ answer: ReplayReport.Answer, verb: String, style: TerminalStyle) -> String {
        var text = "  trigger \(Printable.line(answer.trigger))\n"
        if answer.events > 0 {
            let jobs = answer.jobs.sorted { $0.key < $1.key }.map { job, runs in
                "\(Printable.line(job)) \(CountText.grouped(runs)) ×"
            }
            text += "    \(style.green(verb)) \(jobs.joined(separator: ", "))"
            text += " for \(CountText.text(answer.events, "event"))\n"
        }
        if answer.refused > 0 {
            text += "    \(style.dim("starts nothing")) for \(CountText.text(answer.refused, "event"))\n"
            text += reasons(answer.reasons, of: answer.refused, style)
        }
        return text
    }

    private static func reasons(_ reasons: [ReplayReport.Reason], of total: Int, _ style: TerminalStyle) -> String {
        var text = ""
        for reason in reasons {
            text += "      \(CountText.grouped(reason.count)) ×  \(Printable.line(reason.text))"
            text += style.dim(", such as \(Printable.line(reason.example))") + "\n"
        }
        let others = total - reasons.reduce(0) { $0 + $1.count }
        if others > 0 { text += "      \(CountText.grouped(others)) ×  for other reasons\n" }
        return text
    }
}
