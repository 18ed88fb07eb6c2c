import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// What goes in comes out.
    static let fidelity: [RunStoreCase] =
        events.map { name, event in
            .scene("\(name) survive unchanged") { scene in
                let new = scene.newRun("send")
                _ = try await scene.store.accept([
                    IntakeRecord(event: event, acceptedAt: scene.second(0), runs: [new])
                ])
                try expectSame(try await scene.record(of: event.id).event, event)
                try expectSame(try await scene.run(new.id).event, event)
                try expectSame(try await scene.claimOne().event, event)
            }
        } + [
            .scene("the texts of a run survive unchanged") { scene in
                let text = "naïve \u{1F980} '\"\\%_; DROP TABLE runs;-- \n\t e\u{301}"
                let claimed = try await scene.running("e1", job: "send")
                let output: [UInt8] = [0, 159, 146, 150, 255]
                let failed = scene.attempt(of: claimed, .failed, error: text, output: output)
                _ = try await scene.store.settle([
                    Settlement(
                        lease: claimed.lease, attempt: failed, transition: .die(reason: text, history: RunHistory()),
                        at: scene.second(1), progress: Progress(0.25, text))
                ])
                let run = try await scene.run(claimed.lease.run)
                try expect("its reason", Array((run.reason ?? "").utf8), Array(text.utf8))
                try expect("its attempts", run.attempts, [failed])
                try expect("its error", Array((run.attempts.first?.error ?? "").utf8), Array(text.utf8))
                try expect("its progress", run.progress, Progress(0.25, text))
            },
            .scene("a run's own input is claimed and shown, and leaves its event's data as it came") { scene in
                let input = Array("{\"id\": 7}".utf8)
                var own = scene.newRun("send")
                own.input = input
                let plain = scene.newRun("index")
                _ = try await scene.store.accept([scene.record("e1", [own, plain])])
                try expect("the input", try await scene.run(own.id).input, input)
                try expect("none", try await scene.run(plain.id).input, nil)
                let claimed = try await scene.claimOne("send")
                try expect("what was claimed", claimed.input, input)
                try expect("the event's data", claimed.event.data, Array("{}".utf8))
                try expect("none was claimed", try await scene.claimOne("index").input, nil)
                try expect("the list", try await scene.store.runs(RunQuery()).runs.map(\.input), [nil, nil])
            },
            .scene("times keep their microseconds") { scene in
                let at = Timestamp(microsecondsSince1970: 1_800_000_000_123_457)
                let new = NewRun(id: scene.newRunID(), job: "send", trigger: nil, runAt: at - .microseconds(1))
                _ = try await scene.store.accept([
                    IntakeRecord(event: scene.event("e1"), acceptedAt: at, runs: [new])
                ])
                let run = try await scene.run(new.id)
                try expect("when it was accepted", run.createdAt, at)
                try expect("its time", run.runAt, at - .microseconds(1))
                let expiry = at + .microseconds(7)
                let claimed = try await scene.store.claim(
                    ClaimRequest(
                        node: "node-1", now: at, leaseExpiresAt: expiry, demands: [.init(job: "send", limit: 1)],
                        limit: 1))
                try expect("when the lease expires", claimed.runs.first?.lease.expiresAt, expiry)
            },
            .scene("every outcome of an attempt survives") { scene in
                var expected: [Attempt] = []
                try await scene.accept("e1")
                for (index, outcome) in Attempt.Outcome.allCases.enumerated() {
                    let claimed = try await scene.claimOne(at: index)
                    expected.append(scene.attempt(of: claimed, outcome, startedAt: index, endedAt: index + 1))
                    _ = try await scene.store.settle([
                        Settlement(
                            lease: claimed.lease, attempt: expected[index],
                            transition: .retry(at: scene.second(index), history: RunHistory()),
                            at: scene.second(index + 1))
                    ])
                }
                let page = try await scene.store.runs(RunQuery())
                let id = try require("the run is listed", page.runs.first?.id)
                try expect("its attempts", try await scene.run(id).attempts, expected)
            },
            .scene("no result, an empty result and a result are three things") { scene in
                for (id, result) in [("e1", nil), ("e2", []), ("e3", [0, 1, 255])] as [(String, [UInt8]?)] {
                    let claimed = try await scene.running(id)
                    try await scene.settle(claimed, .complete(result: result))
                    try expect("the result", try await scene.run(claimed.lease.run).result, result)
                }
            },
        ]

    private static let events: [(name: String, event: Event)] = [
        ("the required attributes alone", Event(id: "e1", source: "/orders", type: "order.placed")),
        (
            "all attributes",
            Event(
                id: "e1", source: "https://shop.example/orders?x=1#2", type: "order.placed", subject: "order 7",
                time: Timestamp(microsecondsSince1970: 1_700_000_000_123_456), dataContentType: "application/json",
                dataSchema: "https://shop.example/order.json", extensions: ["traceparent": .string("00-ab-cd-01")],
                data: Array(#"{ "a" : 1.0,  "b":[ ] }"#.utf8))
        ),
        ("all 256 bytes in the data", Event(id: "e1", source: "/", type: "t", data: Array(0...255))),
        ("empty data", Event(id: "e1", source: "/", type: "t", data: [])),
        (
            "a mebibyte of data",
            Event(id: "e1", source: "/", type: "t", data: (0..<1_048_576).map { UInt8(truncatingIfNeeded: $0 &* 31) })
        ),
        (
            "texts outside ASCII",
            Event(
                id: "đơn-hàng-\u{1F6D2}", source: "/cửa-hàng", type: "e\u{301}vénement",
                subject: "\u{212B} \u{C5} \u{1F469}\u{200D}\u{1F52C}")
        ),
        (
            "quotes, percent signs and backslashes",
            Event(id: "'; --", source: "/%25/'\"", type: "a\\b", subject: "100% \"sure\" _")
        ),
        (
            "extensions of every type",
            Event(
                id: "e1", source: "/", type: "t",
                extensions: [
                    "yes": .boolean(true), "no": .boolean(false), "zero": .integer(0), "one": .integer(1),
                    "least": .integer(.min), "most": .integer(.max), "text": .string("é\"\\\u{2028}"),
                    "empty": .string(""),
                    "textone": .string("1"), "texttrue": .string("true"), "textnull": .string("null"),
                ])
        ),
        ("times at the calendar's ends", Event(id: "e1", source: "/", type: "t", time: .distantPast)),
        ("times before 1970", Event(id: "e1", source: "/", type: "t", time: Timestamp(microsecondsSince1970: -1))),
    ]
}
