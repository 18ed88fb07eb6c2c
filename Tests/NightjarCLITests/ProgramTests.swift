import Foundation
import Testing
import Waiting

@Suite("The program nightjar", .serialized)
struct ProgramTests {
    static let configuration = """
        store: sqlite:n.db
        http: { listen: 127.0.0.1:0 }
        jobs:
          greet: { command: [sh, -c, 'echo "hello, $(cat)"'] }
          block: { command: [sh, -c, 'echo $$ > started; while [ ! -e go ]; do sleep 0.05; done'], retry: off }
          silent: { command: ["true"] }
          fail: { command: [sh, -c, 'echo oops >&2; exit 3'], retry: off }
        triggers:
          hello: { event: { type: hello }, start: [greet, silent] }
          other: { event: { type: other }, start: greet }
        """

    @Test("events and starts are done by a node beside, and every decision can be asked for")
    func flow() async throws {
        let program = try Program(Self.configuration)
        defer { program.remove() }
        let node = try await program.node()
        let published = try await program.run("publish", "--type", "hello", "--id", "e1", "--data", "big", "--json")
        #expect(published.code == 0)
        #expect(published.output.contains("\"id\":\"e1\",\"outcome\":\"accepted\""))
        let again = try await program.run("publish", "--type", "hello", "--id", "e1", "--data", "big")
        #expect(again.output.hasPrefix("duplicate"))
        let started = try await program.run("start", "greet", "--data", "world", "--wait", "20s")
        #expect(started.code == 0)
        #expect(started.output.contains("hello, world"))
        let broken = try await program.run("start", "greet", "--content-type", "application/json", "--data", "{\"a\":")
        #expect(broken.code == 1 && broken.error.contains("the content type says JSON"))
        let failed = try await program.run("start", "fail", "--wait", "20s")
        #expect(failed.code == 1)
        #expect(failed.output.contains("exit code 3") && failed.output.contains("oops"))
        let why = try await program.run("why", "e1")
        #expect(why.output.contains("started   trigger hello → job greet"))
        #expect(why.output.contains("refused   trigger other: its type is \"hello\", wanted: \"other\""))
        let run = try #require(why.output.firstMatch(of: /run ([0-9a-f-]{36})/)?.1)
        #expect(try await program.run("why", String(run)).output.contains("trigger hello → job greet"))
        #expect(try await program.run("why", String(run), "--source", "/elsewhere").code == 1)
        let dead = try await program.run("runs", "list", "--state", "dead", "--json")
        #expect(dead.output.contains("\"job\":\"fail\"") && !dead.output.contains("greet"))
        let retried = try await program.run("runs", "retry", "--all", "--state", "dead")
        #expect(retried.code == 0 && retried.output.contains("available"))
        let events = try await program.run("events", "list", "--json")
        #expect(events.output.split(separator: "\n").count == 3)
        // A program that does not read its input must not end the node (SIGPIPE).
        let large = String(repeating: "x", count: 100_000)
        #expect(try await program.run("start", "silent", "--data", large, "--wait", "20s").code == 0)
        node.terminate()
        try await program.wait("the node to stop") { !node.isRunning }
        #expect(node.terminationStatus == 0)
        #expect(program.read("log").contains("stopped"))
    }

    @Test("nothing is started by a file with a key that nobody knows: it might have kept it from starting")
    func unknownKey() async throws {
        for (good, bad) in [
            ("start: greet }", "start: greet, whn: event.data.total > 100 }"),
            ("retry: off }", "retry: off, perkey: { order: true } }"),
        ] {
            let program = try Program(Self.configuration.replacingOccurrences(of: good, with: bad))
            defer { program.remove() }
            let published = try await program.run("publish", "--type", "other", "--data", "{}")
            let replayed = try await program.run("replay")
            for answer in [published, replayed] {
                #expect(answer.code == 78, "\(answer.output)")
                #expect(answer.error.contains("has no key"), "\(answer.error)")
            }
            #expect(!program.exists("n.db"))
        }
    }

    @Test("SIGTERM lets what runs finish; a second one ends the node at once")
    func stop() async throws {
        let program = try Program(Self.configuration)
        defer { program.remove() }
        var node = try await program.node()
        #expect(try await program.run("start", "block", "--idempotency-key", "1").code == 0)
        try await program.wait("the job to begin") { program.read("started").hasSuffix("\n") }
        node.terminate()
        try await program.wait("the signal to be heeded") { program.read("log").contains("SIGTERM: stops") }
        try program.write("", to: "go")
        try await program.wait("the node to stop") { !node.isRunning }
        #expect(node.terminationStatus == 0)
        #expect(try await program.run("start", "block", "--idempotency-key", "1", "--wait", "1s").code == 0)

        for name in ["go", "started"] {
            try FileManager.default.removeItem(at: program.folder.appendingPathComponent(name))
        }
        node = try await program.node()
        #expect(try await program.run("start", "block", "--idempotency-key", "2").code == 0)
        try await program.wait("the job to begin") { program.read("started").hasSuffix("\n") }
        node.terminate()
        try await program.wait("the signal to be heeded") { program.read("log").contains("SIGTERM: stops") }
        node.terminate()
        try await program.wait("the node to end") { !node.isRunning }
        #expect(node.terminationStatus == 143)
        // What it ran must not go on beside the next attempt.
        let pid = try #require(pid_t(program.read("started").trimmingCharacters(in: .whitespacesAndNewlines)))
        try await program.wait("the job's program to be gone") { !isAlive(pid) }
    }

