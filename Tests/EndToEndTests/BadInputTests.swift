import Foundation
import Testing

@Suite("Bad input, from outside", .serialized)
struct BadInputTests {
    private static let configuration = """
        store: sqlite:nightjar.db
        http: { listen: 127.0.0.1:PORT }
        jobs:
          note: { command: [cat] }
        triggers:
          notes: { http: { path: /notes, method: POST }, start: note }
          heard: { event: { type: "*" }, start: note }
        """

    private static let structured = ("content-type", "application/cloudevents+json")

    /// Each request, the status it must get, and a word that its detail must contain.
    private static let requests:
        [(method: String, path: String, headers: [(String, String)], body: String?, status: Int, word: String)] = [
            ("POST", "/v1/events", [structured], "{\"specversion\":", 400, "expected a value"),
            ("POST", "/v1/events", [structured], "[1,2]", 400, "expected '{'"),
            ("POST", "/v1/events", [structured], #"{"specversion":"1.0","id":"1","source":"/s"}"#, 400, "type"),
            (
                "POST", "/v1/events", [structured], #"{"specversion":"0.3","id":"1","source":"/s","type":"t"}"#, 400,
                "1.0"
            ),
            (
                "POST", "/v1/events", [structured], #"{"specversion":"1.0","id":"1","source":"not a uri","type":"t"}"#,
                400, "URI"
            ),
            (
                "POST", "/v1/events", [structured],
                #"{"specversion":"1.0","id":"1","source":"/s","type":"t","Bad-Name":1}"#, 400, "attribute"
            ),
            (
                "POST", "/v1/events", [structured],
                #"{"specversion":"1.0","id":"1","source":"/s","type":"t","time":"now"}"#, 400, "RFC 3339"
            ),
            (
                "POST", "/v1/events", [structured],
                #"{"specversion":"1.0","id":"1","source":"/s","type":"t","data_base64":"%"}"#, 400, "Base64"
            ),
            ("POST", "/v1/events", [("content-type", "text/plain")], "hello", 415, "CloudEvent"),
            ("POST", "/v1/events", [("content-type", "application/cloudevents+xml")], "<a/>", 415, "not supported"),
            (
                "POST", "/v1/events", [("ce-specversion", "1.0"), ("ce-id", "1"), ("ce-type", "t")], "", 400,
                "ce-source"
            ),
            ("POST", "/notes", [("content-type", "application/json")], "{", 400, "expected"),
            ("POST", "/v1/jobs/unknown/runs", [], "{}", 404, "no job"),
            ("POST", "/v1/jobs/note/runs?delay=soon", [], "{}", 400, "delay"),
            ("POST", "/v1/jobs/note/runs", [("prefer", "wait=long")], "{}", 400, "wait"),
            ("GET", "/v1/runs/not-an-id", [], nil, 404, "UUID"),
            ("GET", "/v1/runs/01a20ac9-7c80-7918-a340-ce6eaae9e608", [], nil, 404, "no run"),
            ("GET", "/v1/runs?state=sleeping", [], nil, 400, "expected one of"),
            ("GET", "/v1/runs?limit=0", [], nil, 400, "limit"),
            ("GET", "/v1/runs?cursor=abc", [], nil, 400, "cursor"),
            ("GET", "/v1/events/nothing", [], nil, 404, "no event"),
            ("GET", "/nowhere", [], nil, 404, "nothing is served"),
            ("GET", "/notes", [], nil, 405, "not allowed"),
            ("DELETE", "/v1/runs", [], nil, 405, "not allowed"),
        ]

    @Test("each bad request gets its status and a problem that says what is wrong, and takes nothing")
    func badRequests() async throws {
        let node = try NodeProcess(Self.configuration)
        try await node.start()
        for request in Self.requests {
            let answer = try await node.request(
                request.method, request.path, headers: request.headers, body: request.body)
            #expect(
                answer.status == request.status,
                "\(request.method) \(request.path) \(request.body ?? ""): \(answer.body)")
            #expect(answer.headers["content-type"] == "application/problem+json", "\(request)")
            #expect((answer.json["detail"] as? String ?? "").contains(request.word), "\(request.path): \(answer.body)")
        }
        #expect((try await node.request("GET", "/v1/runs").json["runs"] as? [Any])?.isEmpty == true)
        #expect((try await node.request("GET", "/v1/events").json["events"] as? [Any])?.isEmpty == true)
        _ = try await node.stop()
    }

