/// The API's description, OpenAPI 3.1. A test holds it against the routes that are served and against real answers.
enum OpenAPI {
    static let document = """
        {
          "openapi": "3.1.0",
          "info": {
            "title": "Nightjar", "version": "1",
            "description": "Takes events, starts jobs, shows runs. Times are RFC 3339, durations seconds.",
            "license": { "name": "Apache-2.0", "identifier": "Apache-2.0" }
          },
          "security": [{ "token": [] }, {}],
          "paths": {
            "/v1/events": {
              "post": \(operation("publish", "Take CloudEvents: structured, binary or batched",
                  body: true, status: 202, schema: "Acceptances")),
              "get": \(operation("listEvents", "Events in the order of acceptance",
                  parameters: [query("after", "integer"), query("limit", "integer")], schema: "EventList"))
            },
            "/v1/events/{id}": {
              "get": \(operation("getEvent", "An event and every decision taken on it",
                  parameters: [path("id"), query("source", "string")], schema: "EventRecord"))
            },
            "/v1/jobs/{job}/runs": {
              "post": \(operation("startJob", "Start a job with the body as input; with Prefer: wait=N answers 200 once it is finished",
                  parameters: [path("job"), query("delay", "string"), query("runAt", "string"),
                      header("Idempotency-Key"), header("Prefer")], body: true, status: 202, schema: "Run"))
            },
            "/v1/runs": {
              "get": \(operation("listRuns", "Runs, newest first", parameters: filters + [query("cursor", "string")], schema: "RunPage"))
            },
            "/v1/runs/{command}": {
              "post": \(operation("changeRuns", "retry, cancel or discard a page of the runs that fit, oldest first; next leads to the others",
                  parameters: [path("command")] + filters + [query("cursor", "string"), query("dryRun", "boolean")], schema: "Changes"))
            },
            "/v1/runs/{id}": {
              "get": \(operation("getRun", "One run with its whole history, and what it waits for", parameters: [path("id")], schema: "Run"))
            },
            "/v1/runs/{id}/{command}": {
              "post": \(operation("changeRun", "retry, cancel or discard a run; 202 when a running one was asked to stop; a retry may have a body with another input",
                  parameters: [path("id"), path("command")], body: true, schema: "Run"))
            },
            "/v1/runs/{id}/updates": {
              "get": \(operation("watchRun", "The run, then each change, as server-sent events", parameters: [path("id")]))
            },
            "/v1/replay": {
              "post": \(operation("replay", "Decide again on a page of kept events, by default on those without runs; next leads to the others",
                  parameters: [query("trigger", "string"), query("type", "string"), query("source", "string"),
                      query("when", "string"), query("since", "string"), query("until", "string"), query("all", "boolean"),
                      query("dryRun", "boolean"), query("limit", "integer"), query("cursor", "string")], schema: "Replay"))
            },
            "/v1/updates": { "get": \(operation("watchRuns", "Changes of all runs, as server-sent events")) },
            "/v1/triggers": { "get": \(operation("listTriggers", "The triggers", schema: "TriggerList")) },
            "/v1/jobs": { "get": \(operation("listJobs", "The jobs", schema: "JobList")) },
            "/v1/triggers/{name}/{command}": {
              "post": \(operation("pauseTrigger", "pause or resume a trigger", parameters: [path("name"), path("command")], schema: "Paused"))
            },
            "/v1/jobs/{name}/{command}": {
              "post": \(operation("pauseJob", "pause or resume a job", parameters: [path("name"), path("command")], schema: "Paused"))
            },
            "/v1/jobs/{job}/keys/{key}/{command}": {
              "post": \(operation("pauseKey", "pause or resume the job's runs with that key; the key is percent-encoded",
                  parameters: [path("job"), path("key"), path("command")], schema: "Paused"))
            },
            "/metrics": { "get": \(operation("metrics", "What the node counts and measures, in the text format of Prometheus")) },
            "/healthz": { "get": \(operation("health", "Whether the process answers", schema: "Status")) },
            "/readyz": { "get": \(operation("readiness", "Whether events are taken; 503 if not", schema: "Status")) },
            "/openapi.json": { "get": \(operation("describe", "This description")) },
            "/": { "get": \(operation("index", "A page of links")) }
          },
          "components": {
            "securitySchemes": { "token": { "type": "http", "scheme": "bearer" } },
            "schemas": {
              \(schemas.joined(separator: ",\n      "))
            }
          }
        }
        """

    private static let filters = [
        query("state", "string"), query("job", "string"), query("trigger", "string"), query("text", "string"),
        query("limit", "integer"),
    ]

