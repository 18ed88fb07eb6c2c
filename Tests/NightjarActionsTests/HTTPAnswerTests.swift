import HTTPTestServer
import HTTPTypes
import Hummingbird
import NIOCore
import NightjarCore
import Testing

@testable import NightjarActions

@Suite("A request: what its answer means")
struct HTTPAnswerTests {
    @Test("a status of 200 to 299 means done", arguments: [200, 201, 202, 204, 299])
    func success(status: Int) async throws {
        try await LocalServer.run(status: status) { server in
            _ = try await HTTPAction(server.url()).run(.test())
        }
    }

    @Test("a status that may pass means: try again", arguments: [408, 425, 429, 500, 502, 503, 504, 599])
    func retry(status: Int) async throws {
        try await LocalServer.run(status: status, body: "too busy") { server in
            let failure = try await failure(of: HTTPAction(server.url()))
            #expect(failure.disposition == .retry)
            #expect(failure.message.hasPrefix("POST \(server.url()) answered \(status)"))
            #expect(failure.text == "too busy")
        }
    }

    @Test("any other status means: never", arguments: [400, 401, 403, 404, 405, 409, 410, 413, 415, 422, 451, 600])
    func never(status: Int) async throws {
        try await LocalServer.run(status: status, headers: [.retryAfter: "5"], body: "{\"why\": 1}") { server in
            let failure = try await failure(of: HTTPAction(server.url()))
            #expect(failure.disposition == .never)
            #expect(failure.message.hasPrefix("POST \(server.url()) answered \(status)"))
            #expect(failure.text == "{\"why\": 1}")
        }
    }

    @Test("which statuses mean what can be chosen; success wins")
    func chosen() async throws {
        let options = HTTPAction.Options(success: [200...200, 404...410], retry: [201...201, 400...409])
        let expected: [Int: RunFailure.Disposition?] = [
            200: nil, 404: nil, 409: nil, 201: .retry, 400: .retry, 500: .never, 202: .never,
        ]
        for (status, disposition) in expected {
            try await LocalServer.run(status: status) { server in
                let action = try HTTPAction(server.url(), options: options)
                if let disposition {
                    #expect(try await failure(of: action).disposition == disposition)
                } else {
                    _ = try await action.run(.test())
                }
            }
        }
    }

    @Test("a message shows the URL without its query, where secrets stand")
    func hiddenQuery() async throws {
        try await LocalServer.run(status: 404) { server in
            let failure = try await failure(of: HTTPAction(server.url("/a/b?token=s3cret#x")))
            #expect(failure.message == "POST \(server.url("/a/b")) answered 404 Not Found")
            #expect(server.requests.count == 1)
        }
    }

    @Test(
        "Retry-After in seconds is honoured, up to a day",
        arguments: [("7", 7), ("0", 0), ("100000", 86_400), ("99999999999999999999", 86_400)])
    func retryAfter(value: String, seconds: Int) async throws {
        for status in [429, 503, 500] {
            try await LocalServer.run(status: status, headers: [.retryAfter: value]) { server in
                let failure = try await failure(of: HTTPAction(server.url()))
                #expect(failure.disposition == .retryAfter(.seconds(seconds)))
            }
        }
    }

    @Test("Retry-After as a date is honoured, counted from the answer's own date")
    func retryAfterDate() async throws {
        // The server of this test dates its answers itself, by the present time.
        try await LocalServer.run(status: 503, headers: [.retryAfter: "Fri, 01 Jan 2100 00:00:00 GMT"]) { server in
            let failure = try await failure(of: HTTPAction(server.url()))
            #expect(failure.disposition == .retryAfter(.seconds(86_400)))
        }
        try await LocalServer.run(status: 503, headers: [.retryAfter: "Sun, 06 Nov 1994 08:49:37 GMT"]) { server in
            let failure = try await failure(of: HTTPAction(server.url()))
            #expect(failure.disposition == .retryAfter(.zero))
        }
    }

    @Test("a Retry-After that says nothing leaves the wait to the job's policy")
    func badRetryAfter() async throws {
        try await LocalServer.run(status: 503, headers: [.retryAfter: "soon"]) { server in
            let failure = try await failure(of: HTTPAction(server.url()))
            #expect(failure.disposition == .retry)
        }
    }

