import CloudEvents
import NightjarCore

extension TerminalStyle {
    /// A state in its colour.
    func state(_ state: RunState) -> String {
        painter(of: state)("\(state)")
    }

    /// How a state is painted.
    func painter(of state: RunState) -> (String) -> String {
        switch state {
        case .scheduled, .available: blue
        case .running: cyan
        case .retryable: yellow
        case .completed: green
        case .dead: red
        case .cancelled: dim
        }
    }
}

/// Everything that is known of a run, for people.
enum RunDetails {
    /// The text, of several lines.
    /// - Parameter wait: what it waits for, if that is known.
    static func text(_ run: Run, waitsFor wait: RunWait? = nil, now: Timestamp, style: TerminalStyle) -> String {
        var lines: [(String, String)] = [
            ("run", "\(run.id)"), ("job", run.job), ("state", style.state(run.state) + detail(of: run, now: now)),
            ("trigger", run.trigger ?? "none: started by hand"),
            ("event", "\(run.event.type) \(run.event.id) from \(run.event.source)"),
            ("created", when(run.createdAt, now)),
        ]
        if let key = run.key { lines.append(("key", key)) }
        if let wait { lines.append(("waits for", wait.text(now: now))) }
        if let items = run.items {
            let done = run.itemsDone ?? 0
            lines.append(("items", done > 0 && done < items ? "\(items), \(done) of them done" : "\(items)"))
        }
        if let finishedAt = run.finishedAt { lines.append(("finished", when(finishedAt, now))) }
        if let progress = run.progress {
            lines.append(("progress", "\(Int((progress.fraction * 100).rounded()))% \(progress.text ?? "")"))
        }
        if let editedAt = run.inputEditedAt { lines.append(("edited", "the input, \(when(editedAt, now))")) }
        if let reason = run.reason { lines.append(("reason", reason)) }
        var text = lines.map { label, value in
            let line = label == "state" ? value : Printable.line(value)
            return style.dim(label.padding(to: 10)) + line + "\n"
        }.joined()
        if run.items == nil, let data = run.input ?? run.event.data { text += block("input", data, style) }
        if let result = run.result { text += block("result", result, style) }
        for attempt in run.attempts { text += Self.text(attempt, now: now, style: style) }
        return text
    }

    private static func detail(of run: Run, now: Timestamp) -> String {
        if run.isCancelRequested, run.state == .running { return ", to be cancelled" }
        if run.state == .scheduled || run.state == .retryable { return ", \(RelativeTime.text(run.runAt, from: now))" }
        return ""
    }

    private static func text(_ attempt: Attempt, now: Timestamp, style: TerminalStyle) -> String {
        let outcome = attempt.outcome.map { "\($0)" } ?? "running"
        let paint: (String) -> String =
            switch attempt.outcome {
            case .completed: style.green
            case nil, .snoozed: style.yellow
            default: style.red
            }
        let span = attempt.endedAt.map { "after \(RelativeTime.span($0 - attempt.startedAt))" } ?? "so far"
        var text =
            style.bold("attempt \(attempt.number)")
            + "  \(paint(outcome)) \(span), \(when(attempt.startedAt, now)), on \(Printable.line(attempt.node))\n"
        if let error = attempt.error { text += "  \(Printable.line(error))\n" }
        if let output = attempt.output, !output.isEmpty { text += block("  output", output, style) }
        return text
    }

    private static func block(_ label: String, _ bytes: [UInt8], _ style: TerminalStyle) -> String {
        guard let text = String(validating: bytes, as: UTF8.self) else {
            return style.dim(label) + "  \(bytes.count) bytes that are not text\n"
        }
        let shown = Printable.block(text.last == "\n" ? text.dropLast() : text[...])
        return style.dim(label) + "\n"
            + shown.split(separator: "\n", omittingEmptySubsequences: false).map { "    \($0)\n" }.joined()
    }

    private static func when(_ time: Timestamp, _ now: Timestamp) -> String {
        "\(time.rfc3339) (\(RelativeTime.text(time, from: now)))"
    }
}

extension String {
    /// The text with blanks at its end, at least so long.
    func padding(to count: Int) -> String {
        self + String(repeating: " ", count: Swift.max(0, count - self.count))
    }
}
