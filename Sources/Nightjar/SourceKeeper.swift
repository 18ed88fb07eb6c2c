import CloudEvents
import Logging
import Metrics
import NightjarCore
import Synchronization

/// Runs the sources of triggers: starts them, starts them again when they fail, and stops those that a reload took away.
final class SourceKeeper: Sendable {
    private enum StopCause: Sendable { case replaced }

    private struct Running {
        var identity: String
        var gate: StopGate<StopCause>
        var health = SourceHealth.starting
        /// What its system says waits there; `nil` if it does not say.
        var waiting: Int?
        var reconnects = 0
    }

    private struct State {
        var wanted: [String: Trigger] = [:]
        var running: [String: Running] = [:]
        var isStopping = false
    }

    private let store: any RunStore
    private let intake: any Intake
    private let direct: DirectRunner
    private let time: any TimeSource
    private let random: RandomSource
    private let logger: Logger
    private let backoff = RetryPolicy(attempts: .max, from: .milliseconds(500), upTo: .seconds(30))
    private let state = Mutex(State())
    private let changed = Signal()

    init(
        store: any RunStore, intake: any Intake, direct: DirectRunner, time: any TimeSource, random: RandomSource,
        logger: Logger
    ) {
        self.direct = direct
        self.store = store
        self.intake = intake
        self.time = time
        self.random = random
        self.logger = logger
    }

    /// How the source of a trigger fares; triggers without a source of their own always run.
    func health(of trigger: Trigger) -> SourceHealth {
        guard case .source = trigger.origin else { return .running }
        return state.withLock { $0.running[trigger.name]?.health } ?? .starting
    }

    /// What the system of a trigger's source was last said to hold for it, and how often it was connected anew.
    func measures(of trigger: Trigger) -> (waiting: Int?, reconnects: Int) {
        state.withLock { state in
            let running = state.running[trigger.name]
            return (running?.waiting, running?.reconnects ?? 0)
        }
    }

    /// Sets the triggers whose sources are to run.
    func configure(_ triggers: [Trigger]) {
        state.withLock { state in
            state.wanted = [:]
            for trigger in triggers {
                if case .source = trigger.origin { state.wanted[trigger.name] = trigger }
            }
            for (name, running) in state.running where state.wanted[name]?.sourceIdentity != running.identity {
                running.gate.stop(.replaced)
            }
        }
        changed.notify()
    }

    /// Runs sources until the task is cancelled.
    func run() async {
        await withDiscardingTaskGroup { group in
            while !Task.isCancelled {
                for (trigger, gate) in takeUnstarted() {
                    group.addTask {
                        _ = await gate.run { await self.keepRunning(trigger) }
                        self.state.withLock { _ = $0.running.removeValue(forKey: trigger.name) }
                        self.changed.notify()
                    }
                }
                await changed.waitUnlessCancelled()
            }
        }
    }

    private func takeUnstarted() -> [(Trigger, StopGate<StopCause>)] {
        state.withLock { state in
            var unstarted: [(Trigger, StopGate<StopCause>)] = []
            for (name, trigger) in state.wanted.sorted(by: { $0.key < $1.key }) where state.running[name] == nil {
                let gate = StopGate<StopCause>()
                state.running[name] = Running(identity: trigger.sourceIdentity, gate: gate)
                unstarted.append((trigger, gate))
            }
            return unstarted
        }
    }

    private func keepRunning(_ trigger: Trigger) async {
        guard case .source(let source) = trigger.origin else { return }
        var logger = logger
        logger[metadataKey: "trigger"] = "\(trigger.name)"
        let context = SourceContext(
            trigger: trigger.name,
            intake: trigger.delivery == .direct ? DirectIntake(trigger: trigger.name, runner: direct) : intake,
            state: { [store] in try await store.sourceState(trigger: trigger.name) },
            health: { [weak self] in self?.setHealth($0, of: trigger) },
            measure: { [weak self] in self?.note($0, of: trigger) }, time: time, logger: logger)
        var failures = 0
        var lastReason = ""
        while !Task.isCancelled {
            let startedAt = time.elapsed
            do {
                try await source.run(context)
                if Task.isCancelled { return }
                setHealth(.failing("the source ended; it is started again"), of: trigger)
            } catch {
                if Task.isCancelled { return }
                // The same again and again is said once, until it has worked meanwhile.
                let isKnown = health(of: trigger) != .running && "\(error)" == lastReason
                setHealth(.failing("\(error)"), of: trigger)
                lastReason = "\(error)"
                logger.log(
                    level: isKnown ? .debug : .error, "a source failed and is started again until it works",
                    metadata: ["error": "\(error)"])
            }
            // A source that worked for a while has not failed again, but anew.
            failures = time.elapsed - startedAt > .seconds(60) ? 1 : failures + 1
            let wait = random.withGenerator { backoff.delay(afterFailure: failures, using: &$0) }
            do { try await time.sleep(for: wait) } catch { return }
        }
    }

    private func setHealth(_ health: SourceHealth, of trigger: Trigger) {
        let before = state.withLock { state -> SourceHealth? in
            guard state.running[trigger.name]?.identity == trigger.sourceIdentity else { return nil }
            defer { state.running[trigger.name]?.health = health }
            return state.running[trigger.name]?.health
        }
        if case .failing? = before, health == .running {
            logger.info("a source works again", metadata: ["trigger": "\(trigger.name)"])
        }
    }

    private func note(_ measure: SourceMeasure, of trigger: Trigger) {
        let dimensions = [("trigger", trigger.name)]
        switch measure {
        case .waiting(let count):
            Gauge(label: "nightjar_source_waiting", dimensions: dimensions).record(count)
        case .reconnected:
            Counter(label: "nightjar_source_reconnects", dimensions: dimensions).increment()
        }
        state.withLock { state in
            guard state.running[trigger.name]?.identity == trigger.sourceIdentity else { return }
            switch measure {
            case .waiting(let count): state.running[trigger.name]?.waiting = count
            case .reconnected: state.running[trigger.name]?.reconnects += 1
            }
        }
    }
}

extension Trigger {
    /// Changes when the source has to be started anew.
    fileprivate var sourceIdentity: String { "\(delivery.rawValue) \(identity)" }
}