    private static let schemas = [
        object("Acceptances", required: ["events": array("Acceptance")]),
        object(
            "Acceptance",
            required: ["source": string, "id": string, "outcome": choice(["accepted", "duplicate"]), "runs": strings]),
        object(
            "Run",
            required: [
                "id": string, "job": string, "state": choice(states), "event": reference("EventReference"),
                "priority": integer, "createdAt": string, "runAt": string, "attempts": array("Attempt"),
            ],
            optional: [
                "trigger": string, "finishedAt": string, "progress": reference("Progress"), "reason": string,
                "input": "{}", "inputEditedAt": string,
                "result": "{}", "key": string, "expiresAt": string, "cancelRequested": boolean,
                "waitsFor": reference("Wait"),
                "items": integer, "itemsDone": integer,
            ]),
        object("Wait", required: ["kind": string, "text": string], optional: ["until": string, "run": string]),
        object(
            "EventReference", required: ["source": string, "id": string, "type": string], optional: ["subject": string]),
        object(
            "Attempt", required: ["number": integer, "node": string, "startedAt": string],
            optional: ["endedAt": string, "outcome": string, "error": string, "output": string]),
        object("Progress", required: ["fraction": number], optional: ["text": string]),
        object("RunPage", required: ["runs": array("Run"), "next": cursor]),
        object(
            "Changes",
            required: ["changed": integer, "cancelRequested": integer, "runs": array("Change"), "next": cursor],
            optional: ["dryRun": boolean]),
        object(
            "Replay",
            required: [
                "dryRun": boolean, "events": integer, "started": integer, "runs": integer,
                "triggers": array("ReplayAnswer"), "unasked": integer, "reasons": array("ReplayReason"), "next": cursor,
            ]),
        object(
            "ReplayAnswer",
            required: [
                "name": string, "events": integer, "jobs": "{ \"type\": \"object\" }", "refused": integer,
                "reasons": array("ReplayReason"),
            ]),
        object("ReplayReason", required: ["reason": string, "count": integer, "event": string]),
        object("Change", required: ["id": string, "outcome": string], optional: ["job": string, "state": string]),
        object("EventList", required: ["events": array("EventRecord")]),
        object(
            "EventRecord",
            required: [
                "event": "{ \"type\": \"object\" }", "sequence": integer, "acceptedAt": string,
                "decisions": array("Decision"),
            ], optional: ["addressee": string]),
        object(
            "Decision", required: ["outcome": choice(["started", "joined", "refused", "duplicate"])],
            optional: ["trigger": string, "job": string, "run": string, "reason": string]),
        object("TriggerList", required: ["triggers": array("Trigger")]),
        object(
            "Trigger",
            required: [
                "name": string, "kind": string, "summary": string, "jobs": strings, "paused": boolean, "health": string,
                "accepted": integer, "delivery": choice(["stored", "direct"]), "reconnects": integer,
            ], optional: ["reason": string, "waiting": integer]),
        object("JobList", required: ["jobs": array("Job")]),
        object(
            "Job",
            required: [
                "name": string, "kind": string, "paused": boolean, "running": integer,
                "counts": "{ \"type\": \"object\" }",
                "retry": "{ \"type\": \"object\" }",
                "weight": integer, "priority": integer,
            ],
            optional: [
                "pausedKeys": strings, "timeout": number, "concurrency": integer, "expires": number,
                "rate": reference("Rate"), "key": string,
                "perKey": "{ \"type\": \"object\" }",
                "unique": "{ \"type\": \"object\" }", "debounce": "{ \"type\": \"object\" }",
                "batch": "{ \"type\": \"object\" }",
            ]),
        object("Rate", required: ["limit": integer, "per": number, "burst": integer, "excess": string]),
        object("Paused", required: ["name": string, "paused": boolean], optional: ["key": string]),
        object("Status", required: ["status": string]),
        object(
            "Problem", required: ["type": string, "title": string, "status": integer, "detail": string],
            optional: ["byteOffset": integer, "eventIndex": integer, "attribute": string, "state": string]),
    ]

    private static let states = ["scheduled", "available", "running", "retryable", "completed", "dead", "cancelled"]
    private static let string = "{ \"type\": \"string\" }"
    private static let integer = "{ \"type\": \"integer\" }"
    private static let number = "{ \"type\": \"number\" }"
    private static let cursor = "{ \"type\": [\"string\", \"null\"] }"
    private static let boolean = "{ \"type\": \"boolean\" }"
    private static let strings = "{ \"type\": \"array\", \"items\": \(string) }"

    private static func reference(_ name: String) -> String { "{ \"$ref\": \"#/components/schemas/\(name)\" }" }

    private static func array(_ name: String) -> String { "{ \"type\": \"array\", \"items\": \(reference(name)) }" }

    private static func choice(_ names: [String]) -> String {
        "{ \"type\": \"string\", \"enum\": [\(names.map { "\"\($0)\"" }.joined(separator: ", "))] }"
    }

    private static func object(
        _ name: String, required: KeyValuePairs<String, String>, optional: KeyValuePairs<String, String> = [:]
    ) -> String {
        let members = (Array(required) + Array(optional)).map { "\"\($0.key)\": \($0.value)" }.joined(separator: ", ")
        let names = required.map { "\"\($0.key)\"" }.joined(separator: ", ")
        return "\"\(name)\": { \"type\": \"object\", \"required\": [\(names)], \"properties\": { \(members) } }"
    }

    private static func parameter(_ name: String, in place: String, _ type: String, isRequired: Bool) -> String {
        "{ \"name\": \"\(name)\", \"in\": \"\(place)\", \"required\": \(isRequired), \"schema\": { \"type\": \"\(type)\" } }"
    }

    private static func query(_ name: String, _ type: String) -> String {
        parameter(name, in: "query", type, isRequired: false)
    }

    private static func path(_ name: String) -> String { parameter(name, in: "path", "string", isRequired: true) }

    private static func header(_ name: String) -> String { parameter(name, in: "header", "string", isRequired: false) }

    private static func operation(
        _ id: String, _ summary: String, parameters: [String] = [], body: Bool = false, status: Int = 200,
        schema: String? = nil
    ) -> String {
        let content = schema.map { ", \"content\": { \"application/json\": { \"schema\": \(reference($0)) } }" } ?? ""
        let requestBody = body ? ", \"requestBody\": { \"content\": { \"*/*\": {} } }" : ""
        let problem =
            "\"default\": { \"description\": \"What went wrong\", \"content\": { \"application/problem+json\": { \"schema\": \(reference("Problem")) } } }"
        return """
            { "operationId": "\(id)", "summary": "\(summary)", "parameters": [\(parameters.joined(separator: ", "))]\(requestBody), "responses": { "\(status)": { "description": "Done"\(content) }, \(problem) } }
            """
    }
}
