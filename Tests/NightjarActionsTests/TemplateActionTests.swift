import CloudEvents
import Expressions
import HTTPTestServer
import NightjarCore
import Testing

@testable import NightjarActions

@Suite("Actions with values of the event")
struct TemplateActionTests {
    private static let event = Event(
        id: "e1", source: "/shop", type: "order.created", dataContentType: "application/json",
        data: Array(#"{"id": "a/b c?&\"", "n": 2, "name": "ñ\"\n", "list": [1, null], "evil": "x\r\nx-evil: 1"}"#.utf8))

    private func template(_ source: String) throws -> Template { try Template(source, in: .event) }

    private func value(_ source: String) throws -> CommandTemplateAction.Argument {
        .value(try CELExpression(source, in: .event))
    }

    @Test("a value in a URL is one part of it, whatever it holds; headers and body are filled too")
    func request() async throws {
        let body = DataTemplate(
            .object([
                .init("id", .text(try template("${{ event.data.id }}"))),
                .init("list", .text(try template("${{ event.data.list }}"))),
                .init("text", .text(try template("it is ${{ event.data.name }}"))),
                .init("fixed", .raw(Array("[1]".utf8))),
            ]))
        try await LocalServer.run(status: 200) { server in
            let action = try HTTPTemplateAction(
                try self.template("\(server.url("/orders"))/${{ event.data.id }}?n=${{ event.data.n }}"),
                headers: ["x-name": try self.template("n-${{ event.data.n }}")], body: body, options: .init())
            _ = try await action.run(.test(event: Self.event))
            let heard = try #require(server.requests.first)
            #expect(heard.path == "/orders/a%2Fb%20c%3F%26%22")
            #expect(heard["x-name"] == "n-2")
            #expect(heard["content-type"] == "application/json")
            #expect(
                String(decoding: heard.body, as: UTF8.self)
                    == #"{"id":"a/b c?&\"","list":[1,null],"text":"it is ñ\"\n","fixed":[1]}"#)
        }
    }

    @Test("a URL may be a value as a whole; a value that makes no URL, or no header, is never sent")
    func whole() async throws {
        try await LocalServer.run(status: 200) { server in
            var event = Self.event
            event.extensions["target"] = .string(server.url("/x?y=1"))
            let action = try HTTPTemplateAction(
                try self.template("${{ event.target }}"), headers: [:], body: nil, options: .init())
            _ = try await action.run(.test(event: event))
            #expect(server.requests.map(\.path) == ["/x"])
            event.extensions["target"] = .string("file:///etc/passwd")
            let refused = try await failure(of: action, .test(event: event))
            #expect(refused.disposition == .never)
            let split = try HTTPTemplateAction(
                try self.template(server.url("/h")), headers: ["x-a": try self.template("${{ event.data.evil }}")],
                body: nil, options: .init())
            #expect(try await failure(of: split, .test(event: Self.event)).disposition == .never)
            #expect(server.requests.count == 1)
        }
    }

    @Test(
        "a body that is JSON stays JSON, whatever the values hold",
        arguments: [
            (#"{"a": "x ${{ event.data.name }}", "b": ${{ event.data.list }}}"#, #"{"a": "x ñ\"\n", "b": [1,null]}"#),
            (#"["\"${{ event.data.n }}", ${{ event.data.name }}]"#, #"["\"2", "ñ\"\n"]"#),
            ("n = ${{ event.data.n }}, ${{ event.data.name }}", "n = 2, ñ\"\n"),
        ])
    func bodies(_ source: String, _ expected: String) async throws {
        let body = DataTemplate(try template(source))
        try await LocalServer.run(status: 200) { server in
            let action = try HTTPTemplateAction(
                try self.template(server.url()), headers: [:], body: body, options: .init())
            _ = try await action.run(.test(event: Self.event))
            #expect(server.requests.map { String(decoding: $0.body, as: UTF8.self) } == [expected])
        }
    }

    @Test("a value without an answer ends the run, since it will not have one next time")
    func missing() async throws {
        let action = try HTTPTemplateAction(
            try template("http://127.0.0.1:1/${{ event.data.nothing }}"), headers: [:], body: nil, options: .init())
        let failed = try await failure(of: action, .test(event: Self.event))
        #expect(failed.disposition == .never)
        #expect(failed.message == "the URL has no value: event.data has no field \"nothing\"")
    }

    @Test("an emitted event's attributes and data are filled")
    func emit() async throws {
        let reporter = RecordingReporter()
        let action = EmitTemplateAction(
            type: try template("order.${{ event.data.n > 1 ? 'many' : 'one' }}"), source: nil,
            subject: try template("${{ event.data.n }}"),
            data: DataTemplate(.text(try template("${{ event.data.list }}"))),
            dataContentType: nil, extensions: [:])
        _ = try await action.run(.test(event: Self.event, reporter: reporter))
        let emitted = try #require(reporter.events.first)
        #expect(emitted.type == "order.many" && emitted.subject == "2")
        #expect(emitted.data == Array("[1,null]".utf8) && emitted.dataContentType == "application/json")
    }

    @Test("an expression is one argument of a command, whatever its value")
    func arguments() async throws {
        let action = try CommandTemplateAction(
            [
                .text("printf"), .text("<%s>"), try value("event.data.id"), try value("event.data.name"),
                try value("event.data.list"),
            ],
            options: .init())
        let output = try await action.run(.test(event: Self.event))
        #expect(String(decoding: output.output ?? [], as: UTF8.self) == "<a/b c?&\"><ñ\"\n><[1,null]>")
        let program = try value("event.id")
        #expect(throws: ActionError.self) { try CommandTemplateAction([program], options: .init()) }
    }
}
