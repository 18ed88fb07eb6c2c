import CloudEvents
import NightjarCore

extension RunStoreConformance {
    /// Events that are kept to be decided on again.
    static let replayCases: [RunStoreCase] = addresseeCases + eventQueryCases + replayDecisionCases + boundCases

    private static func refusal(_ trigger: String, _ reason: String, job: String? = nil) -> Decision {
        Decision(trigger: trigger, job: job, outcome: .refused, reason: reason)
    }

    private static let addresseeCases: [RunStoreCase] = [
        .scene("whom an event was for is kept with it, and stays when it comes again for another") { scene in
            let addressees: [EventAddressee] = [
                .bus, .trigger("inbox"), .trigger("hooks", isIdentified: false), .job("send"),
            ]
            for (number, addressee) in addressees.enumerated() {
                var record = scene.record("e\(number)", [])
                record.addressee = addressee
                _ = try await scene.store.accept([record])
                record.addressee = .bus
                _ = try await scene.store.accept([record])
                try expect("the addressee", try await scene.record(of: "e\(number)").addressee, addressee)
            }
            let listed = try await scene.store.events(after: 0, limit: 9).map(\.addressee)
            try expect("in a list", listed, addressees)
        }
    ]

    private static let eventQueryCases: [RunStoreCase] = [
        .scene("events are found by time, type, source and whether they have runs, page after page") { scene in
            for number in 1...9 {
                let runs = number % 3 == 0 ? [scene.newRun("send")] : []
                var record = scene.record("e\(number)", runs, at: number)
                record.event.type = number < 5 ? "order.placed" : "order.paid"
                record.event.source = number % 2 == 0 ? "/even" : "/odd"
                _ = try await scene.store.accept([record])
            }
            let queries: [(EventQuery, [Int])] = [
                (EventQuery(), Array(1...9)), (EventQuery(isUnmatched: true), [1, 2, 4, 5, 7, 8]),
                (EventQuery(acceptedFrom: scene.second(3), acceptedUntil: scene.second(5)), [3, 4, 5]),
                (EventQuery(filter: EventFilter(types: ["order.paid"])), [5, 6, 7, 8, 9]),
                (EventQuery(filter: EventFilter(types: ["order.*"], sources: ["/e*"])), [2, 4, 6, 8]),
                (
                    EventQuery(
                        isUnmatched: true, filter: EventFilter(sources: ["/odd"]), acceptedFrom: scene.second(2)),
                    [5, 7]
                ),
                (EventQuery(filter: EventFilter(types: ["order"])), []),
            ]
            for (query, expected) in queries {
                for limit in [2, 9] {
                    var query = query
                    query.limit = limit
                    var found: [EventRecord] = []
                    while case let page = try await scene.store.events(query), let last = page.last {
                        try expect("at most the limit", page.count <= limit)
                        found += page
                        query.after = last.sequence
                    }
                    try expect("the events of \(query)", found.map(\.event.id), expected.map { "e\($0)" })
                }
            }
            let none = try await scene.store.events(EventQuery(limit: 0))
            try expect("a limit of zero", none, [])
        },
        .scene("a page of events ends with the one that fills it") { scene in
            for number in 1...4 {
                var record = scene.record("e\(number)", [])
                record.event.data = [UInt8](repeating: 0x20, count: 100)
                _ = try await scene.store.accept([record])
            }
            let sizes = [(1, 1), (100, 1), (101, 2), (300, 3), (1000, 4)]
            for (bytes, expected) in sizes {
                let page = try await scene.store.events(EventQuery(isUnmatched: true, mostBytes: bytes))
                try expect("a page of \(bytes) bytes", page.count, expected)
            }
        },
        .scene("an event that makes a run when it is decided on again is no longer among those without") { scene in
            _ = try await scene.store.accept([scene.record("e1", []), scene.record("e2", [])])
            var again = scene.record("e1", [scene.newRun("send")], at: 5)
            again.isReplay = true
            _ = try await scene.store.accept([again])
            let left = try await scene.store.events(EventQuery(isUnmatched: true)).map(\.event.id)
            try expect("those without", left, ["e2"])
        },
    ]

