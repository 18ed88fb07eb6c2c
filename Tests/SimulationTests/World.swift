import CloudEvents
import Expressions
import Logging
import Nightjar
import NightjarCore
import NightjarTestKit
import Synchronization

/// Several nodes over one store, with handlers that fail, hang and emit, and nodes that die and come back.
final class World: Sendable {
    struct Options: Sendable {
        var nodes = 3
        var events = 24
        var crashes = 4
        /// How often a node stands still for longer than a lease lasts, and goes on as if nothing had been.
        var pauses = 3
        /// A mistake that is planted in every node.
        var mutation: Mutation?
        var faults = NodeStore.Faults(failBefore: 20, failAfter: 20, slow: 15, outage: 4)
    }

    private struct Node {
        var runtime: Runtime
        var store: NodeStore
        var branch: SeededBranch
        var stop: @Sendable () -> Void
    }

    private struct State {
        var generator: SeededGenerator
        var nodes: [Int: Node] = [:]
        var started = 0
        var trace: [String] = []
    }

    let store = MemoryStore()
    let invariants: Invariants
    let simulation: Simulation
    private let options: Options
    private let state: Mutex<State>

    init(seed: UInt64, options: Options = Options()) {
        simulation = Simulation(seed: seed)
        invariants = Invariants(store, clock: simulation.clock)
        self.options = options
        state = Mutex(State(generator: SeededGenerator(seed: seed &* 31 &+ 7)))
    }

    private var clock: SimulatedClock { simulation.clock }

    private func random(_ range: Range<Int>) -> Int {
        state.withLock { Int.random(in: range, using: &$0.generator) }
    }

    /// What happened, in order: the same for the same seed.
    var trace: [String] { state.withLock { $0.trace } }

    private func note(_ line: String) { state.withLock { $0.trace.append("\(clock.now) \(line)") } }

    /// Runs the world to its end, checking after every step.
    func run() throws {
        try simulation.run(afterEachStep: { try invariants.check() }) { [self] in
            await withTaskGroup(of: Void.self) { group in
                for _ in 0..<options.nodes { startNode(&group) }
                for number in 0..<options.events {
                    await pause(upTo: 900)
                    await publish(number, &group)
                    if options.crashes > 0, number % max(1, options.events / options.crashes) == 3 {
                        endNode()
                        await pause(upTo: 2000)
                        startNode(&group)
                    }
                    if options.pauses > 0, number % max(1, options.events / options.pauses) == 5 {
                        await pauseNode()
                    }
                    await cancelSome()
                    await pauseSome()
                    replaceTheDead(&group)
                }
                heal()
                await waitForTheEnd(&group)
                await checkSlots()
                for node in state.withLock({ $0.nodes.sorted { $0.key < $1.key }.map(\.value) }) { node.stop() }
            }
        }
        try invariants.checkEnd()
    }

    private func pause(upTo milliseconds: Int) async {
        try? await clock.sleep(until: clock.now + .milliseconds(random(0..<milliseconds)))
    }