    @Test("a JSON answer is the result, and every answer is kept as output")
    func result() async throws {
        try await LocalServer.run(
            status: 200, headers: [.contentType: "application/vnd.x+json; charset=utf-8"], body: " {\"a\": 1.0} \n"
        ) { server in
            let output = try await HTTPAction(server.url()).run(.test())
            #expect(output.resultText == "{\"a\": 1.0}")
            #expect(output.text == " {\"a\": 1.0} \n")
        }
        try await LocalServer.run(status: 200, headers: [.contentType: "text/plain"], body: "{}") { server in
            let output = try await HTTPAction(server.url()).run(.test())
            #expect(output.result == nil && output.text == "{}")
        }
        try await LocalServer.run(status: 200, headers: [.contentType: "application/json"], body: "{") { server in
            let output = try await HTTPAction(server.url()).run(.test())
            #expect(output.result == nil && output.text == "{")
        }
        try await LocalServer.run(status: 204) { server in
            let output = try await HTTPAction(server.url()).run(.test())
            #expect(output == RunOutput.none)
        }
    }

    @Test("of an answer as long as the limit all is kept, of a longer one the beginning", arguments: [1000, 1001])
    func limit(size: Int) async throws {
        // A number, whose beginning is one as well.
        let body = String(repeating: "1", count: size)
        try await LocalServer.run(status: 200, headers: [.contentType: "application/json"], body: body) { server in
            let output = try await HTTPAction(server.url(), options: .init(outputLimitBytes: 1000)).run(.test())
            if size == 1000 {
                #expect(output.text == body && output.resultText == body)
            } else {
                #expect(output.text == body.prefix(1000) + "\n… the rest was not read …\n")
                #expect(output.result == nil)
            }
        }
    }

    @Test("an answer without end is not read to the end, and its connection is closed")
    func endlessAnswer() async throws {
        let (closings, closing) = AsyncStream.makeStream(of: Void.self)
        let endless: LocalServer.Answer = { _ in
            Response(
                status: .ok,
                body: .init { writer in
                    defer { closing.finish() }
                    while true { try await writer.write(ByteBuffer(repeating: 0x61, count: 10_000)) }
                })
        }
        try await LocalServer.run(answering: endless) { server in
            let output = try await HTTPAction(server.url()).run(.test())
            #expect(output.output?.count == 65_536 + "\n… the rest was not read …\n".utf8.count)
            for await _ in closings {}
        }
    }

    @Test("a redirect is not followed, and is a failure that says so", arguments: [301, 302, 303, 307, 308])
    func redirect(status: Int) async throws {
        try await LocalServer.run(status: status, headers: [.location: "/elsewhere"]) { server in
            let failure = try await failure(of: HTTPAction(server.url()))
            #expect(failure.disposition == .never)
            #expect(failure.message.hasSuffix("; this redirect is not followed"))
            #expect(server.requests.count == 1)
        }
    }

    @Test("redirects are followed where it is asked for, with method and body", arguments: [301, 302, 307, 308])
    func followed(status: Int) async throws {
        let answer: LocalServer.Answer = {
            $0.path == "/hook" ? response(status, [.location: "/elsewhere"]) : response(200)
        }
        try await LocalServer.run(answering: answer) { server in
            let action = try HTTPAction(server.url(), options: .init(headers: ["Authorization": "x"], redirects: 1))
            _ = try await action.run(.test([1, 2, 3]))
            #expect(server.requests.map(\.path) == ["/hook", "/elsewhere"])
            #expect(server.requests.map(\.method) == [.post, .post])
            #expect(server.requests.map(\.body) == [[1, 2, 3], [1, 2, 3]])
            #expect(server.requests.map { $0["authorization"] } == ["x", "x"])
        }
    }

    @Test("303 makes it a GET, another server does not get the credentials, and the number of redirects is limited")
    func redirectRules() async throws {
        try await LocalServer.run(status: 200) { other in
            let answer: LocalServer.Answer = { response(303, [.location: $0.path == "/loop" ? "/loop2" : other.url()]) }
            try await LocalServer.run(answering: answer) { server in
                let options = HTTPAction.Options(headers: ["Authorization": "x"], redirects: 2)
                _ = try await HTTPAction(server.url(), options: options).run(.test([1]))
                #expect(other.requests.map(\.method) == [.get])
                #expect(other.requests.first?.body == [] && other.requests.first?["authorization"] == nil)
                let short = HTTPAction.Options(redirects: 1)
                let failure = try await failure(of: HTTPAction(server.url("/loop"), options: short))
                #expect(failure.disposition == .retry && failure.message.contains("edirect"))
            }
        }
    }
}
