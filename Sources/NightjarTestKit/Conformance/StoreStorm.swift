import CloudEvents
import NightjarCore
import Synchronization

/// Many tasks that do random things to one store, keep books of what it promised, and compare when all are done.
struct StoreStorm: Sendable {
    /// What the store promised.
    private struct Ledger {
        /// The runs of every event that was acknowledged.
        var accepted: [String: [RunID]] = [:]
        var tokens: Set<FencingToken> = []
        /// How often a completion was confirmed.
        var completions: [RunID: Int] = [:]
        var finished: Set<RunID> = []
        var violations: [String] = []
    }

    private final class Books: Sendable {
        let ledger = Mutex(Ledger())
    }

    let scene: StoreScene
    var taskCount: Int
    var roundCount: Int
    var seed: UInt64

    private static let jobs = ["send", "index", "charge"]
    private let books = Books()

    init(scene: StoreScene, taskCount: Int, roundCount: Int, seed: UInt64) {
        self.scene = scene
        self.taskCount = taskCount
        self.roundCount = roundCount
        self.seed = seed
    }

    func run() async throws {
        try await withThrowingTaskGroup(of: Void.self) { group in
            for task in 0..<taskCount {
                group.addTask { try await blow(task) }
            }
            try await group.waitForAll()
        }
        try await finishWhatIsLeft()
        try await compare()
    }

    private func blow(_ task: Int) async throws {
        var random = SeededGenerator(seed: seed &+ UInt64(task))
        var inHand: [ClaimedRun] = []
        for round in 0..<roundCount {
            switch Int.random(in: 0..<10, using: &random) {
            case 0...2: try await accept(&random)
            case 3...5: inHand += try await claim(task, round)
            case 6...8:
                if !inHand.isEmpty {
                    try await settle(inHand.removeFirst(), round, &random)
                }
            default: try await meddle(inHand.last, round, &random)
            }
        }
        for claimed in inHand { try await settle(claimed, roundCount, &random) }
    }

    /// Events collide on purpose: few ids, many tasks.
    private func accept(_ random: inout SeededGenerator) async throws {
        let number = Int.random(in: 0..<(taskCount * roundCount / 4), using: &random)
        let jobs = Self.jobs.prefix(Int.random(in: 1...Self.jobs.count, using: &random))
        let record = scene.record("event-\(number)", jobs.map { scene.newRun($0) })
        let answers = try await scene.store.accept([record])
        let runs = try require("an answer", answers.first).runs
        try expect("an answer names a run for each job", runs.count, jobs.count)
        books.ledger.withLock { ledger in
            let known = ledger.accepted["event-\(number)"] ?? []
            // The same jobs have to be answered with the same runs, whoever asked first.
            if zip(known, runs).contains(where: { $0 != $1 }) {
                ledger.violations.append("event-\(number) was answered with \(runs) after \(known)")
            }
            if runs.count > known.count { ledger.accepted["event-\(number)"] = runs }
        }
    }

    private func claim(_ task: Int, _ round: Int) async throws -> [ClaimedRun] {
        let claimed = try await scene.claim(Self.jobs, limit: 2, total: 4, node: "node-\(task)", at: round, lasting: 90)
        books.ledger.withLock { ledger in
            for run in claimed where !ledger.tokens.insert(run.lease.token).inserted {
                ledger.violations.append("the token \(run.lease.token) was given out twice")
            }
        }
        return claimed
    }

    private func settle(_ claimed: ClaimedRun, _ round: Int, _ random: inout SeededGenerator) async throws {
        let now = scene.second(round)
        let history = RunHistory(failures: claimed.history.failures + 1)
        let transition: Settlement.Transition =
            switch Int.random(in: 0..<10, using: &random) {
            case 0...4: .complete(result: nil)
            case 5...6: .retry(at: now, history: history)
            case 7: .retry(at: now + .seconds(1), history: history)
            case 8: .release
            default: .die(reason: "the storm took it", history: history)
            }
        note(claimed, try await scene.settle(claimed, transition, at: round))
    }

    private func note(_ claimed: ClaimedRun, _ result: SettleResult) {
        books.ledger.withLock { ledger in
            switch result {
            case .leaseLost:
                ledger.violations.append("\(claimed.lease.run) lost its lease though nobody could have taken it")
            case .settled(.completed, _):
                ledger.completions[claimed.lease.run, default: 0] += 1
                ledger.finished.insert(claimed.lease.run)
            case .settled(.dead, _):
                ledger.finished.insert(claimed.lease.run)
            case .settled:
                break
            }
        }
    }

    private func meddle(_ mine: ClaimedRun?, _ round: Int, _ random: inout SeededGenerator) async throws {
        if let mine {
            let leases = [mine.lease]
            let answers = try await scene.store.renew(leases, until: scene.second(round + 90), now: scene.second(round))
            try expect("a live lease is renewed", answers, [.renewed])
            try await scene.store.report([(mine.lease, Progress(0.5))])
        }
        _ = try await scene.store.runs(RunQuery(limit: 5))
        _ = try await scene.store.counts()
        _ = try await scene.store.expired(now: scene.second(round), limit: 5)
    }

    private func finishWhatIsLeft() async throws {
        for round in 0..<10_000 {
            let claimed = try await scene.claim(Self.jobs, node: "last", at: 1000 + round)
            if claimed.isEmpty { return }
            for run in claimed {
                note(run, try await scene.settle(run, .complete(result: nil), at: 1000 + round))
            }
        }
    }

    private func compare() async throws {
        let ledger = books.ledger.withLock { $0 }
        try expect("no promise was broken", ledger.violations, [])
        try expect("no run completed twice", ledger.completions.filter { $0.value > 1 }.count, 0)
        let accepted = Set(ledger.accepted.values.joined())
        try expect("every accepted run finished, and no other", ledger.finished, accepted)
        try expect("the store's own books", try await RunStoreInvariants.violations(in: scene.store), [])
        let counts = try await scene.store.counts().values.reduce(0) { sum, states in
            sum + states.filter { $0.key != .dead }.values.reduce(0, +)
        }
        try expect("nothing waits", counts, 0)
        for id in accepted.sorted() {
            let run = try await scene.run(id)
            try expect("it is finished", run.state.isFinished)
            try expect("its attempts are numbered", run.attempts.map(\.number), Array(1...max(1, run.attempts.count)))
        }
    }
}