    @Test("SIGHUP brings new jobs; a file with mistakes leaves the old ones in force")
    func reload() async throws {
        let program = try Program(Self.configuration)
        defer { program.remove() }
        let node = try await program.node()
        try program.write("jobs: { greet: { comand: [a] } }", to: "nightjar.yaml")
        kill(node.processIdentifier, SIGHUP)
        try await program.wait("the reload to be refused") { program.read("log").contains("stays in force") }
        #expect(
            program.read("log").contains(
                "nightjar.yaml:1:18: job \"greet\" has no key \"comand\"; did you mean \"command\"?"))
        try program.write(
            Self.configuration.replacing(
                "greet: { command: [sh, -c, 'echo \"hello, $(cat)\"'] }", with: "greet: { command: [echo, other] }"
            )
            .replacing("127.0.0.1:0", with: "127.0.0.1:1"), to: "nightjar.yaml")
        kill(node.processIdentifier, SIGHUP)
        try await program.wait("the reload") { program.read("log").contains("reloaded nightjar.yaml") }
        #expect(
            program.read("log").contains(
                "http.listen has changed in nightjar.yaml; that takes effect at the next start"))
        #expect(try await program.run("start", "greet", "--wait", "20s").output.contains("    other"))
        node.terminate()
        try await program.wait("the node to stop") { !node.isRunning }
    }

    @Test("a port in use is told, and costs no attempt")
    func portInUse() async throws {
        let program = try Program(Self.configuration)
        defer { program.remove() }
        let node = try await program.node()
        let log = program.read("log")
        let port = try #require(
            log.components(separatedBy: "http://127.0.0.1:").dropFirst().first?.prefix { $0.isNumber })
        let second = try Program(Self.configuration.replacing("127.0.0.1:0", with: "127.0.0.1:\(port)"))
        defer { second.remove() }
        #expect(try await second.run("start", "greet").code == 0)
        let result = try await second.run("run")
        #expect(result.code == 1)
        #expect(result.error.contains("cannot listen on 127.0.0.1:\(port): Address already in use"))
        #expect(try await second.run("runs", "list", "--json").output.contains("\"state\":\"available\""))
        node.terminate()
        try await program.wait("the node to stop") { !node.isRunning }
    }

    @Test("exit codes say what went wrong")
    func exitCodes() async throws {
        let program = try Program(Self.configuration)
        defer { program.remove() }
        #expect(try await program.run("check").code == 0)
        #expect(try await program.run("nonsense").code == 64)
        #expect(try await program.run("publish").code == 64)
        #expect(try await program.run("runs", "list", "--state", "deaf").error.contains("did you mean \"dead\"?"))
        let mistyped = try await program.run("runs", "cancel", "--all", "--job", "gret", "--trigger", "hello")
        #expect(
            mistyped.error.hasPrefix(
                "note: in the configuration there is no job \"gret\"; did you mean \"greet\"?\nError: "))
        #expect(try await program.run("runs").error.contains("there is no store at"))
        #expect(
            try await program.run("start", "grete").error
                == "Error: there is no job \"grete\"; did you mean \"greet\"?\n")
        #expect(try await program.run("start", "greet", "--wait", "1ms").code == 75)
        #expect(try await program.run("init").code == 1)
        #expect(try await program.run("init", "--force").code == 0)
        #expect(try await program.run("check", "nightjar.yaml").code == 0)
        try program.write("jobs: { a: { command: [\"${SECRET}\"] } }", to: "nightjar.yaml")
        #expect(try await program.run("check").code == 1)
        let run = try await program.run("run")
        #expect(run.code == 78)
        #expect(run.error.contains("nightjar.yaml:1:25: command: the environment variable SECRET is not set"))
        // The environment of the node is not needed to look at its jobs.
        #expect(try await program.run("jobs").code == 0)
        try program.write("garbage", to: "garbage.db")
        let damaged = try await program.run("runs", "--store", "garbage.db")
        #expect(damaged.code == 1 && damaged.error.contains("not a database"))
    }
}
