import Expressions
import Foundation
import NightjarCore
import Testing

@testable import NightjarCLI

@Suite("A configuration file")
struct ConfigurationTests {
    @Test("everything that is left out has its default")
    func defaults() throws {
        let configuration = try configuration("jobs: {}")
        #expect(configuration.store == .sqlite(path: "/etc/nightjar.db"))
        #expect(configuration.http == HTTPServerSettings())
        #expect(configuration.http?.listen == Address(host: "127.0.0.1", port: 8080))
        #expect(configuration.node == NodeSettings())
        #expect(configuration.retention == RetentionSettings())
        #expect(configuration.drain == .seconds(30))
        #expect(configuration.log == LogSettings())
        #expect(configuration.jobs.isEmpty && configuration.triggers.isEmpty)
    }

    @Test("jobs and triggers keep the order of the file")
    func order() throws {
        let configuration = try configuration(
            """
            jobs:
              z: { emit: { type: z } }
              a: { emit: { type: a } }
              m: { emit: { type: m } }
            triggers:
              second: { event: { type: [x, "y.*"] }, start: [z, a] }
              first: { event: { source: /shop }, start: m, delay: 5m }
            """)
        #expect(configuration.jobs.map(\.name) == ["z", "a", "m"])
        #expect(configuration.triggers.map(\.name) == ["second", "first"])
        #expect(configuration.triggers.map(\.jobs) == [["z", "a"], ["m"]])
        #expect(configuration.triggers.map(\.delay) == [.zero, .seconds(300)])
        guard case .event(let filter) = configuration.triggers[0].source else {
            Issue.record("no event trigger")
            return
        }
        #expect(filter == EventFilter(types: ["x", "y.*"]))
    }

