import CloudEvents
import Logging
import Nightjar
import NightjarCore
import NightjarTestKit
import Synchronization
import Testing

/// What happened, in order.
final class Journal: Sendable {
    private let lines = Mutex<[String]>([])
    var all: [String] { lines.withLock { $0 } }
    func note(_ line: String) { lines.withLock { $0.append(line) } }
}

/// Notes the messages that are logged.
struct JournalLogHandler: LogHandler {
    let journal: Journal
    var metadata: Logger.Metadata = [:]
    var logLevel = Logger.Level.trace

    init(_ journal: Journal) {
        self.journal = journal
    }

    subscript(metadataKey key: String) -> Logger.Metadata.Value? {
        get { metadata[key] }
        set { metadata[key] = newValue }
    }

    func log(event: LogEvent) { journal.note("\(event.message)") }
}

/// One node in a simulation, cancelled when `body` returns.
func withNode(
    seed: UInt64, configuration: RuntimeConfiguration, triggers: [Trigger] = [], hooks: HookedStore = HookedStore(),
    log: Journal = Journal(), job: @escaping @Sendable (SimulatedClock) -> Job,
    _ body: @escaping @Sendable (Runtime, MemoryStore, SimulatedClock) async throws -> Void
) throws {
    let simulation = Simulation(seed: seed)
    let runtime = try Runtime(
        store: hooks, jobs: [job(simulation.clock)], triggers: triggers, configuration: configuration,
        time: simulation.clock, random: RandomSource(SeededGenerator(seed: seed)),
        logger: Logger(label: "test") { _ in JournalLogHandler(log) })
    let failures = Journal()
    try simulation.run {
        await withTaskGroup(of: Void.self) { group in
            group.addTask {
                do { try await runtime.run() } catch { failures.note("\(error)") }
            }
            do { try await body(runtime, hooks.memory, simulation.clock) } catch { failures.note("\(error)") }
            group.cancelAll()
        }
    }
    #expect(failures.all == [])
}

/// Starts a job by hand.
func startRun(_ job: String, on runtime: Runtime, event id: String = "1") async throws -> RunID {
    let event = Event(id: id, source: "/test", type: "test")
    return try await runtime.intake.accept([IncomingEvent(event, to: .job(job, runAt: nil))])[0].runs[0]
}
