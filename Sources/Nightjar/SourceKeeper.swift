import CloudEvents
import Logging
import NightjarCore
import Synchronization

/// Runs the sources of triggers: starts them, starts them again when they fail, and stops those that a reload took away.
final class SourceKeeper: Sendable {
    private enum StopCause: Sendable { case replaced }

    private struct Running {
        var identity: String
        var gate: StopGate<StopCause>
        var health = SourceHealth.starting
    }

    private struct State {
        var wanted: [String: Trigger] = [:]
        var running: [String: Running] = [:]
        var isStopping = false
    }

    private let store: any RunStore
    private let intake: any Intake
    private let time: any TimeSource
    private let random: RandomSource
    private let logger: Logger
    private let backoff = RetryPolicy(attempts: .max, from: .milliseconds(500), upTo: .seconds(30))
    private let state = Mutex(State())
    private let changed = Signal()

    init(store: any RunStore, intake: any Intake, time: any TimeSource, random: RandomSource, logger: Logger) {
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

    /// Sets the triggers whose sources are to run.
    func configure(_ triggers: [Trigger]) {
        state.withLock { state in
            state.wanted = [:]
            for trigger in triggers {
                if case .source = trigger.origin { state.wanted[trigger.name] = trigger }
            }
            for (name, running) in state.running where state.wanted[name]?.identity != running.identity {
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
                state.running[name] = Running(identity: trigger.identity, gate: gate)
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
            trigger: trigger.name, intake: intake,
            state: { [store] in try await store.sourceState(trigger: trigger.name) },
            health: { [weak self] in self?.setHealth($0, of: trigger) }, time: time, logger: logger)
        var failures = 0
        while !Task.isCancelled {
            let startedAt = time.elapsed
            do {
                try await source.run(context)
                if Task.isCancelled { return }
                setHealth(.failing("the source ended; it is started again"), of: trigger)
            } catch {
                if Task.isCancelled { return }
                setHealth(.failing("\(error)"), of: trigger)
                logger.error("a source failed and is started again", metadata: ["error": "\(error)"])
            }
            // A source that worked for a while has not failed again, but anew.
            failures = time.elapsed - startedAt > .seconds(60) ? 1 : failures + 1
            let wait = random.withGenerator { backoff.delay(afterFailure: failures, using: &$0) }
            do { try await time.sleep(for: wait) } catch { return }
        }
    }

    private func setHealth(_ health: SourceHealth, of trigger: Trigger) {
        state.withLock { state in
            guard state.running[trigger.name]?.identity == trigger.identity else { return }
            state.running[trigger.name]?.health = health
        }
    }
}
