import Foundation
import Testing

@Suite("Expressions, from outside")
struct ExpressionTests {
    private static let configuration = """
        store: sqlite:nightjar.db
        http: { listen: 127.0.0.1:PORT }
        jobs:
          review: { command: [sh, -c, 'printf "%s %s\\n" "$(cat)" "$0" >> reviewed', { value: event.data.order }] }
          announce: { emit: { type: "reviewed.${{ event.data.order }}", data: { order: "${{ event.data.order }}" } } }
        triggers:
          big:
            event: { type: "order.*" }
            when: event.type == "order.created" && event.data.total > 100
            input: { order: event.data.id, who: event.source }
            start: [review, announce]
          endpoint:
            http: { path: /orders }
            id: event.data.id
            start: announce
            input: "{'order': event.data.id}"
        """

    @Test("a trigger decides and maps, an action is filled, and why tells the rest")
    func decides() async throws {
        let node = try NodeProcess(Self.configuration)
        try await node.start()
        func publish(_ id: String, _ type: String, _ data: String) throws -> [String: Any] {
            let answer = try node.nightjar(
                "publish", "--json", "--id", id, "--source", "/shop", "--type", type, "--data", data)
            #expect(answer.status == 0, "\(answer.errors)")
            let object = try JSONSerialization.jsonObject(with: Data(answer.output.utf8)) as? [String: Any]
            return (object?["events"] as? [[String: Any]])?.first ?? [:]
        }
        let big = try publish("e1", "order.created", #"{"id": "a b", "total": 142}"#)
        for run in big["runs"] as? [String] ?? [] {
            let finished = try await node.finishedRun(run)
            #expect(finished["state"] as? String == "completed", "\(finished)")
            #expect((finished["input"] as? [String: String]) == ["order": "a b", "who": "/shop"])
        }
        #expect((big["runs"] as? [String])?.count == 2)
        #expect(
            try String(contentsOfFile: node.path("reviewed"), encoding: .utf8)
                == #"{"order":"a b","who":"/shop"} a b"# + "\n")
        let emitted = try node.nightjar("events", "list", "--json").output
        #expect(emitted.contains(#""type":"reviewed.a b""#))

        #expect((try publish("e2", "order.created", #"{"id": 2, "total": 5}"#)["runs"] as? [String]) == [])
        #expect(try node.nightjar("why", "e2").output.contains("when is false: event.type == \"order.created\""))
        #expect((try publish("e3", "order.created", #"{"id": 3}"#)["runs"] as? [String]) == [])
        #expect(try node.nightjar("why", "e3").output.contains("event.data has no field \"total\""))

        // What counts as the same event is what the trigger says.
        let json = [("content-type", "application/json")]
        let first = try await node.request("POST", "/orders", headers: json, body: #"{"id": 7}"#)
        let again = try await node.request("POST", "/orders", headers: json, body: #"{"id": 7}"#)
        #expect(first.body.contains(#""id":"7","outcome":"accepted""#), "\(first.body)")
        #expect(again.body.contains(#""id":"7","outcome":"duplicate""#), "\(again.body)")
        #expect(try await node.stop() == 0)
    }

    @Test("eval and check --event show what an expression and a trigger make of an event")
    func tries() throws {
        let node = try NodeProcess(Self.configuration)
        try #"{"specversion":"1.0","id":"e1","source":"/s","type":"order.created","data":{"id":7,"total":142}}"#.write(
            toFile: node.path("event.json"), atomically: true, encoding: .utf8)
        let value = try node.nightjar("eval", "event.data.total / 2", "--event", "event.json")
        #expect(value.status == 0 && value.output == "71\n")
        let bound = try node.nightjar("eval", "[x, y].map(a, a * 2)", "--bindings", #"{"x": 1, "y": 2.5}"#)
        // The ints and doubles of a list are told apart.
        #expect(bound.status == 1 && bound.errors.contains("* is not there for (double, int)"), "\(bound)")
        #expect(try node.nightjar("eval", "--type", "timestamp(0)").output == "google.protobuf.Timestamp\n")
        for (source, message) in [
            ("1 +", "1:4: got the end"), ("1 / 0", "1:3: 1 / 0 has no value"), ("x", "unknown name"),
        ] {
            let answer = try node.nightjar("eval", source)
            #expect(answer.status == 1 && answer.output.isEmpty && answer.errors.contains(message), "\(answer)")
        }
        let check = try node.nightjar("check", "--event", "event.json")
        #expect(check.status == 0)
        #expect(check.output.contains("yes  big starts review, announce"), "\(check.output)")
        #expect(check.output.contains(#"input  {"order":7,"who":"/s"}"#))
        #expect(check.output.contains("id     7"))
    }
}