    /// Publishes an event at some node until one of them acknowledges it, as an at-least-once source does.
    private func publish(_ number: Int, _ group: inout TaskGroup<Void>) async {
        // Some come with others of their kind, so that runs of one key wait for each other.
        let events = (0...random(0..<3)).map { companion in
            Event(
                id: "event-\(number)-\(companion)", source: "/test", type: "test.\(number % Self.names.count)",
                dataContentType: "application/json", data: Array(#"{"key":"k\#(random(0..<2))"}"#.utf8))
        }
        while true {
            let nodes = state.withLock { $0.nodes.sorted { $0.key < $1.key }.map(\.value) }
            if !nodes.isEmpty {
                do {
                    let answers = try await nodes[random(0..<nodes.count)].runtime.intake.accept(
                        events.map { IncomingEvent($0) })
                    let job = Self.names[number % Self.names.count]
                    for event in events {
                        invariants.acknowledged(event.id, makesRun: !Self.sharing.contains(job))
                        if job == "batched" { invariants.mustBeDone(event.id) }
                    }
                    note("\(events[0].id) and \(events.count - 1) more: \(answers[0].outcome)")
                    return
                } catch {
                    note("\(events[0].id) refused")
                }
            }
            await pause(upTo: 500)
            // A run that kills its nodes may have killed them all.
            replaceTheDead(&group)
        }
    }

    private func startNode(_ group: inout TaskGroup<Void>) {
        let number = state.withLock { state in
            state.started += 1
            return state.started
        }
        let nodeStore = NodeStore(
            store, clock: clock, seed: simulation.seed &+ UInt64(number) &* 1_000_003, faults: options.faults,
            invariants: invariants, mutation: options.mutation)
        // No two machines agree what time it is.
        let nodeClock = SkewedClock(clock, by: .milliseconds(random(-1000..<1000)))
        let branch = SeededBranch(of: simulation.executor)
        var logger = Logger(label: "simulation", factory: { _ in SwiftLogNoOpLogHandler() })
        logger.logLevel = .critical
        let runtime: Runtime
        do {
            runtime = try Runtime(
                store: nodeStore, jobs: jobs, triggers: Self.triggers,
                configuration: RuntimeConfiguration(
                    node: "node-\(number)", concurrency: 4, lease: .seconds(6), drain: .seconds(3), grace: .seconds(1)),
                time: nodeClock, random: RandomSource(SeededGenerator(seed: simulation.seed &+ UInt64(number))),
                logger: logger)
        } catch {
            preconditionFailure("the simulation's own jobs are wrong: \(error)")
        }
        let (stream, continuation) = AsyncStream.makeStream(of: Void.self)
        state.withLock { state in
            state.nodes[number] = Node(
                runtime: runtime, store: nodeStore, branch: branch, stop: { continuation.finish() })
        }
        note("node-\(number) starts")
        group.addTask {
            await withTaskGroup(of: Void.self) { node in
                node.addTask(executorPreference: branch) {
                    do { try await runtime.run() } catch { preconditionFailure("a node runs once: \(error)") }
                }
                for await _ in stream {}
                node.cancelAll()
            }
        }
    }

    /// Lets a node stand still for longer than a lease lasts: what it settles afterwards may be another's by then.
    private func pauseNode() async {
        let chosen = state.withLock { state -> Node? in
            let numbers = state.nodes.keys.sorted()
            guard numbers.count > 1 else { return nil }
            let number = numbers[Int.random(in: 0..<numbers.count, using: &state.generator)]
            state.trace.append("node-\(number) stands still")
            return state.nodes[number]
        }
        guard let chosen else { return }
        chosen.branch.stop()
        try? await clock.sleep(for: .seconds(random(7..<15)))
        chosen.branch.go()
    }

    /// What is paused now and then.
    private static let pauses = [
        Pause(.job, "limited"), Pause(.trigger, "on-ordered"), Pause(key: "k0", ofJob: "ordered"),
    ]

    /// Pauses something, or resumes it, at some node.
    private func pauseSome() async {
        let pause = Self.pauses[random(0..<Self.pauses.count)]
        await set(pause, isPaused: random(0..<3) == 0)
    }

    private func set(_ pause: Pause, isPaused: Bool) async {
        let nodes = state.withLock { $0.nodes.sorted { $0.key < $1.key }.map(\.value) }
        guard !nodes.isEmpty else { return }
        do {
            try await nodes[random(0..<nodes.count)].runtime.setPaused(pause, isPaused)
            note("\(pause.name) \(pause.key ?? "") \(isPaused ? "paused" : "resumed")")
        } catch {
            note("\(pause.name) \(pause.key ?? "") neither paused nor resumed")
        }
    }

    /// Cancels a run by hand, at some node: every one that is stuck, and now and then another.
    private func cancelSome() async {
        // What a batch has collected is done, for the check at the end: it is not cancelled.
        let all = store.allRuns().filter { !$0.state.isFinished && $0.job != "batched" }
        var chosen = all.filter { $0.job == "stuck" }
        if random(0..<6) == 0, let other = state.withLock({ all.randomElement(using: &$0.generator) }) {
            chosen.append(other)
        }
        let nodes = state.withLock { $0.nodes.sorted { $0.key < $1.key }.map(\.value) }
        guard !nodes.isEmpty else { return }
        for run in chosen {
            do {
                let node = nodes[random(0..<nodes.count)]
                let changes = try await node.runtime.change(.cancel, .ids([run.id]), limit: 1)
                if case .changed(let state)? = changes.first?.outcome { invariants.told(run.id, state) }
                note("\(run.job) \(run.event.id) cancelled: \(changes.map(\.outcome))")
            } catch {
                note("\(run.job) \(run.event.id) not cancelled")
            }
        }
    }

    /// Ends a node: by a crash, or in order, as for a new version of the program.
    /// - Parameter name: which; any if it is `nil`. One that has a name crashes.
    private func endNode(named name: NodeID? = nil) {
        let crashes = name != nil || random(0..<3) > 0
        let victim = state.withLock { state -> Node? in
            let numbers = state.nodes.keys.sorted().filter { name == nil || name == "node-\($0)" }
            guard !numbers.isEmpty else { return nil }
            let number = numbers[Int.random(in: 0..<numbers.count, using: &state.generator)]
            state.trace.append("node-\(number) \(crashes ? "dies" : "is stopped")")
            return state.nodes.removeValue(forKey: number)
        }
        if crashes { victim?.store.die() }
        victim?.stop()
    }

    /// Starts as many nodes as were killed by what they did.
    private func replaceTheDead(_ group: inout TaskGroup<Void>) {
        for _ in state.withLock({ $0.nodes.count })..<max(options.nodes, state.withLock { $0.nodes.count }) {
            startNode(&group)
        }
    }

    private func heal() {
        for node in state.withLock({ $0.nodes.values.map(\.store) }) { node.heal() }
    }

    /// Gives every run the time to end; the check afterwards says whether it did.
    private func waitForTheEnd(_ group: inout TaskGroup<Void>) async {
        for _ in 0..<300 {
            if store.allRuns().allSatisfy(\.state.isFinished), !store.allRuns().isEmpty { return }
            await cancelSome()
            for pause in Self.pauses { await set(pause, isPaused: false) }
            replaceTheDead(&group)
            heal()
            try? await clock.sleep(until: clock.now + .seconds(2))
        }
    }

    /// A node at rest has all its slots free.
    private func checkSlots() async {
        try? await clock.sleep(for: .seconds(60))
        for (number, node) in state.withLock({ $0.nodes.sorted { $0.key < $1.key } }) {
            do {
                for job in try await node.runtime.jobs() where job.running != 0 {
                    invariants.record(
                        BrokenRule(
                            rule: 7, detail: "node-\(number) at rest has \(job.running) slots of \(job.name) in use"))
                }
            } catch {
                preconditionFailure("a healed store failed: \(error)")
            }
        }
    }

    // MARK: Jobs

    /// The jobs that an event of their own starts.
    private static let names = [
        "quick", "flaky", "emitter", "hanging", "hopeless", "snoozing", "stuck", "ordered", "limited", "heavy",
        "expiring", "killer", "unique", "batched", "debounced", "rated",
    ]

    /// The jobs whose events may have no run of their own: another stands for it, or they joined one.
    static let sharing: Set<String> = ["unique", "batched", "debounced"]

    private static let triggers: [Trigger] =
        names.enumerated().map { index, job in
            Trigger(
                "on-\(job)", kind: "event", origin: .bus(EventFilter(types: ["test.\(index)"])),
                start: index % 3 == 0 ? [job, "quick"] : [job], delay: index == 2 ? .seconds(1) : .zero)
        } + [Trigger("on-emitted", kind: "event", origin: .bus(EventFilter(types: ["emitted"])), start: ["quick"])]

    private var jobs: [Job] {
        let retry = RetryPolicy(attempts: 4, from: .milliseconds(300), upTo: .seconds(5), snoozes: 5, crashes: 6)
        func job(
            _ name: String, timeout: Duration? = nil, concurrency: Int? = nil, expires: Duration? = nil,
            weight: Int = 1, rate: RateLimit? = nil, perKey: KeyPolicy? = nil, unique: UniquePolicy? = nil,
            batch: BatchPolicy? = nil,
            debounce: DebouncePolicy? = nil,
            _ body: @escaping @Sendable (RunContext) async throws -> Void
        ) -> Job {
            let policy = JobPolicy(
                retry: retry, timeout: timeout, concurrency: concurrency, expires: expires, weight: weight,
                rate: rate,
                key: perKey == nil ? nil : Self.key, perKey: perKey ?? KeyPolicy(), unique: unique,
                debounce: debounce, batch: batch)
            return Job(name, policy: policy) { [weak self] context in
                self?.invariants.handler(on: context.node, takes: weight)
                defer { self?.invariants.handler(on: context.node, takes: -weight) }
                self?.note("\(context.job) \(context.event.id) attempt \(context.attempt) on \(context.node)")
                try await body(context)
            }
        }
        return [
            job("quick") { [self] _ in try await work(upTo: 400) },
            job("flaky", concurrency: 1) { [self] context in
                try await work(upTo: 800)
                context.report(0.5, "half")
                if random(0..<3) > 0 { throw RunFailure("unlucky") }
            },
            job("emitter") { [self] context in
                try context.emit(Event(id: "from-\(context.id)", source: "/jobs/emitter", type: "emitted"))
                try await work(upTo: 600)
                if random(0..<4) == 0 { throw RunFailure("unlucky after emitting") }
            },
            job("hanging", timeout: .seconds(4)) { [self] _ in
                if random(0..<2) == 0 { try await clock.sleep(until: .distantFuture) }
            },
            job("ordered", perKey: KeyPolicy(isOrdered: true)) { [self] _ in
                try await work(upTo: 700)
                if random(0..<3) == 0 { throw RunFailure("unlucky") }
            },
            job("limited", perKey: KeyPolicy(concurrency: 2)) { [self] _ in try await work(upTo: 1500) },
            job("heavy", weight: 3) { [self] _ in try await work(upTo: 900) },
            job("expiring", concurrency: 1, expires: .seconds(2)) { [self] _ in try await work(upTo: 3000) },
            job("killer") { [self] context in
                await Task.yield()
                endNode(named: context.node)
                try await clock.sleep(until: .distantFuture)
            },
            job("unique", unique: UniquePolicy(key: Self.key)) { [self] _ in try await work(upTo: 2000) },
            job("debounced", debounce: DebouncePolicy(wait: .seconds(1), atMost: .seconds(4))) { [self] _ in
                try await work(upTo: 300)
            },
            job("rated", rate: RateLimit(2, per: .seconds(3), burst: 1)) { [self] _ in try await work(upTo: 300) },
            job("batched", batch: BatchPolicy(size: 4, within: .seconds(2))) { [self] context in
                try await work(upTo: 800)
                // An item fails in its first attempts only.
                var failures: [Int: String] = [:]
                for index in context.items.indices where context.attempt < 3 && random(0..<3) == 0 {
                    failures[index] = "unlucky"
                }
                invariants.did(
                    context, context.items.indices.filter { failures[$0] == nil }.map { context.items[$0].id })
                if !failures.isEmpty { throw BatchFailure(items: failures) }
            },
            // Ends only when someone cancels it.
            job("stuck") { [self] _ in try await clock.sleep(until: .distantFuture) },
            job("hopeless") { _ in throw RunFailure.never("no hope") },
            job("snoozing") { [self] _ in
                if random(0..<2) == 0 { throw RunFailure.snooze(.seconds(1)) }
                // Longer than a lease: only renewals keep it.
                try await clock.sleep(until: clock.now + .seconds(9))
            },
        ]
    }

    private static let key: CELExpression? = try? CELExpression("event.data.key", in: .event)

    private func work(upTo milliseconds: Int) async throws {
        try await clock.sleep(until: clock.now + .milliseconds(random(1..<milliseconds)))
    }
}