    @Test("bytes that are no UTF-8, in JSON, headers and paths, are refused without a crash")
    func invalidUTF8() async throws {
        let node = try NodeProcess(Self.configuration)
        try await node.start()
        let json: [UInt8] =
            Array(#"{"specversion":"1.0","id":""#.utf8) + [0xFF, 0xFE] + Array(#"","source":"/s","type":"t"}"#.utf8)
        var request = Array(
            "POST /v1/events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\ncontent-type: application/cloudevents+json\r\ncontent-length: \(json.count)\r\n\r\n"
                .utf8)
        request += json
        let answer = NodeProcess.parse(try await node.exchange(request))
        #expect(answer?.status == 400)
        #expect(answer?.body.contains("UTF-8") == true)
        let path = NodeProcess.parse(
            try await node.exchange(
                Array("GET /v1/runs/%FF%FE HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\n\r\n".utf8)))
        #expect(path?.status == 400)
        for byte in [0xFF, 0xFE, 0xE9] as [UInt8] {
            let head =
                "POST /v1/events HTTP/1.1\r\nhost: localhost\r\nconnection: close\r\nce-specversion: 1.0\r\nce-type: t\r\nce-source: /s\r\ncontent-length: 0\r\nce-id: k"
            let header = NodeProcess.parse(try await node.exchange(Array(head.utf8) + [byte] + Array("\r\n\r\n".utf8)))
            #expect(header?.status == 400)
            #expect(header?.body.contains("the header ce-id is not UTF-8") == true, "\(header?.body ?? "nothing")")
        }
        #expect(try await node.request("GET", "/healthz").status == 200)
        _ = try await node.stop()
    }

    @Test("what is no proper HTTP is answered with a problem, and its connection closed")
    func brokenHTTP() async throws {
        let node = try NodeProcess(Self.configuration)
        try await node.start()
        let cases: [(request: String, status: Int, text: String)] = [
            ("GARBAGE\r\n\r\n", 400, "no"),
            ("GET /healthz HTTP/1.1\r\n\r\n", 400, "expected one header Host"),
            ("GET /healthz HTTP/1.1\r\nhost: a\r\nhost: b\r\n\r\n", 400, "expected one header Host"),
            ("POST /notes HTTP/1.1\r\nhost: localhost\r\ncontent-length: -1\r\n\r\n", 400, "length"),
            (
                "POST /notes HTTP/1.1\r\nhost: localhost\r\ncontent-length: 3\r\ntransfer-encoding: chunked\r\n\r\nabc",
                400,
                "contradicts itself"
            ),
            ("GET /healthz HTTP/1.1\r\nhost: localhost\r\nbad name: 1\r\n\r\n", 400, "header"),
        ]
        for (request, status, text) in cases {
            let answer = NodeProcess.parse(try await node.exchange(Array(request.utf8), timeoutSeconds: 5))
            #expect(answer?.status == status, "\(request)")
            #expect(answer?.headers["content-type"] == "application/problem+json", "\(request)")
            let problem = try JSONSerialization.jsonObject(with: Data((answer?.body ?? "").utf8)) as? [String: Any]
            #expect(problem?["status"] as? Int == status)
            #expect((problem?["detail"] as? String)?.contains(text) == true, "\(request): \(answer?.body ?? "")")
        }
        // HTTP/1.0 has no such header.
        let old = NodeProcess.parse(try await node.exchange(Array("GET /healthz HTTP/1.0\r\n\r\n".utf8)))
        #expect(old?.status == 200)
        #expect((try await node.request("GET", "/v1/events").json["events"] as? [Any])?.isEmpty == true)
        _ = try await node.stop()
    }

    @Test("a body over the limit is refused, announced or not, and a half-sent one takes nothing")
    func bodies() async throws {
        let node = try NodeProcess(Self.configuration)
        try await node.start()
        let announced = NodeProcess.parse(
            try await node.exchange(
                Array("POST /notes HTTP/1.1\r\nhost: localhost\r\ncontent-length: 99999999\r\n\r\nabc".utf8)))
        #expect(announced?.status == 413)
        let large = String(repeating: "x", count: 1_100_000)
        #expect(try await node.request("POST", "/notes", body: large).status == 413)
        _ = try await node.exchange(
            Array("POST /notes HTTP/1.1\r\nhost: localhost\r\ncontent-length: 1000\r\n\r\nonly this much".utf8),
            halfClose: true,
            timeoutSeconds: 5)
        let manyHeaders = (0..<40).map { "x-\($0): \(String(repeating: "h", count: 2000))\r\n" }.joined()
        let headers = NodeProcess.parse(
            try await node.exchange(
                Array("GET /healthz HTTP/1.1\r\nhost: localhost\r\n\(manyHeaders)\r\n".utf8), timeoutSeconds: 5))
        #expect(headers?.status == 431)
        #expect(headers?.body.contains("\"status\":431") == true)
        #expect((try await node.request("GET", "/v1/events").json["events"] as? [Any])?.isEmpty == true)
        _ = try await node.stop()
    }

    @Test("a port in use, a damaged database and a missing folder end the start with a clear message")
    func cannotStart() async throws {
        let first = try NodeProcess(Self.configuration)
        try await first.start()
        let second = try NodeProcess(
            Self.configuration.replacingOccurrences(of: "PORT", with: "\(first.port)"))
        let inUse = try second.nightjar("run")
        #expect(inUse.status != 0)
        #expect(inUse.errors.contains("\(first.port)"), "\(inUse.errors)")
        _ = try await first.stop()

        let damaged = try NodeProcess(Self.configuration)
        try String(repeating: "not a database", count: 1000).write(
            toFile: damaged.path("nightjar.db"), atomically: true, encoding: .utf8)
        let answer = try damaged.nightjar("run")
        #expect(answer.status != 0)
        #expect(answer.errors.contains("nightjar.db"), "\(answer.errors)")

        let homeless = try NodeProcess(
            Self.configuration.replacingOccurrences(of: "sqlite:nightjar.db", with: "sqlite:no/such/folder/nightjar.db")
        )
        let missing = try homeless.nightjar("run")
        #expect(missing.status != 0)
        #expect(missing.errors.contains("no/such/folder"), "\(missing.errors)")

        let readOnly = try NodeProcess(
            Self.configuration.replacingOccurrences(of: "sqlite:nightjar.db", with: "sqlite:/proc/nightjar.db"))
        let refused = try readOnly.nightjar("run")
        #expect(refused.status != 0)
        #expect(refused.errors.contains("/proc/nightjar.db"), "\(refused.errors)")
    }

    @Test("ten mistakes in a file are told at once, each with its line")
    func tenMistakes() async throws {
        let node = try NodeProcess(
            """
            store: mysql:host
            http: { listen: 127.0.0.1 }
            jobs:
              one: { command: ./not-a-list }
              two: { command: [], retry: { attempts: many } }
              three: { http: { url: "not a url" } }
              "bad name!": { command: [cat] }
              four: { comand: [cat] }
              five: { command: [cat], timeout: soon }
            triggers:
              a: { http: { path: no-slash }, start: one }
              b: { event: { type: "x" }, start: nobody }
              c: { start: one }
            """)
        let answer = try node.nightjar("check")
        #expect(answer.status != 0)
        let text = answer.output + answer.errors
        let lines = Set(text.matches(of: /nightjar\.yaml:(\d+):(\d+)/).map { $0.output.1 })
        for line in ["1", "2", "4", "5", "6", "7", "8", "9", "11", "12", "13"] {
            #expect(lines.contains(Substring(line)), "line \(line) is not told of:\n\(text)")
        }
    }
}
