import CloudEvents
import Foundation
import NightjarCore
import Testing

@testable import NightjarActions

@Suite("A command: its environment")
struct CommandEnvironmentTests {
    let workshop: Workshop

    init() throws {
        workshop = try Workshop()
        setenv("ACTIONS_TEST_SECRET", "s3cret", 1)
        setenv("LC_ACTIONS_TEST", "C", 1)
    }

    private func variables(
        _ context: RunContext = .test(), configure: (inout CommandAction.Options) -> Void = { _ in }
    ) async throws -> [String: String] {
        var options = CommandAction.Options(workingDirectory: workshop.path)
        configure(&options)
        let output = try await CommandAction(["env", "-0"], options: options).run(context)
        return Dictionary(
            uniqueKeysWithValues: output.text.split(separator: "\0").map { entry in
                let parts = entry.split(separator: "=", maxSplits: 1, omittingEmptySubsequences: false)
                return (String(parts[0]), String(parts[1]))
            })
    }

    @Test("a program learns of its run and its event")
    func run() async throws {
        let event = Event(
            id: "e 1", source: "/shop", type: "order.placed", subject: "Grüße $(x)",
            time: Timestamp(microsecondsSince1970: 0),
            dataContentType: "text/csv", dataSchema: "https://example.com/s",
            extensions: ["tenant": .string("acme"), "shard": .integer(3), "hot": .boolean(true)])
        let deadline = Timestamp(microsecondsSince1970: 1_700_000_030_000_000)
        let variables = try await variables(.test(event: event, deadline: deadline))
        let id = RunContext.testID.description
        #expect(
            variables.filter { $0.key.hasPrefix("NIGHTJAR_") } == [
                "NIGHTJAR_RUN_ID": id, "NIGHTJAR_IDEMPOTENCY_KEY": id, "NIGHTJAR_JOB": "work",
                "NIGHTJAR_TRIGGER": "orders", "NIGHTJAR_ATTEMPT": "2", "NIGHTJAR_NODE": "node-a",
                "NIGHTJAR_FENCING_TOKEN": "7", "NIGHTJAR_DEADLINE": deadline.rfc3339, "NIGHTJAR_EVENT_ID": "e 1",
                "NIGHTJAR_EVENT_SOURCE": "/shop", "NIGHTJAR_EVENT_TYPE": "order.placed",
                "NIGHTJAR_EVENT_SUBJECT": "Grüße $(x)",
                "NIGHTJAR_EVENT_TIME": Timestamp(microsecondsSince1970: 0).rfc3339,
                "NIGHTJAR_DATA_CONTENT_TYPE": "text/csv", "NIGHTJAR_DATA_SCHEMA": "https://example.com/s",
                "NIGHTJAR_EVENT_EXT_TENANT": "acme", "NIGHTJAR_EVENT_EXT_SHARD": "3", "NIGHTJAR_EVENT_EXT_HOT": "true",
            ])
    }

    @Test("what an event does not have is not set")
    func absent() async throws {
        let variables = try await variables(.test(trigger: nil))
        #expect(variables["NIGHTJAR_RUN_ID"] != nil)
        for name in ["TRIGGER", "DEADLINE", "EVENT_SUBJECT", "EVENT_TIME", "DATA_CONTENT_TYPE", "LEFT_OUT"] {
            #expect(variables["NIGHTJAR_" + name] == nil)
        }
    }

    @Test("of the node's own variables it gets those of the list and no others")
    func allowList() async throws {
        let variables = try await variables()
        #expect(variables["PATH"] == ProcessInfo.processInfo.environment["PATH"])
        #expect(variables["LC_ACTIONS_TEST"] == "C")
        let allowed: Set = ["PATH", "HOME", "USER", "LANG", "TZ", "TMPDIR", "SSL_CERT_FILE"]
        let others = variables.keys.filter {
            !allowed.contains($0) && !$0.hasPrefix("LC_") && !$0.hasPrefix("NIGHTJAR_")
        }
        #expect(others.isEmpty)
    }

    @Test("more can be inherited, by name or by the beginning of a name")
    func inherited() async throws {
        #expect(try await variables { $0.inherited = ["ACTIONS_TEST_SECRET"] }["ACTIONS_TEST_SECRET"] == "s3cret")
        #expect(try await variables { $0.inherited = ["ACTIONS_*"] }["ACTIONS_TEST_SECRET"] == "s3cret")
        #expect(try await variables { $0.inherited = ["ACTIONS"] }["ACTIONS_TEST_SECRET"] == nil)
    }

    @Test("given variables replace inherited ones, but not those of the run")
    func given() async throws {
        let variables = try await variables {
            $0.environment = ["HOME": "/nowhere", "MODE": "a=b c", "EMPTY": "", "NIGHTJAR_JOB": "other"]
        }
        #expect(variables["HOME"] == "/nowhere")
        #expect(variables["MODE"] == "a=b c")
        #expect(variables["EMPTY"] == "")
        #expect(variables["NIGHTJAR_JOB"] == "work")
    }

    @Test("attributes that no program can be given are left out and named")
    func tooLong() async throws {
        var event = Event(id: "1", source: "/s", type: "t", subject: String(repeating: "s", count: 40_000))
        event.extensions["nul"] = .string("a\0b")
        for number in 0..<200 { event.extensions["many\(number)"] = .string(String(repeating: "x", count: 20_000)) }
        let variables = try await variables(.test(event: event)) { $0.outputLimitBytes = 1 << 20 }
        #expect(variables["NIGHTJAR_EVENT_ID"] == "1")
        #expect(variables["NIGHTJAR_EVENT_SUBJECT"] == nil)
        let left = Set(try #require(variables["NIGHTJAR_LEFT_OUT"]).split(separator: ",").map(String.init))
        #expect(left.isSuperset(of: ["NIGHTJAR_EVENT_SUBJECT", "NIGHTJAR_EVENT_EXT_NUL"]))
        #expect(left.isDisjoint(with: variables.keys))
        #expect(left.count + variables.keys.filter { $0.hasPrefix("NIGHTJAR_EVENT_EXT_MANY") }.count == 202)
    }

    @Test("a program starts with the signals as the system sets them")
    func signals() async throws {
        // Where SIGPIPE is ignored, "yes" reports an error and exits with 1.
        let output = try await workshop.command("(yes; echo \"ended with $?\" >&2) | head -n 1").run(.test())
        #expect(output.text.contains("ended with 141"))
    }
}
