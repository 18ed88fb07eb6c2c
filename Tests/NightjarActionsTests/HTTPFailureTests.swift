import Foundation
import HTTPTestServer
import HTTPTypes
import Hummingbird
import NIOCore
import NightjarCore
import TestServers
import Testing
import Waiting

@testable import NightjarActions

@Suite("A request: no answer, or half of one")
struct HTTPFailureTests {
    private static let short = HTTPAction.Options(timeout: .milliseconds(300))
    /// Long enough for the beginning of an answer to arrive on a busy machine.
    private static let longer = HTTPAction.Options(timeout: .seconds(10))
    private static let silent: LocalServer.Answer = { _ in
        try await ContinuousClock().sleep(for: .seconds(1000))
        return response(200)
    }

    @Test("no answer within the time limit is a failure to be retried")
    func timeout() async throws {
        try await LocalServer.run(answering: Self.silent) { server in
            let clock = ContinuousClock()
            let start = clock.now
            let failure = try await failure(of: HTTPAction(server.url(), options: Self.short))
            #expect(failure.disposition == .retry)
            #expect(failure.message.hasPrefix("POST \(server.url()) failed: "))
            #expect(clock.now - start >= .milliseconds(300))
        }
    }

    @Test("the time limit holds for the whole answer: a success that does not end is none")
    func stalledBody() async throws {
        try await LocalServer.run(answering: { _ in endless(200, [:], "half") }) { server in
            let failure = try await failure(of: HTTPAction(server.url(), options: Self.longer))
            #expect(failure.disposition == .retry)
            #expect(failure.message.hasSuffix("answered 200 OK, but the answer did not end in time"))
            #expect(failure.text == "half")
        }
    }

    @Test("a status counts, also if its explanation does not end")
    func stalledExplanation() async throws {
        try await LocalServer.run(answering: { _ in endless(404, [:], "no") }) { server in
            let failure = try await failure(of: HTTPAction(server.url(), options: Self.longer))
            #expect(failure.disposition == .never && failure.text == "no")
        }
        try await LocalServer.run(answering: { _ in endless(503, [.retryAfter: "9"], "no") }) { server in
            let failure = try await failure(of: HTTPAction(server.url(), options: Self.longer))
            #expect(failure.disposition == .retryAfter(.seconds(9)))
        }
    }

    @Test("an answer that breaks off is a failure to be retried")
    func brokenBody() async throws {
        let answer: LocalServer.Answer = { _ in
            Response(
                status: .ok,
                body: .init(contentLength: 100) { writer in
                    try await writer.write(ByteBuffer(string: "half"))
                    throw TestFailure(description: "broken on purpose")
                })
        }
        try await LocalServer.run(answering: answer) { server in
            let failure = try await failure(of: HTTPAction(server.url()))
            #expect(failure.disposition == .retry)
            #expect(failure.message.contains("answered 200 OK, but the answer broke off: "))
            #expect(failure.text == "half")
        }
    }

    @Test("a refused connection is a failure at once, to be retried")
    func refused() async throws {
        let port = try TestPort.free()
        let clock = ContinuousClock()
        let start = clock.now
        let failure = try await failure(of: HTTPAction("http://127.0.0.1:\(port)/x"))
        #expect(failure.disposition == .retry)
        #expect(failure.message == "POST http://127.0.0.1:\(port)/x failed: Connection refused")
        #expect(clock.now - start < .seconds(8))
    }

    @Test("a host that does not exist is a failure to be retried")
    func unknownHost() async throws {
        let action = try HTTPAction("http://nightjar.invalid/x", options: .init(timeout: .seconds(10)))
        let failure = try await failure(of: action)
        #expect(failure.disposition == .retry)
        let begin = "POST http://nightjar.invalid/x failed: "
        // Where no name server answers, the time limit comes first.
        let reasons = ["nightjar.invalid was not found: ", "no answer within"]
        #expect(reasons.contains { failure.message.hasPrefix(begin + $0) }, "\(failure)")
        #expect(!failure.message.contains("Error"), "\(failure)")
    }

    @Test("a server that does not speak HTTP is a failure to be retried")
    func noHTTP() async throws {
        try await LocalServer.run(status: 200) { server in
            let failure = try await failure(of: HTTPAction("https://127.0.0.1:\(server.port)/"))
            #expect(failure.disposition == .retry)
            #expect(failure.message.contains("failed: "))
        }
    }

    @Test("cancelling the run ends the request and its connection")
    func cancelled() async throws {
        let (closings, closing) = AsyncStream.makeStream(of: Void.self)
        let answer: LocalServer.Answer = { request in
            guard request.path == "/body" else { return try await Self.silent(request) }
            return Response(
                status: .ok,
                body: .init { writer in
                    defer { closing.finish() }
                    while true {
                        try await writer.write(ByteBuffer(string: "."))
                        try await ContinuousClock().sleep(for: .milliseconds(5))
                    }
                })
        }
        try await LocalServer.run(answering: answer) { server in
            for path in ["/head", "/body"] {
                await withTaskGroup(of: Void.self) { group in
                    group.addTask {
                        await #expect(throws: CancellationError.self) {
                            try await HTTPAction(server.url(path)).run(.test())
                        }
                    }
                    await #expect(throws: Never.self) {
                        try await eventually("the request") { server.requests.contains { $0.path == path } }
                    }
                    group.cancelAll()
                }
            }
            for await _ in closings {}
        }
    }

    @Test("many requests to one host go on at once")
    func parallel() async throws {
        let count = 40
        let (arrivals, arrival) = AsyncStream.makeStream(of: Void.self)
        // Nobody is answered before all have come.
        let (gates, gate) = AsyncStream.makeStream(of: Void.self)
        let answer: LocalServer.Answer = { _ in
            arrival.yield()
            for await _ in gates {}
            return response(200)
        }
        try await LocalServer.run(answering: answer) { server in
            try await withThrowingTaskGroup(of: Void.self) { group in
                for _ in 0..<count {
                    group.addTask { _ = try await HTTPAction(server.url()).run(.test()) }
                }
                var iterator = arrivals.makeAsyncIterator()
                for _ in 0..<count { await iterator.next() }
                gate.finish()
                try await group.waitForAll()
            }
        }
    }

    private static let openssl = "/usr/bin/openssl"

    @Test(
        "a server whose certificate nobody vouches for is not talked to",
        .enabled(if: FileManager.default.isExecutableFile(atPath: openssl), "needs openssl"))
    func untrusted() async throws {
        let workshop = try Workshop()
        let body = """
            openssl req -x509 -newkey rsa:2048 -nodes -keyout key -out cert -days 2 -subj /CN=127.0.0.1 -addext subjectAltName=IP:127.0.0.1 2> /dev/null
            exec openssl s_server -accept 127.0.0.1:0 -cert cert -key key -www > log 2>&1
            """
        let server = try workshop.command(body)
        try await withThrowingTaskGroup(of: Void.self) { group in
            group.addTask { _ = try? await server.run(.test()) }
            try await eventually("the server to listen") { workshop.read("log").contains("ACCEPT 127.0.0.1:") }
            let log = workshop.read("log")
            let port = try #require(log.components(separatedBy: "ACCEPT 127.0.0.1:").last?.prefix { $0.isNumber })
            let failure = try await failure(of: HTTPAction("https://127.0.0.1:\(port)/", options: .init(method: "GET")))
            #expect(failure.disposition == .retry)
            #expect(failure.message.lowercased().contains("certificate"))
            group.cancelAll()
        }
    }
}
