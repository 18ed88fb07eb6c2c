import CloudEvents
import HTTPTestServer
import HTTPTypes
import NightjarCore
import Testing

@testable import NightjarActions

@Suite("A request: what it carries")
struct HTTPRequestTests {
    private static let event = Event(
        id: "e 1", source: "/shop", type: "order.placed", subject: "Grüße", time: Timestamp(microsecondsSince1970: 0),
        dataContentType: "text/csv; charset=utf-8", extensions: ["tenant": .string("acme")],
        data: [0xFF, 0x00] + Array("a,b\n".utf8))

    /// Makes one request and answers what the server got.
    private func heard(
        _ options: HTTPAction.Options = .init(), event: Event = HTTPRequestTests.event
    ) async throws -> HeardRequest {
        let (requests, request) = AsyncStream.makeStream(of: HeardRequest.self)
        try await LocalServer.run(status: 200) { server in
            _ = try await HTTPAction(server.url("/a?b=c"), options: options).run(.test(event: event))
            for heard in server.requests { request.yield(heard) }
            request.finish()
        }
        var all: [HeardRequest] = []
        for await one in requests { all.append(one) }
        #expect(all.count == 1)
        return try #require(all.first)
    }

    @Test("by default it posts the data as it is, with the attributes as headers")
    func binary() async throws {
        let request = try await heard()
        #expect(request.method == .post && request.path == "/a")
        #expect(request.body == Self.event.data)
        #expect(request["content-type"] == "text/csv; charset=utf-8")
        #expect(request["ce-subject"] == "Gr%C3%BC%C3%9Fe")
        let (mode, events) = try HTTPBinding.decode(request.headers, body: request.body)
        #expect(mode == .binary && events == [Self.event])
    }

    @Test("it names the run, the attempt and the token, so that a server can tell repetitions")
    func run() async throws {
        let request = try await heard()
        let id = RunContext.testID.description
        #expect(request["idempotency-key"] == id)
        #expect(request["nightjar-run-id"] == id)
        #expect(request["nightjar-attempt"] == "2")
        #expect(request["nightjar-fencing-token"] == "7")
        #expect(request["user-agent"] == "nightjar")
    }

    @Test("the whole event can be sent as JSON")
    func structured() async throws {
        let request = try await heard(.init(envelope: .structured))
        let (mode, events) = try HTTPBinding.decode(request.headers, body: request.body)
        #expect(mode == .structured && events == [Self.event])
        #expect(request["idempotency-key"] == RunContext.testID.description)
    }

    @Test("the data can be sent alone")
    func off() async throws {
        let request = try await heard(.init(envelope: .off))
        #expect(request.body == Self.event.data)
        #expect(request["content-type"] == "text/csv; charset=utf-8")
        #expect(!request.headers.contains { $0.name.canonicalName.hasPrefix("ce-") })
        let untyped = try await heard(
            .init(envelope: .off), event: Event(id: "1", source: "/s", type: "t", data: Array("{}".utf8)))
        #expect(untyped["content-type"] == "application/json")
        let empty = try await heard(.init(envelope: .off), event: Event(id: "1", source: "/s", type: "t"))
        #expect(empty.body == [] && empty["content-type"] == nil)
    }

    @Test("a body of its own goes out alone, and says what it is")
    func ownBody() async throws {
        let json = try await heard(.init(body: Array("{\"a\": 1}".utf8)))
        #expect(json.body == Array("{\"a\": 1}".utf8) && json["content-type"] == "application/json")
        #expect(!json.headers.contains { $0.name.canonicalName.hasPrefix("ce-") })
        let text = try await heard(.init(body: Array("hello".utf8)))
        #expect(text.body == Array("hello".utf8) && text["content-type"] == "text/plain; charset=utf-8")
        let typed = try await heard(.init(headers: ["Content-Type": "text/x-log"], body: Array("hello".utf8)))
        #expect(typed["content-type"] == "text/x-log")
        let none = try await heard(.init(body: []))
        #expect(none.body == [] && none["content-type"] == nil && none["content-length"] == "0")
    }

    @Test("headers of the settings replace those of the action")
    func headers() async throws {
        let request = try await heard(
            .init(headers: ["Authorization": "Bearer x", "user-agent": "mine", "X-Empty": "", "CE-Type": "other"]))
        #expect(request["authorization"] == "Bearer x")
        #expect(request["user-agent"] == "mine")
        #expect(request["x-empty"] == "")
        #expect(request["ce-type"] == "other")
    }

    @Test("a GET has no body", arguments: ["GET", "HEAD"])
    func get(method: String) async throws {
        let request = try await heard(.init(method: method))
        #expect(request.method.rawValue == method)
        #expect(request.body == [] && request["content-type"] == nil && request["content-length"] == nil)
        #expect(request["ce-id"] != nil)
    }

    @Test("other methods have one", arguments: ["PUT", "PATCH", "DELETE"])
    func methods(method: String) async throws {
        let request = try await heard(.init(method: method))
        #expect(request.method.rawValue == method && request.body == Self.event.data)
    }

    @Test("large data arrives whole")
    func large() async throws {
        var event = Self.event
        event.data = manyBytes(5 << 20)
        #expect(try await heard(event: event).body == event.data)
    }

    @Test(
        "what is no HTTP URL is refused at once",
        arguments: [
            "", "example.com", "ftp://example.com", "http://", "http:///x", "file:///etc/passwd",
            "https://u:p@example.com/",
        ])
    func badURL(url: String) {
        #expect(throws: ActionError.self) { try HTTPAction(url) }
    }

    @Test("settings that no request can have are refused at once")
    func badSettings() {
        for options: HTTPAction.Options in [
            .init(method: ""), .init(method: "PO ST"), .init(method: "CONNECT"), .init(headers: ["": "x"]),
            .init(headers: ["A B": "x"]), .init(headers: ["A": "x\r\nB: y"]), .init(timeout: .zero),
            .init(timeout: .seconds(90_000)), .init(redirects: -1), .init(redirects: 11),
        ] {
            #expect(throws: ActionError.self) { try HTTPAction("https://example.com", options: options) }
        }
        #expect(throws: Never.self) { try HTTPAction("HTTPS://example.com:8443/a?b#c") }
    }

    @Test("a message about a URL with a password does not show it")
    func hiddenPassword() {
        #expect(
            throws: ActionError(
                "the URL of example.com contains a user or a password: expected a header such as Authorization")
        ) {
            try HTTPAction("https://user:s3cret@example.com/")
        }
    }
}
