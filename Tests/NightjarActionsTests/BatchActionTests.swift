import CloudEvents
import HTTPTestServer
import HTTPTypes
import NightjarCore
import Testing

@testable import NightjarActions

@Suite("Actions on batches")
struct BatchActionTests {
    private static let items = (1...3).map {
        Event(id: "e\($0)", source: "/shop", type: "t", data: Array("\($0)".utf8))
    }

    /// A run that hands over these events.
    private static func batch(_ items: [Event] = items) -> RunContext {
        var event = items[0]
        event.data = JSONEventFormat.encodeBatch(items)
        event.dataContentType = JSONEventFormat.batchContentType
        return .test(event: event).narrowed(to: items)
    }

    private func batchFailure(of action: some RunHandler, _ context: RunContext = batch()) async throws -> BatchFailure
    {
        do {
            throw UnexpectedSuccess(output: try await action.run(context))
        } catch let failure as BatchFailure {
            return failure
        }
    }

    @Test("a program gets the batch on its standard input, and says how many items there are")
    func programInput() async throws {
        let workshop = try Workshop()
        let output = try await workshop.command("echo $NIGHTJAR_ITEMS $NIGHTJAR_IDEMPOTENCY_KEY; cat").run(Self.batch())
        #expect(output.text.hasPrefix("3 \(RunContext.testID)-3\n[{"))
        let body = output.output?.split(separator: UInt8(ascii: "\n"), maxSplits: 1).last
        #expect(try JSONEventFormat.decodeBatch(Array(body ?? [])) == Self.items)
    }

    @Test("a program names the items that failed, whatever its exit code", arguments: [0, 1, 9])
    func programFailures(code: Int) async throws {
        let workshop = try Workshop()
        let failure = try await batchFailure(
            of: workshop.command("echo ::failed 1 no address; echo; printf '::failed 2'; exit \(code)"))
        #expect(failure.items == [1: "no address", 2: "failed"])
        #expect(failure.code == "\(code)")
        #expect(failure.done(of: 3) == [0])
        #expect(String(decoding: failure.output ?? [], as: UTF8.self).contains("::failed 1 no address"))
    }

    @Test("exit code 75 asks for all items later, and one that names none fails all")
    func programOtherEnds() async throws {
        let workshop = try Workshop()
        let later = try await failure(of: workshop.command("echo ::failed 1; exit 75"), Self.batch())
        #expect(later.disposition == .snooze(nil))
        let all = try await failure(of: workshop.command("echo ::failed one; exit 3"), Self.batch())
        #expect(all.disposition == .retry && all.code == "3")
        let killed = try await failure(of: workshop.command("echo ::failed 1; kill -9 $$"), Self.batch())
        #expect(killed.code == "signal")
    }

    @Test("without a batch such a line is output like any other")
    func noBatch() async throws {
        let workshop = try Workshop()
        #expect(try await workshop.command("echo ::failed 1 x").run(.test()).text == "::failed 1 x\n")
    }

    @Test("a request carries a batch in the batched content mode", arguments: HTTPAction.Envelope.allCases)
    func request(envelope: HTTPAction.Envelope) async throws {
        try await LocalServer.run(status: 200) { server in
            _ = try await HTTPAction(server.url(), options: .init(envelope: envelope)).run(Self.batch())
            let request = try #require(server.requests.first)
            #expect(request["content-type"] == "application/cloudevents-batch+json")
            #expect(request["ce-id"] == nil)
            #expect(request["idempotency-key"] == "\(RunContext.testID)-3")
            #expect(try JSONEventFormat.decodeBatch(request.body) == Self.items)
        }
    }

    private static func answering(
        _ body: String, type: String = "application/json", options: HTTPAction.Options = .init(),
        _ test: @escaping @Sendable (HTTPAction) async throws -> Void
    ) async throws {
        try await LocalServer.run(status: 200, headers: [.contentType: type], body: body) { server in
            try await test(HTTPAction(server.url(), options: options))
        }
    }

    @Test("an answer names the items that failed by the ids of their events")
    func answerFailures() async throws {
        let body = #"{"batchItemFailures": [{"itemIdentifier": "e3"}, {"itemIdentifier": "e1"}]}"#
        try await Self.answering(body) { action in
            let failure = try await batchFailure(of: action)
            #expect(failure.items.keys.sorted() == [0, 2])
            #expect(failure.code == "200")
            let twins = [Self.items[0], Self.items[0], Self.items[2], Self.items[1]]
            #expect(try await batchFailure(of: action, Self.batch(twins)).done(of: 4) == [3])
        }
    }

    @Test(
        "an answer that names none means done",
        arguments: [
            #"{"batchItemFailures": []}"#, #"{"batchItemFailures": null}"#, "{}", "[1]", "7", "", "no JSON",
        ])
    func answerDone(body: String) async throws {
        try await Self.answering(body) { action in _ = try await action.run(Self.batch()) }
    }

    @Test(
        "an answer from which it cannot be told which items failed fails all",
        arguments: [
            #"{"batchItemFailures": [{"itemIdentifier": "e9"}]}"#, #"{"batchItemFailures": [{"itemIdentifier": ""}]}"#,
            #"{"batchItemFailures": [{}]}"#, #"{"batchItemFailures": ["e1"]}"#, #"{"batchItemFailures": "e1"}"#,
        ])
    func answerUnclear(body: String) async throws {
        try await Self.answering(body) { action in
            let failure = try await failure(of: action, Self.batch())
            #expect(failure.disposition == .retry)
            #expect(failure.message.hasPrefix("nothing counts as done"))
        }
    }

    @Test("an answer that is cut off fails all")
    func answerCutOff() async throws {
        let body = #"{"batchItemFailures": [{"itemIdentifier": "e3"}]}"#
        try await Self.answering(body, options: .init(outputLimitBytes: 20)) { action in
            let failure = try await failure(of: action, Self.batch())
            #expect(failure.message.contains("longer than the 20 bytes"))
        }
        try await Self.answering(body, type: "text/plain") { action in _ = try await action.run(Self.batch()) }
    }
}
