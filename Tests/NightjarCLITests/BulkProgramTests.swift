import Foundation
import Nightjar
import Testing

@testable import NightjarCLI

@Suite("Commands on many and replays, from the command line", .serialized)
struct BulkProgramTests {
    private static let configuration = """
        store: sqlite:n.db
        http: off
        jobs:
          greet: { command: ["true"] }
          other: { command: ["true"] }
        triggers:
          hello: { event: { type: hello }, start: greet, when: event.data.n > 100 }
        """

    private static func events(_ count: Int, type: String, from first: Int = 0) -> String {
        let events = (first..<first + count).map {
            #"{"specversion":"1.0","id":"\#(type)-\#($0)","source":"/s","type":"\#(type)","data":{"n":\#($0)}}"#
        }
        return "[\(events.joined(separator: ","))]"
    }

    @Test("all runs that fit are changed, however many, and counted; a dry run and a limit are heeded")
    func bulk() async throws {
        let program = try Program(Self.configuration.replacing(", when: event.data.n > 100", with: ""))
        defer { program.remove() }
        try program.write(Self.events(1205, type: "hello"), to: "events.json")
        #expect(try await program.run("publish", "--file", "events.json").code == 0)
        let dry = try await program.run("runs", "cancel", "--all", "--job", "greet", "--dry-run")
        #expect(dry.code == 0 && dry.output == "1,205 runs would be cancelled.\n")
        let some = try await program.run("runs", "cancel", "--all", "--limit", "3")
        #expect(some.output.hasSuffix("3 runs cancelled.\n") && some.output.hasPrefix("RUN"))
        let rest = try await program.run("runs", "cancel", "--all")
        #expect(rest.output == "1,202 runs cancelled.\n")
        #expect(rest.error == "cancel runs: 1202\n")
        #expect(try await program.run("runs", "cancel", "--all").output == "No runs fit.\n")
        let json = try await program.run("runs", "retry", "--all", "--json")
        let object = try JSONSerialization.jsonObject(with: Data(json.output.utf8)) as? [String: Any]
        #expect(object?["changed"] as? Int == 1205)
        #expect((object?["runs"] as? [Any])?.count == 1205)
        let none = try await program.run("runs", "discard", "--all", "--state", "completed", "--json")
        #expect(none.output == "{\"runs\":[],\"changed\":0,\"cancelRequested\":0}\n")
        let dryJSON = try await program.run("runs", "cancel", "--all", "--dry-run", "--json")
        #expect(dryJSON.output == "{\"dryRun\":true,\"changed\":1205}\n")
    }