    @Test("policies are read; `retry: off` means one attempt")
    func policies() throws {
        let jobs = try configuration(
            """
            jobs:
              a:
                emit: { type: a }
                retry: { attempts: 3, from: 100ms, upTo: 1m, jitter: false, crashes: 3 }
                timeout: 30s
                concurrency: 4
              b: { emit: { type: b }, retry: off }
              c: { emit: { type: c }, retry: { from: 2h } }
            """
        ).jobs
        #expect(
            jobs[0].policy
                == JobPolicy(
                    retry: RetryPolicy(
                        attempts: 3, from: .milliseconds(100), upTo: .seconds(60), jitter: false, crashes: 3),
                    timeout: .seconds(30), concurrency: 4))
        #expect(jobs[1].policy == JobPolicy(retry: .never))
        #expect(
            jobs[2].policy.retry.backoff == .exponential(from: .seconds(7200), upTo: .seconds(7200)),
            "the default for upTo is raised to from")
    }

    @Test("what becomes of a second event is read")
    func secondEvents() throws {
        let jobs = try configuration(
            """
            jobs:
              a: { emit: { type: a }, unique: {} }
              b:
                emit: { type: b }
                unique: { key: event.data.id, window: 1h, states: [running, completed], second: extend }
              c: { emit: { type: c }, debounce: { wait: 5s } }
              d: { emit: { type: d }, debounce: { wait: 5s, atMost: 1m, keep: all, key: event.subject } }
              e: { emit: { type: e }, batch: { size: 100, within: 10s, key: event.subject } }
            """
        ).jobs
        #expect(jobs[0].policy == JobPolicy(unique: UniquePolicy()))
        #expect(jobs[1].policy.unique?.states == [.running, .completed])
        #expect(jobs[1].policy.unique?.second == .extend && jobs[1].policy.unique?.window == .seconds(3600))
        #expect(jobs[1].policy.unique?.key?.description == "event.data.id")
        #expect(jobs[2].policy == JobPolicy(debounce: DebouncePolicy(wait: .seconds(5))))
        #expect(jobs[3].policy.debounce?.keep == .all && jobs[3].policy.debounce?.atMost == .seconds(60))
        #expect(jobs[3].policy.debounce?.key?.description == "event.subject")
        #expect(jobs[4].policy.batch?.size == 100 && jobs[4].policy.batch?.within == .seconds(10))
        #expect(jobs[4].policy.batch?.key?.description == "event.subject")
    }

    @Test("schedules, deadlines and treatments by code are read; a schedule says how many attempts there are")
    func retries() throws {
        let jobs = try configuration(
            """
            jobs:
              a:
                emit: { type: a }
                retry:
                  schedule: [1s, 30s]
                  deadline: 1d
                  byCode:
                    - { codes: [65, 404], attempts: 1 }
                    - { codes: timeout, from: 1m, jitter: false }
              b: { emit: { type: b }, retry: { attempts: 9, schedule: [5s] } }
            """
        ).jobs
        let waits = Backoff.schedule([.seconds(1), .seconds(30)])
        let rules: [RetryPolicy.Rule] = [
            .never("65", "404"),
            .init(
                codes: ["timeout"], backoff: .exponential(from: .seconds(60), upTo: .seconds(3600), jitter: false)),
        ]
        #expect(
            jobs[0].policy.retry
                == RetryPolicy(attempts: 3, backoff: waits, deadline: .seconds(86_400), rules: rules))
        #expect(jobs[1].policy.retry == RetryPolicy(attempts: 9, backoff: .schedule([.seconds(5)])))
    }

    @Test("priority, expiry, weight, rates and keys are read")
    func keys() throws {
        let jobs = try configuration(
            """
            jobs:
              a:
                emit: { type: a }
                priority: 3
                expires: 10m
                weight: 2
                rate: { limit: 100, per: 1s, burst: 5, excess: drop }
                key: event.data.customer
                perKey: { order: true, whenDead: stop, concurrency: 2, rate: { limit: 1, per: 1m } }
              b: { emit: { type: b } }
            """
        ).jobs
        let key = try #require(jobs[0].policy.key)
        #expect("\(key)" == "event.data.customer")
        #expect(
            jobs[0].policy
                == JobPolicy(
                    priority: 3, expires: .seconds(600), weight: 2,
                    rate: RateLimit(100, per: .seconds(1), burst: 5, excess: .drop), key: key,
                    perKey: KeyPolicy(
                        isOrdered: true, whenDead: .stop, concurrency: 2, rate: RateLimit(1, per: .seconds(60)))))
        #expect(jobs[1].policy == JobPolicy())
    }

    @Test("anchors, aliases and merged mappings bring their settings along")
    func anchors() throws {
        let jobs = try configuration(
            """
            jobs:
              a: &base
                emit: { type: a }
                timeout: 1s
                retry: &patient { attempts: 20 }
              b:
                <<: *base
                timeout: 2s
              c: { emit: { type: c }, retry: *patient }
            """
        ).jobs
        #expect(jobs.map(\.policy.retry.attempts) == [20, 20, 20])
        #expect(jobs.map(\.policy.timeout) == [.seconds(1), .seconds(2), nil])
    }

    @Test("a byte order mark, Windows line ends and quotes change nothing")
    func forms() throws {
        let configuration = try configuration(
            "\u{FEFF}\"store\": 'sqlite:x.db'\r\njobs:\r\n  \"a\": {emit: {type: \"t\"}}\r\n")
        #expect(configuration.store == .sqlite(path: "/etc/x.db"))
        #expect(configuration.jobs.map(\.name) == ["a"])
    }

    @Test("relative paths begin at the file's folder, absolute ones stay")
    func paths() throws {
        #expect(try configuration("store: sqlite:data/../a.db").store == .sqlite(path: "/etc/a.db"))
        #expect(try configuration("store: sqlite:/var/lib/n.db").store == .sqlite(path: "/var/lib/n.db"))
    }

    @Test("the environment fills in any value, numbers too")
    func environment() throws {
        let configuration = try configuration(
            """
            store: "sqlite:${DIR}/n.db"
            http: { listen: "127.0.0.1:${PORT:-9000}", tokens: ["${TOKEN}"] }
            node: { concurrency: "${SLOTS}" }
            """, environment: ["DIR": "/data", "TOKEN": "s3cret", "SLOTS": "7"])
        #expect(configuration.store == .sqlite(path: "/data/n.db"))
        #expect(configuration.http?.listen.port == 9000)
        #expect(configuration.http?.tokens == [Secret("s3cret")])
        #expect(configuration.node.concurrency == 7)
    }

    @Test("a secret may stand in a file, without the line break at its end")
    func secretFile() throws {
        let folder = FileManager.default.temporaryDirectory.appendingPathComponent(UUID().uuidString)
        try FileManager.default.createDirectory(at: folder, withIntermediateDirectories: true)
        defer { try? FileManager.default.removeItem(at: folder) }
        try Data("s3cret\n".utf8).write(to: folder.appendingPathComponent("token"))
        let file = folder.appendingPathComponent("nightjar.yaml").path
        try Data("http: { tokens: { file: token } }".utf8).write(to: URL(fileURLWithPath: file))
        #expect(try ConfigurationFile.load(file).http?.tokens == [Secret("s3cret")])
    }

    @Test("secrets are not shown, however a configuration is printed")
    func secrets() throws {
        let configuration = try configuration("http: { tokens: [hunter2] }")
        var dumped = ""
        dump(configuration, to: &dumped)
        #expect(!"\(configuration)\(String(reflecting: configuration))\(dumped)".contains("hunter2"))
    }

    @Test("`http: off` means no server")
    func off() throws {
        #expect(try configuration("http: off").http == nil)
    }
}
