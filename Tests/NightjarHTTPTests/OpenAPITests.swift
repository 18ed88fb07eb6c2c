import CloudEvents
import Foundation
import HTTPTypes
import Nightjar
import NightjarCore
import NightjarTestKit
import Testing

@testable import NightjarHTTP

@Suite("The API's description")
struct OpenAPITests {
    private static func document() throws -> [String: Any] {
        try #require(
            try JSONSerialization.jsonObject(with: Data(OpenAPI.document.utf8)) as? [String: Any],
            "the description is no JSON object")
    }

    @Test("every route that is served is described, and nothing else")
    func routes() throws {
        let paths = try #require(try Self.document()["paths"] as? [String: [String: Any]])
        let described = Set(paths.flatMap { path, methods in methods.keys.map { "\($0.uppercased()) \(path)" } })
        let served = Set(API.routes.map { "\($0.method.rawValue) \($0.path)" })
        #expect(described == served)
        #expect(served.count == API.routes.count, "a route stands twice")
    }

    @Test("every parameter of a path is described, and every schema that is referred to exists")
    func references() throws {
        let document = try Self.document()
        let schemas = try #require((document["components"] as? [String: Any])?["schemas"] as? [String: Any])
        for match in OpenAPI.document.matches(of: /#\/components\/schemas\/(\w+)/) {
            #expect(schemas[String(match.output.1)] != nil, "there is no schema \(match.output.1)")
        }
        let paths = try #require(document["paths"] as? [String: [String: [String: Any]]])
        for (path, methods) in paths {
            let expected = Set(path.matches(of: /\{(\w+)\}/).map { String($0.output.1) })
            for operation in methods.values {
                let parameters = operation["parameters"] as? [[String: Any]] ?? []
                let described = Set(
                    parameters.filter { $0["in"] as? String == "path" }.compactMap { $0["name"] as? String })
                #expect(described == expected, "\(path)")
            }
            for route in API.routes where route.path == path {
                let parameters = methods[route.method.rawValue.lowercased()]?["parameters"] as? [[String: Any]] ?? []
                let described = parameters.filter { $0["in"] as? String == "query" }.compactMap {
                    $0["name"] as? String
                }
                #expect(Set(described) == Set(route.query ?? []), "\(route.method) \(path)")
            }
        }
    }

    @Test("what is answered fits what is described")
    func answers() async throws {
        try await withServer { (server) async throws -> Void in
            let document = try Self.document()
            let published = try await server.request(
                "POST", "/v1/events", headers: ["content-type": "application/cloudevents+json"],
                body: #"{"specversion":"1.0","id":"e1","source":"/s","type":"t","subject":"x","data":{"a":1}}"#)
            try check(published, 202, "Acceptances", document)
            let started = try await server.request(
                "POST", "/v1/jobs/work/runs", headers: ["prefer": "wait=10", "content-type": "application/json"],
                body: "{}")
            try check(started, 200, "Run", document)
            let id = try #require(started.object["id"] as? String)
            let failing = try await server.request(
                "POST", "/v1/jobs/hopeless/runs", headers: ["prefer": "wait=10"], body: "{}")
            try check(failing, 200, "Run", document)
            let dead = try #require(failing.object["id"] as? String)
            for (path, schema) in [
                ("/v1/runs", "RunPage"), ("/v1/runs/\(id)", "Run"), ("/v1/events", "EventList"),
                ("/v1/events/e1", "EventRecord"), ("/v1/triggers", "TriggerList"), ("/v1/jobs", "JobList"),
                ("/healthz", "Status"), ("/readyz", "Status"),
            ] {
                try check(try await server.request("GET", path), 200, schema, document)
            }
            let edited = try await server.request("POST", "/v1/runs/\(dead)/retry", body: "{\"input\": [1]}")
            try check(edited, 200, "Run", document)
            for dryRun in ["&dryRun=true", ""] {
                let path = "/v1/runs/cancel?job=hopeless\(dryRun)"
                try check(try await server.request("POST", path), 200, "Changes", document)
            }
            _ = try await server.request(
                "POST", "/v1/events", headers: ["content-type": "application/cloudevents+json"],
                body: #"{"specversion":"1.0","id":"e2","source":"/s","type":"unwanted"}"#)
            for query in ["", "?all=true&dryRun=true"] {
                try check(try await server.request("POST", "/v1/replay\(query)"), 200, "Replay", document)
            }
            try check(try await server.request("POST", "/v1/runs/discard?state=dead"), 200, "Changes", document)
            try check(try await server.request("POST", "/v1/jobs/work/pause"), 200, "Paused", document)
            let key = try await server.request("POST", "/v1/jobs/work/keys/caf%C3%A9%2F1/pause")
            try check(key, 200, "Paused", document)
            #expect(key.object["key"] as? String == "café/1")
            #expect(try await server.runtime.store.pauses().contains(Pause(key: "caf\u{E9}/1", ofJob: "work")))
            try check(try await server.request("GET", "/v1/jobs"), 200, "JobList", document)
            try check(try await server.request("POST", "/v1/jobs/none/keys/a/pause"), 404, "Problem", document)
            try check(try await server.request("POST", "/v1/jobs/work/keys/a/stop"), 404, "Problem", document)
            try check(try await server.request("POST", "/v1/triggers/bus/resume"), 200, "Paused", document)
            let waiting = try await server.request("POST", "/v1/jobs/work/runs", body: "{}")
            let shown = try await server.request("GET", "/v1/runs/\(waiting.object["id"] as? String ?? "")")
            try check(shown, 200, "Run", document)
            let wait = try #require(shown.object["waitsFor"] as? [String: Any])
            #expect(wait["kind"] as? String == "pause")
            #expect(wait["text"] as? String == "the job work, which is paused")
            try check(try await server.request("GET", "/v1/runs/none"), 404, "Problem", document)
            try check(try await server.request("POST", "/v1/jobs/none/pause"), 404, "Problem", document)
            let page = try await server.request("GET", "/")
            #expect(page.status == 200 && page.text.contains("<h1>Nightjar</h1>"))
        }
    }

    private func check(
        _ answer: TestServer.Answer, _ status: Int, _ schema: String, _ document: [String: Any]
    ) throws {
        #expect(answer.status == status, "\(answer.text)")
        let value = try JSONSerialization.jsonObject(with: Data(answer.text.utf8), options: .fragmentsAllowed)
        let mistakes = SchemaCheck(document: document).mistakes(
            in: value, against: ["$ref": "#/components/schemas/\(schema)"])
        #expect(mistakes.isEmpty, "\(schema): \(mistakes) in \(answer.text)")
    }
}

/// As much of JSON Schema as the description uses.
struct SchemaCheck {
    let document: [String: Any]

    func mistakes(in value: Any, against schema: [String: Any], at place: String = "") -> [String] {
        if let reference = schema["$ref"] as? String {
            let name = String(reference.split(separator: "/").last ?? "")
            let schemas = (document["components"] as? [String: Any])?["schemas"] as? [String: [String: Any]]
            guard let target = schemas?[name] else { return ["\(place): no schema \(name)"] }
            return mistakes(in: value, against: target, at: place)
        }
        if let choices = schema["enum"] as? [String], !choices.contains(value as? String ?? "") {
            return ["\(place): \(value) is none of \(choices)"]
        }
        let types = (schema["type"] as? [String]) ?? (schema["type"] as? String).map { [$0] } ?? []
        guard types.isEmpty || types.contains(where: { isOf($0, value) }) else {
            return ["\(place): \(value) is not \(types)"]
        }
        var found: [String] = []
        if let object = value as? [String: Any] {
            let properties = schema["properties"] as? [String: [String: Any]] ?? [:]
            for name in schema["required"] as? [String] ?? [] where object[name] == nil {
                found.append("\(place): \(name) is missing")
            }
            for (name, member) in object {
                if let property = properties[name] {
                    found += mistakes(in: member, against: property, at: "\(place)/\(name)")
                } else if !properties.isEmpty {
                    found.append("\(place): \(name) is not described")
                }
            }
        }
        if let array = value as? [Any], let items = schema["items"] as? [String: Any] {
            for (index, item) in array.enumerated() {
                found += mistakes(in: item, against: items, at: "\(place)/\(index)")
            }
        }
        return found
    }

    private func isOf(_ type: String, _ value: Any) -> Bool {
        switch type {
        case "object": value is [String: Any]
        case "array": value is [Any]
        case "string": value is String
        case "boolean": value is Bool
        case "integer": value is Int
        case "number": value is Double || value is Int
        case "null": value is NSNull
        default: false
        }
    }
}