    private static let replayDecisionCases: [RunStoreCase] = [
        .scene("an event that is decided on again makes runs for the jobs that have none, with the present time") {
            scene in
            let first = scene.newRun("send")
            _ = try await scene.store.accept([scene.record("e1", [first])])
            let other = scene.newRun("send")
            let second = scene.newRun("index")
            var again = scene.record("e1", [other, second], at: 50)
            again.isReplay = true
            let answers = try await scene.store.accept([again])
            let answer = Acceptance(source: "/orders", id: "e1", outcome: .duplicate, runs: [first.id, second.id])
            try expect("the answer", answers, [answer])
            try expect("the other is not made", try await scene.store.run(other.id), nil)
            try expect("when it was accepted", try await scene.run(second.id).createdAt, scene.second(50))
            try expect("the event's time stays", try await scene.record(of: "e1").acceptedAt, scene.second(0))
        },
        .scene("new refusals replace those of the same triggers, and a start those of its trigger") { scene in
            let old = [refusal("a", "old a"), refusal("b", "old b", job: "send"), refusal("c", "old c")]
            _ = try await scene.store.accept([scene.record("e1", [], refusals: old)])
            var again = scene.record(
                "e1", [scene.newRun("send", trigger: "b")], at: 5, refusals: [refusal("a", "new a")])
            again.isReplay = true
            _ = try await scene.store.accept([again])
            let reasons = try await scene.record(of: "e1").decisions.compactMap(\.reason)
            try expect("the refusals", reasons, ["old c", "new a"])
        },
        .scene("what comes again without being decided on again leaves the refusals as they were") { scene in
            _ = try await scene.store.accept([scene.record("e1", [], refusals: [refusal("a", "old")])])
            _ = try await scene.store.accept([scene.record("e1", [], at: 5, refusals: [refusal("a", "new")])])
            let reasons = try await scene.record(of: "e1").decisions.compactMap(\.reason)
            try expect("the refusals", reasons, ["old"])
        },
        .scene("a rate that drops the run of an event that is decided on again is told as its refusal") { scene in
            let rate = RateLimit(1, per: .seconds(100), excess: .drop)
            for (number, id) in ["e1", "e2"].enumerated() {
                _ = try await scene.store.accept([scene.record(id, [], refusals: [refusal("orders", "old")])])
                var run = scene.newRun("send")
                run.dropsBeyond.job = rate
                var again = scene.record(id, [run], at: 5)
                again.isReplay = true
                let answers = try await scene.store.accept([again])
                try expect("its runs", answers.first?.runs ?? [], number == 0 ? [run.id] : [])
            }
            let decisions = try await scene.record(of: "e2").decisions
            try expect("the refusals", decisions, [refusal("orders", rate.dropReason, job: "send")])
        },
        .scene("an event that is known no longer is not taken when it is decided on again") { scene in
            var again = scene.record("e1", [scene.newRun("send")])
            again.isReplay = true
            let answers = try await scene.store.accept([again])
            let nothing = Acceptance(source: "/orders", id: "e1", outcome: .duplicate, runs: [])
            try expect("the answer", answers, [nothing])
            try expect("the event", try await scene.store.events(id: "e1", source: nil), [])
            try expect("the run", try await scene.store.runs(RunQuery()).runs, [])
        },
    ]

    private static let boundCases: [RunStoreCase] = [
        .scene("of the events without runs the newest are kept, those with runs whatever their number") { scene in
            for number in 1...8 {
                let runs = number % 4 == 0 ? [scene.newRun("send")] : []
                _ = try await scene.store.accept([scene.record("e\(number)", runs, at: number)])
            }
            try expect("enough room", try await scene.store.pruneUnmatched(keeping: 6, limit: 9), 0)
            try expect("at most the limit", try await scene.store.pruneUnmatched(keeping: 2, limit: 3), 3)
            try expect("the rest", try await scene.store.pruneUnmatched(keeping: 2, limit: 3), 1)
            try expect("no more", try await scene.store.pruneUnmatched(keeping: 2, limit: 3), 0)
            let left = try await scene.store.events(after: 0, limit: 9).map(\.event.id)
            try expect("what is kept", left, ["e4", "e6", "e7", "e8"])
            try expect("a limit of zero", try await scene.store.pruneUnmatched(keeping: 0, limit: 0), 0)
            try expect("none kept", try await scene.store.pruneUnmatched(keeping: 0, limit: 9), 2)
            try expect("those with runs", try await scene.store.events(after: 0, limit: 9).count, 2)
        }
    ]
}