    @Test("Ctrl-C ends a command on many between two transactions; what is done is told, and the same command goes on")
    func interrupted() async throws {
        let program = try Program(Self.configuration.replacing(", when: event.data.n > 100", with: ""))
        defer { program.remove() }
        for first in stride(from: 0, to: 20_000, by: 5000) {
            try program.write(Self.events(5000, type: "hello", from: first), to: "events.json")
            #expect(try await program.run("publish", "--file", "events.json", "--json").code == 0)
        }
        func interrupted() async throws -> Process {
            let process = try program.start(["runs", "cancel", "--all"], output: "out", error: "err")
            try await program.wait("the command to begin") { program.read("err").contains("cancel runs: 20000") }
            process.interrupt()
            try await program.wait("the command to end") { !process.isRunning }
            return process
        }
        var process = try await interrupted()
        // Where this test stood still meanwhile, it came to its end: once more.
        for _ in 0..<3 where process.terminationStatus == 0 {
            #expect(try await program.run("runs", "retry", "--all").code == 0)
            process = try await interrupted()
        }
        #expect(process.terminationStatus == 130 && process.terminationReason == .exit)
        let told = try #require(
            program.read("err").firstMatch(of: /Interrupted after ([\d,]+) of 20,000 runs/), "\(program.read("err"))")
        let done = try #require(Int(told.output.1.replacing(",", with: "")))
        #expect(done % 500 == 0)
        let rest = try await program.run("runs", "cancel", "--all", "--dry-run", "--json")
        #expect(rest.output == "{\"dryRun\":true,\"changed\":\(20_000 - done)}\n")
    }

    @Test("a run is retried with another input from the command line, a file or standard input")
    func input() async throws {
        let program = try Program(Self.configuration)
        defer { program.remove() }
        _ = try await program.run("start", "greet", "--data", "hello", "--idempotency-key", "1")
        let list = try await program.run("runs", "list", "--json")
        let object = try JSONSerialization.jsonObject(with: Data(list.output.utf8)) as? [String: Any]
        let id = try #require((object?["runs"] as? [[String: Any]])?.first?["id"] as? String)
        let waiting = try await program.run("runs", "retry", id, "--input", "1")
        #expect(waiting.code == 1 && waiting.output.contains("unchanged: it is available"))
        #expect(try await program.run("runs", "cancel", id).code == 0)
        try program.write("{\"from\": \"file\"}", to: "input.json")
        for (input, expected) in [("{\"n\": 1}", "\"n\": 1"), ("input.json", "\"from\": \"file\"")] {
            let result = try await program.run("runs", "retry", id, "--input", input)
            #expect(result.code == 0 && result.output.contains("available"), "\(result)")
            let shown = try await program.run("runs", "show", id)
            #expect(shown.output.contains(expected), "\(shown.output)")
            #expect(shown.output.contains("edited    the input, "), "\(shown.output)")
            _ = try await program.run("runs", "cancel", id)
        }
        try program.write("hello", to: "text.txt")
        for (input, message) in [
            ("text.txt", "text.txt holds no JSON"), ("{\"n\":", "the input is no JSON"),
            ("none", "none cannot be read"),
            ("-", "standard input holds no JSON"),
        ] {
            let result = try await program.run("runs", "retry", id, "--input", input)
            #expect(result.code == 1 && result.error.contains(message), "\(result)")
        }
        #expect(try await program.run("runs", "retry", "--all", "--input", "1").code == 64)
    }

    @Test("events that matched nothing are replayed once the configuration is mended, and why tells it")
    func replay() async throws {
        let program = try Program(Self.configuration)
        defer { program.remove() }
        try program.write(Self.events(20, type: "hello"), to: "hello.json")
        try program.write(Self.events(3, type: "stray"), to: "stray.json")
        #expect(try await program.run("publish", "--file", "hello.json").code == 0)
        #expect(try await program.run("publish", "--file", "stray.json").code == 0)
        try program.write(Self.configuration.replacing("n > 100", with: "n > 9"), to: "nightjar.yaml")
        #expect(
            try await program.run("why", "hello-12").output.contains(
                "refused   trigger hello: when is false: event.data.n > 100"))
        let dry = try await program.run("replay", "--dry-run")
        #expect(
            dry.output == """
                10 of 23 events would start 10 runs.

                  trigger hello
                    would start greet 10 × for 10 events
                    starts nothing for 10 events
                      10 ×  when is false: event.data.n > 9, such as hello-0

                  no trigger asked: 3 events
                      3 ×  no trigger wants the type "stray" from "/s", such as stray-0

                """)
        #expect(try await program.run("runs").output == "There are no runs yet.\n")
        let some = try await program.run(
            "replay", "--type", "hello", "--when", "event.data.n < 12", "--since", "1h", "--trigger", "hello", "--json")
        #expect(some.output.contains("\"events\":12,\"started\":2,\"runs\":2"), "\(some)")
        let rest = try await program.run("replay")
        #expect(rest.output.hasPrefix("8 of 21 events started 8 runs.\n"), "\(rest)")
        #expect(try await program.run("why", "hello-12").output.contains("started   trigger hello → job greet"))
        #expect(
            try await program.run("why", "hello-1").output.contains(
                "refused   trigger hello: when is false: event.data.n > 9"))
        #expect(try await program.run("replay", "--until", "1h").output == "No events fit.\n")
        let more = Self.configuration.replacing("start: greet, when: event.data.n > 100", with: "start: [greet, other]")
        try program.write(more, to: "nightjar.yaml")
        let all = try await program.run("replay", "--all", "--trigger", "hello")
        #expect(all.output.hasPrefix("20 of 23 events started 30 runs.\n"), "\(all)")
    }

    @Test("what is wrong with a replay's options is told")
    func wrong() async throws {
        let program = try Program(Self.configuration)
        defer { program.remove() }
        _ = try await program.run("publish", "--type", "x")
        let trigger = try await program.run("replay", "--trigger", "hallo")
        #expect(trigger.code == 1 && trigger.error.contains("there is no trigger \"hallo\"; did you mean \"hello\"?"))
        #expect(try await program.run("replay", "--since", "soon").code == 64)
        let condition = try await program.run("replay", "--when", "event.data.n +")
        #expect(condition.code == 64 && condition.error.contains("1:"))
    }

    @Test("a bar shows on a terminal how far the work is, and goes away; elsewhere one line says what begins")
    func bar() {
        var written: [String] = []
        var bar = ProgressBar("work", total: 8, style: TerminalStyle(isTerminal: true, hasColour: false)) {
            written.append($0)
        }
        bar.show(0.5, "4 of 8")
        bar.show(0.5, "4 of 8")
        bar.show(.nan, "none")
        bar.end()
        #expect(
            written == [
                "\rwork  ████████████░░░░░░░░░░░░ 50%  4 of 8\u{1B}[K",
                "\rwork  ░░░░░░░░░░░░░░░░░░░░░░░░ 0%  none\u{1B}[K",
                "\r\u{1B}[K",
            ])
        written = []
        bar = ProgressBar("work", total: 8, style: .plain) { written.append($0) }
        bar.show(0.5, "4 of 8")
        bar.end()
        #expect(written == ["work: 8\n"])
    }

    @Test("how many events without runs are kept is a setting")
    func retention() throws {
        let configuration = try NightjarCLITests.configuration("retention: { unmatched: 5 }")
        #expect(Assembly(configuration: configuration).runtimeConfiguration().retention.unmatchedEvents == 5)
        #expect(mistakes("retention: { unmatched: -1 }").first?.hasPrefix("1:25: unmatched") == true)
    }

    @Test("numbers have a comma between thousands, things an s when there are several")
    func counts() {
        #expect(
            [0, 1, 999, 1000, 1_234_567, -4200].map(CountText.grouped) == [
                "0", "1", "999", "1,000", "1,234,567", "-4,200",
            ])
        #expect(CountText.text(1, "run") == "1 run" && CountText.text(2000, "run") == "2,000 runs")
    }
}
