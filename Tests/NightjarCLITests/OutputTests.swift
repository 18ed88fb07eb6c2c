import CloudEvents
import Logging
import NightjarCore
import Synchronization
import Testing

@testable import NightjarCLI

@Suite("What the command line writes")
struct OutputTests {
    let now = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)
    let terminal = TerminalStyle(isTerminal: true, hasColour: true)

    @Test("columns are aligned, also with wide characters and colours")
    func table() {
        var table = Table("A", "B", "C")
        table.add(Table.Cell("x", paint: terminal.red), "二", "last")
        table.add("longer", "y", "")
        #expect(
            table.rendered(.plain) == """
                A       B   C
                \u{1B}[31mx\u{1B}[0m       二  last
                longer  y

                """)
    }

    @Test("on a terminal the last column is cut to fit, elsewhere nothing is")
    func cut() {
        var table = Table("A", "NOTE")
        table.add("x", "a rather long note")
        let terminal = TerminalStyle(isTerminal: true, hasColour: false)
        #expect(table.rendered(terminal, columns: 12) == "A  NOTE\nx  a rather…\n")
        #expect(table.rendered(.plain).contains("a rather long note"))
    }

    @Test("escape sequences of events do not reach the terminal")
    func escapes() {
        #expect(Printable.line("a\u{1B}[31mb\nc\u{202E}d") == "a␛[31mb␊c\u{FFFD}d")
        #expect(Printable.block("a\u{1B}\n\tb") == "a␛\n\tb")
    }

    @Test(
        "times are told as people say them",
        arguments: [
            (0, "now"), (-3, "3s ago"), (90, "in 1m"), (-7200, "2h ago"), (3 * 86_400, "in 3d"),
            (-40 * 86_400, "2026-12-06"),
        ])
    func relative(seconds: Int64, text: String) {
        #expect(RelativeTime.text(now + .seconds(seconds), from: now) == text)
    }

    @Test("spans are short", arguments: [(12, "12ms"), (3_400, "3.4s"), (125_000, "2m5s")])
    func span(milliseconds: Int64, text: String) {
        #expect(RelativeTime.span(.milliseconds(milliseconds)) == text)
    }

    @Test("NO_COLOR and what is no terminal are honoured")
    func colour() {
        #expect(TerminalStyle.plain.state(.dead) == "dead")
        #expect(terminal.state(.dead) == "\u{1B}[31mdead\u{1B}[0m")
        #expect(!TerminalStyle(descriptor: 0, environment: ["NO_COLOR": "1"]).hasColour)
    }

    @Test("a run's details show attempts, errors and output")
    func details() {
        let event = Event(id: "e", source: "/s", type: "t", data: Array("{}".utf8))
        let attempt = Attempt(
            number: 1, node: "n", startedAt: now - .seconds(5), endedAt: now - .seconds(4), outcome: .failed,
            error: "exit code 1", output: Array("oops\n".utf8))
        let run = Run(
            id: RunID(high: 1, low: 2), job: "j", state: .retryable, trigger: nil, event: event, priority: 0,
            createdAt: now - .seconds(5), runAt: now + .seconds(60), attempts: [attempt], reason: "exit code 1")
        let text = RunDetails.text(run, now: now, style: .plain)
        #expect(text.contains("state     retryable, in 1m"))
        #expect(text.contains("attempt 1  failed after 1.0s"))
        #expect(text.contains("    oops\n"))
        #expect(text.contains("trigger   none: started by hand"))
    }

    @Test("a run's details show its key and what it waits for, and until when")
    func waits() {
        let run = Run(
            id: RunID(high: 1, low: 2), job: "j", state: .available, trigger: nil,
            event: Event(id: "e", source: "/s", type: "t"), priority: 0, createdAt: now, runAt: now, key: "ann")
        let wait = RunWait.rate(until: now + .seconds(60), key: "ann")
        let text = RunDetails.text(run, waitsFor: wait, now: now, style: .plain)
        #expect(text.contains("key       ann\n"))
        #expect(text.contains("waits for the rate of the key \"ann\", in 1m\n"), "\(text)")
    }

    @Test("a log line is text for people, or a JSON object; line breaks stay within it")
    func log() {
        func line(_ format: LogSettings.Format) -> String {
            let written = Written()
            let settings = LogSettings(level: .info, format: format)
            var logger = Logger(
                label: "test",
                factory: { label in
                    ConsoleLogHandler(label: label, settings: settings, style: .plain, write: { written.add($0) })
                })
            logger[metadataKey: "run"] = "r 1"
            logger.debug("not this")
            logger.info("a\nb", metadata: ["level": "x"])
            return written.text
        }
        #expect(line(.text).hasSuffix(" INFO     a␊b level=x run=\"r 1\"\n"))
        let json = line(.json)
        #expect(
            json.hasSuffix(
                "\"level\":\"info\",\"logger\":\"test\",\"message\":\"a\\nb\",\"level_\":\"x\",\"run\":\"r 1\"}\n"))
        #expect(JSONText.isValid(Array(json.utf8)))
    }

    private final class Written: Sendable {
        private let state = Mutex("")
        var text: String { state.withLock { $0 } }
        func add(_ more: String) { state.withLock { $0 += more } }
    }
}

@Suite("Why an event did not do more")
struct EventExplanationTests {
    let triggers = [
        ConfigurationOutline.TriggerOutline(
            name: "orders", kind: "event", filter: EventFilter(types: ["order.*"]), jobs: ["charge"], delay: .zero,
            rules: TriggerRules(), summary: ""),
        ConfigurationOutline.TriggerOutline(
            name: "payments", kind: "event", filter: EventFilter(types: ["payment.*"]), jobs: ["book"], delay: .zero,
            rules: TriggerRules(), summary: ""),
        ConfigurationOutline.TriggerOutline(
            name: "endpoint", kind: "http", filter: nil, jobs: ["charge"], delay: .zero, rules: TriggerRules(),
            summary: ""),
    ]

    func reasons(_ decisions: [Decision], type: String = "order.placed") -> [String: String] {
        let record = EventRecord(
            sequence: 1, event: Event(id: "1", source: "/s", type: type),
            acceptedAt: Timestamp(microsecondsSince1970: 0), decisions: decisions)
        let refusals = EventExplanation.refusals(of: record, by: triggers)
        return Dictionary(uniqueKeysWithValues: refusals.map { ($0.trigger ?? "", $0.reason ?? "") })
    }

    @Test("a trigger that fired is not explained; one that does not want the type is")
    func filter() {
        let reasons = reasons([Decision(trigger: "orders", job: "charge", outcome: .started)])
        #expect(reasons == ["payments": "its type is \"order.placed\", wanted: \"payment.*\""])
    }

    @Test("an event for one trigger, or a start by hand, was not published")
    func addressed() {
        #expect(
            reasons([Decision(trigger: "endpoint", job: "charge", outcome: .started)]).values.allSatisfy {
                $0 == "the event came to the trigger \"endpoint\" and was not published"
            })
        #expect(
            reasons([Decision(trigger: nil, job: "charge", outcome: .started)]).values.allSatisfy {
                $0 == "the event started a job by hand and was not published"
            })
    }

    @Test("a trigger that wants it and did not fire was not there yet, or came second")
    func late() {
        #expect(
            reasons([])["orders"]
                == "it wants the event now, but did not when the event came; \"nightjar replay\" starts its jobs")
        #expect(
            reasons([Decision(trigger: "gone", job: "charge", outcome: .started)])["orders"]
                == "its jobs were started by another trigger already")
    }
}
