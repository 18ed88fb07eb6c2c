import Testing

@testable import NightjarCLI

/// Reads `yaml` as the file `/etc/nightjar.yaml`.
func configuration(
    _ yaml: String, environment: [String: String] = [:]
) throws(ConfigurationError) -> Configuration {
    try ConfigurationFile.parse(
        ConfigurationText(file: "/etc/nightjar.yaml", bytes: Array(yaml.utf8)), environment: { environment[$0] })
}

/// The mistakes of `yaml`, each as `line:column: message`.
func mistakes(_ yaml: String, environment: [String: String] = [:]) -> [String] {
    do {
        _ = try configuration(yaml, environment: environment)
        return []
    } catch {
        return error.diagnostics.map { "\($0.position): \($0.message)" }
    }
}

@Suite("Mistakes in a configuration file")
struct ConfigurationMistakesTests {
    @Test("ten different mistakes in one file are all told, each at its place")
    func tenMistakes() {
        let yaml = """
            stor: sqlite:nightjar.db
            http: { listen: "8080" }
            node: { concurrency: many }
            jobs:
              send-receipt:
                command: [./send-receipt]
                timeout: 30 seconds
                retry: { attempts: 0 }
              -bad-name:
                emit: { type: done }
              lazy:
                timeout: 5s
              send-receipt:
                command: [./other]
            triggers:
              orders:
                http: { path: orders }
                start: send-reciept
              queue:
                postgres: { table: orders }
                start: send-receipt
              inbox:
                files: { path: "${INBOX}" }
                start: send-receipt
            """
        #expect(
            mistakes(yaml) == [
                "1:1: the file has no key \"stor\"; did you mean \"store\"?",
                "2:17: listen: \"8080\" is wrong; expected a host and a port such as 127.0.0.1:8080, localhost:8080 or [::1]:8080",
                "3:22: concurrency: \"many\" is wrong; expected a whole number from 1 to 10000",
                "7:14: timeout: \"30 seconds\" is wrong; expected a duration such as 500ms, 30s, 5m, 1h30m or 2d, at least 1ms",
                "8:24: attempts: \"0\" is wrong; expected a whole number from 1 to 1000",
                "9:3: \"-bad-name\" cannot name a job; expected 1 to 128 letters, digits, '-', '_' and '.', beginning with a letter or digit",
                "11:3: job \"lazy\" does nothing; expected one of: command, http, emit, publish",
                "13:3: the key \"send-receipt\" stands twice, first in line 5; expected it once",
                "17:19: path: \"orders\" is wrong; expected a path that begins with '/', such as /orders",
                "18:12: start: there is no job \"send-reciept\"; did you mean \"send-receipt\"?",
                "20:5: trigger \"queue\": \"postgres\" triggers are not in this version of Nightjar; expected one of: http, files, event, cron, every, rabbitmq, kafka, sqs",
                "23:21: path: the environment variable INBOX is not set; expected it to be, or a default as in ${INBOX:-default}",
            ])
    }

    struct Single: Sendable, CustomTestStringConvertible {
        var yaml: String
        var mistake: String
        init(_ yaml: String, _ mistake: String) {
            self.yaml = yaml
            self.mistake = mistake
        }
        var testDescription: String { mistake }
    }

    static let singles = [
        Single("", "1:1: the file is empty; expected a mapping with \"jobs\" and \"triggers\""),
        Single("# only a comment\n", "1:1: the file is empty; expected a mapping with \"jobs\" and \"triggers\""),
        Single("hello", "1:1: the file holds text; expected a mapping with \"jobs\" and \"triggers\""),
        Single("- a", "1:1: the file holds a list; expected a mapping with \"jobs\" and \"triggers\""),
        Single("jobs:\n\tx: 1", "2:1: a tab cannot indent YAML; expected spaces"),
        Single(
            "store: sqlite: x",
            "1:14: a ':' is not allowed here; expected one \"key: value\" in a line, and quotes around a value that holds ': '"
        ),
        Single(
            "node: { name: a", "2:1: the bracket of line 1 is not closed properly; expected ',' or the closing bracket"),
        Single("node: { name: 'a }", "1:19: the file ends inside a quoted text; expected a closing quote"),
        Single(
            "store: *nowhere",
            "1:8: no anchor of this name stands above; expected an alias such as *name after its anchor &name"),
        Single("jobs: {}\n---\njobs: {}", "2:1: a second document begins here; expected one document in the file"),
        Single(
            "store: a\u{1}b", "1:9: control characters are not allowed; expected UTF-8 text without control characters"),
        Single(
            "a: &a { x: 1 }\n? [*a, *a]\n: 1",
            "2:1: a list, a mapping or an alias stands as a key; expected a plain word as key"),
        Single(
            "store: postgres://host/db",
            "1:8: store: PostgreSQL stores are not in this version of Nightjar; expected sqlite: and a path, such as sqlite:nightjar.db"
        ),
        Single(
            "store: mysql:x",
            "1:8: store: \"mysql:x\" is wrong; expected sqlite: and a path, such as sqlite:nightjar.db"),
        Single("store:", "1:7: store holds nothing; expected sqlite: and a path, such as sqlite:nightjar.db"),
        Single("store: [a]", "1:8: store holds a list; expected sqlite: and a path, such as sqlite:nightjar.db"),
        Single(
            "retention: { runs: 7 }",
            "1:20: runs: \"7\" is wrong; expected a duration such as 500ms, 30s, 5m, 1h30m or 2d"),
        Single("retention: soon", "1:12: retention holds text; expected a mapping such as { runs: 7d, events: 7d }"),
        Single(
            "log: { level: loud }",
            "1:15: level: \"loud\" is wrong; expected one of: trace, debug, info, notice, warning, error, critical"),
        Single("log: { level: warnig }", "1:15: level: \"warnig\" is wrong; did you mean \"warning\"?"),
        Single(
            "shutdown: { drain: -1s }",
            "1:20: drain: \"-1s\" is wrong; expected a duration such as 500ms, 30s, 5m, 1h30m or 2d"),
        Single("shutdown: { wait: 1s }", "1:13: shutdown has no key \"wait\"; expected one of: drain"),
        Single(
            "http: { listen: 0.0.0.0:8080 }",
            "1:17: http listens on 0.0.0.0:8080 beyond this machine without tokens; expected \"tokens\", or a loopback address such as 127.0.0.1:8080"
        ),
        Single("http: { tls: { key: k.pem } }", "1:14: tls has no \"certificate\"; expected a path"),
        Single(
            "http: { limits: { body: 1 MB } }",
            "1:25: body: \"1 MB\" is wrong; expected a size such as 512B, 64KiB or 1MB, from 1 to 268435456 bytes"),
        Single(
            "http: { tokens: { file: /no/such/file } }",
            "1:17: tokens: the file /no/such/file cannot be opened; expected a file that holds the secret"),
        Single(
            "jobs: { a: { command: ls } }",
            "1:23: command holds text; expected the program and its arguments as a list, such as [./send-receipt, --fast], or a mapping with \"run\""
        ),
        Single(
            "jobs: { a: { command: [] } }",
            "1:23: command is an empty list; expected the program and its arguments as a list, such as [./send-receipt, --fast], or a mapping with \"run\""
        ),
        Single(
            "jobs: { a: { command: [a], emit: { type: t } } }",
            "1:28: job \"a\" has \"command\" and \"emit\"; expected one of them"),
        Single(
            "jobs: { a: { http: { url: search.internal } } }",
            "1:27: url: \"search.internal\" is wrong; expected a URL such as https://example.com/path"),
        Single(
            "jobs: { a: { http: {} } }", "1:20: http has no \"url\"; expected a URL such as https://example.com/path"),
        Single("jobs: { a: { emit: { type: \"\" } } }", "1:28: type: \"\" is wrong; expected a text"),
        Single(
            "jobs: { a: { webhook: {} } }",
            "1:14: job \"a\": \"webhook\" jobs are not in this version of Nightjar; expected one of: command, http, emit, publish"
        ),
        Single(
            "jobs: { a: { command: [x], unique: {}, batch: { size: 2, within: 1s } } }",
            "1:40: job \"a\" has \"unique\" and \"batch\"; expected one of them, for each says what becomes of a second event"
        ),
        Single(
            "jobs: { a: { command: [x], debounce: { wait: 1s }, batch: { size: 2, within: 1s } } }",
            "1:52: job \"a\" has \"debounce\" and \"batch\"; expected one of them, for each says what becomes of a second event"
        ),
        Single(
            "jobs: { a: { command: [x], unique: { states: [running, dead] } } }",
            "1:56: states: \"dead\" is wrong; expected one of: scheduled, available, running, retryable, completed (a dead or cancelled run never counts)"
        ),
        Single(
            "jobs: { a: { command: [x], unique: { second: replace, states: completed } } }",
            "1:55: states: a run that is completed cannot be replaced; expected \"second: ignore\", or other states"),
        Single(
            "jobs: { a: { command: [x], unique: { second: drop } } }",
            "1:46: second: \"drop\" is wrong; expected one of: ignore, replace, extend"),
        Single(
            "jobs: { a: { command: [x], batch: { size: 10001, within: 1s } } }",
            "1:43: size: \"10001\" is wrong; expected a whole number from 1 to 10000"),
        Single(
            "jobs: { a: { command: [x], batch: { size: 10 } } }",
            "1:35: batch has no \"within\"; expected a duration such as 500ms, 30s, 5m, 1h30m or 2d, at least 1ms"),
        Single(
            "jobs: { a: { command: [x], debounce: { keep: last } } }",
            "1:38: debounce has no \"wait\"; expected a duration such as 500ms, 30s, 5m, 1h30m or 2d, at least 1ms"),
        Single(
            "jobs: { a: { command: [x], debounce: { wait: 1m, atMost: 5s } } }",
            "1:58: atMost: \"5s\" is shorter than \"wait\", which is 1m; expected at least that"),
        Single(
            "jobs: { a: { command: [x], keep: last } }",
            "1:28: job \"a\": \"keep\" belongs to \"debounce\"; expected debounce: { wait: 5s, keep: last }"),
        Single(
            "jobs: { a: { command: [x], perKey: { order: true } } }",
            "1:28: job \"a\" has \"perKey\" but no \"key\"; expected \"key\" with an expression such as event.data.customer"
        ),
        Single(
            "jobs: { a: { command: [x], key: event.data, perKey: { whenDead: halt } } }",
            "1:65: whenDead: \"halt\" is wrong; expected one of: continue, stop"),
        Single(
            "jobs: { a: { command: [x], rate: { limit: 3 } } }",
            "1:34: rate has no \"per\"; expected a duration such as 500ms, 30s, 5m, 1h30m or 2d, at least 1ms"),
        Single(
            "jobs: { a: { command: [x], priority: 10 } }",
            "1:38: priority: \"10\" is wrong; expected a whole number from 0 to 9"),
        Single(
            "jobs: { a: { command: [x], retry: { schedule: [1s], from: 2s } } }",
            "1:53: retry has \"schedule\" and \"from\"; expected one way to say how long it waits"),
        Single(
            "jobs: { a: { command: [x], retry: { from: 1h, upTo: 1s } } }",
            "1:53: upTo: \"1s\" is shorter than \"from\", which is 1h; expected at least that"),
        Single(
            "jobs: { a: { command: [x], retry: { jitter: yes } } }",
            "1:45: jitter: \"yes\" is wrong; expected true or false"),
        Single("jobs: [a]", "1:7: jobs holds a list; expected a mapping from names to jobs"),
        Single("jobs: { a: x }", "1:12: job \"a\" holds text; expected its settings"),
        Single(
            "triggers: { t: { event: {} } }",
            "1:13: trigger \"t\" starts nothing; expected \"start\" with the name of a job, or a list of names"),
        Single(
            "triggers: { t: { event: {}, start: x } }",
            "1:36: start: there is no job \"x\"; expected a job under \"jobs\""),
        Single("triggers: { t: { event: {}, start: [] } }", "1:36: start is an empty list; expected the name of a job"),
        Single(
            "jobs: { j: { emit: { type: x } } }\ntriggers: { t: { start: j } }",
            "2:13: trigger \"t\" listens to nothing; expected one of: http, files, event, cron, every, rabbitmq, kafka, sqs"
        ),
        Single(
            "jobs: { j: { emit: { type: x } } }\ntriggers: { t: { event: {}, when: a, start: j } }",
            "2:35: when: unknown name \"a\"; known names are event"),
        Single(
            "jobs: { j: { emit: { type: x } } }\ntriggers: { t: { event: {}, when: \"event.type\", start: j } }",
            "2:35: when is a string; expected a condition such as event.data.total > 100"),
        Single(
            "jobs: { j: { emit: { type: x } } }\ntriggers: { t: { event: {}, start: j, priority: 12 } }",
            "2:49: priority is 12; expected an int from 0 to 9"),
        Single(
            "jobs: { j: { emit: { type: x } } }\ntriggers: { t: { event: {}, start: j, id: event.data.x } }",
            "2:39: trigger \"t\": what was published has its id already; expected \"id\" with other kinds of triggers only"
        ),
        Single(
            "jobs: { j: { emit: { type: x } } }\ntriggers: { t: { event: {}, start: j, input: { a: 1 + } } }",
            "2:54: input.a: got the end; expected a value"),
        Single(
            "jobs: { j: { command: [x, '${{ event.id }}'] } }",
            "1:27: command: arguments have no holes, so that no value can become more than one; expected { value: EXPRESSION } for an argument"
        ),
        Single(
            "jobs: { j: { emit: { type: '${{ evnt.id }}' } } }",
            "1:33: type: unknown name \"evnt\"; did you mean \"event\"?"),
        Single(
            "jobs: { j: { emit: { type: x } } }\ntriggers: { t: { s3: {}, start: j } }",
            "2:18: trigger \"t\": \"s3\" triggers are not in this version of Nightjar; expected one of: http, files, event, cron, every, rabbitmq, kafka, sqs"
        ),
        Single(
            "jobs: { j: { emit: { type: x } } }\ntriggers:\n  a: { http: { path: /o }, start: j }\n  b: { http: { path: /o, method: post }, start: j }",
            "4:3: trigger \"b\" listens on POST /o as \"a\" does; expected another path, or one trigger that starts both jobs"
        ),
        Single(
            "http: off\njobs: { j: { emit: { type: x } } }\ntriggers: { a: { http: { path: /o }, start: j } }",
            "3:13: trigger \"a\" needs the HTTP server, which is off; expected \"http\" not to be off"),
        Single(
            "store: \"sqlite:${NO_SUCH}\"",
            "1:16: store: the environment variable NO_SUCH is not set; expected it to be, or a default as in ${NO_SUCH:-default}"
        ),
        Single(
            "store: sqlite:${oops",
            "1:15: store: \"${\" is not closed; expected ${NAME}, or $${ for the characters themselves"),
        Single(
            "store: sqlite:${1x}",
            "1:15: store: \"${1x}\" names no variable; expected ${NAME} or ${NAME:-default}, or $${ for the characters themselves"
        ),
    ]

    @Test("a single mistake is told with its place and what was expected", arguments: singles)
    func single(_ single: Single) {
        #expect(mistakes(single.yaml) == [single.mistake])
    }

    @Test("keys that stand twice are all found, in blocks, in braces and in quotes")
    func duplicates() {
        let yaml = """
            log: { level: info, level: debug }
            "node": {}
            'node': {}
            node: {}
            """
        #expect(
            mistakes(yaml) == [
                "1:21: the key \"level\" stands twice, first in line 1; expected it once",
                "3:1: the key \"node\" stands twice, first in line 2; expected it once",
                "4:1: the key \"node\" stands twice, first in line 2; expected it once",
            ])
    }

    @Test("bytes that are not UTF-8 are told with their place")
    func invalidUTF8() {
        #expect(throws: ConfigurationError.self) {
            try ConfigurationText(file: "x.yaml", bytes: Array("a: 1\nb: \u{e9}".utf8.dropLast()))
        }
        do {
            _ = try ConfigurationText(file: "x.yaml", bytes: Array("a: 1\nb: ".utf8) + [0xC3, 0x28])
        } catch {
            #expect("\(error)" == "x.yaml:2:4: this byte is not part of UTF-8 text; expected UTF-8")
        }
    }

    @Test("UTF-16 and files that are too large are refused")
    func encodingAndSize() {
        do {
            _ = try ConfigurationText(file: "x.yaml", bytes: [0xFF, 0xFE, 0x61, 0x00])
            Issue.record("UTF-16 was taken")
        } catch {
            #expect("\(error)" == "x.yaml:1:1: the file is encoded in UTF-16; expected UTF-8")
        }
        do {
            _ = try ConfigurationText(file: "x.yaml", bytes: [UInt8](repeating: 32, count: (1 << 20) + 1))
            Issue.record("a large file was taken")
        } catch {
            #expect("\(error)" == "x.yaml:1:1: the file is larger than 1 MiB; expected a configuration file")
        }
    }

    @Test("a missing file is told by name")
    func missing() {
        do {
            _ = try ConfigurationText(contentsOf: "/no/such/nightjar.yaml")
            Issue.record("a missing file was taken")
        } catch {
            #expect(
                "\(error)"
                    == "/no/such/nightjar.yaml:1:1: the file cannot be read: there is no such file; expected a YAML file"
            )
        }
    }

    @Test("aliases that stand for billions of parts are refused quickly")
    func billionLaughs() {
        var yaml = "a0: &a0 [x, x, x, x, x, x, x, x, x]\n"
        for level in 1...12 {
            yaml += "a\(level): &a\(level) [\(Array(repeating: "*a\(level - 1)", count: 9).joined(separator: ", "))]\n"
        }
        #expect(mistakes(yaml).contains { $0.contains("has more than 50000 parts once its aliases are followed") })
        #expect(mistakes(yaml + "? *a12\n: x\n").contains { $0.contains("stands as a key") })
    }

    @Test("deep nesting is refused without a crash")
    func nesting() {
        let shallow = "store: " + String(repeating: "[", count: 100) + String(repeating: "]", count: 100)
        #expect(mistakes(shallow).contains { $0.contains("nested more than 64 deep") })
        let deep = "store: " + String(repeating: "[", count: 100_000)
        #expect(mistakes(deep).count == 1)
    }

    @Test("on a terminal each mistake shows its line and a mark below its place, and secrets are dots")
    func rendering() throws {
        do {
            _ = try configuration("http:\n  { tokens: hunter2, lissten: x }\n")
            Issue.record("the file was taken")
        } catch {
            let terminal = error.rendered(style: TerminalStyle(isTerminal: true, hasColour: false))
            #expect(
                terminal == """
                    /etc/nightjar.yaml:2:22: http has no key "lissten"; did you mean "listen"?
                     2 |   { tokens: •••••••, lissten: x }
                       |                      ^
                    1 mistake in /etc/nightjar.yaml

                    """)
            #expect(!error.rendered(style: .plain).contains("hunter2"))
            #expect(!"\(error)".contains("hunter2"))
            #expect(!"\(error.lines)".contains("hunter2"))
        }
    }

    @Test("of a secret that stands in a block over several lines, no line is shown")
    func secretBlock() throws {
        do {
            _ = try configuration("http:\n  tokens: |\n    hunter2\n    swordfish\n  lissten: x\n")
            Issue.record("the file was taken")
        } catch {
            #expect(error.lines.contains("    •••••••") && error.lines.contains("    •••••••••"))
            #expect(!"\(error.lines)".contains("hunter2") && !"\(error.lines)".contains("swordfish"))
        }
    }
}
