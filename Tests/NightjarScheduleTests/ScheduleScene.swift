import CloudEvents
import Logging
import Nightjar
import NightjarCore
import NightjarTestKit
import Synchronization

@testable import NightjarSchedule

/// A clock that can be set while time goes on evenly.
final class SettableTime: TimeSource {
    private let clock: SimulatedClock
    private let ahead = Mutex(Duration.zero)

    init(_ clock: SimulatedClock) { self.clock = clock }

    func set(by duration: Duration) { ahead.withLock { $0 += duration } }

    var now: Timestamp { clock.now + ahead.withLock { $0 } }
    var elapsed: Duration { clock.elapsed }
    func sleep(until deadline: Timestamp) async throws { try await clock.sleep(for: deadline - now) }
    func sleep(for duration: Duration) async throws { try await clock.sleep(for: duration) }
}

/// An intake that says it is full as long as it is told to.
final class Door: Intake {
    private let intake: any Intake
    private let isShut = Mutex(false)
    private let calls = Mutex(0)

    init(_ intake: any Intake) { self.intake = intake }

    var offered: Int { calls.withLock { $0 } }

    func shut(_ isShut: Bool) { self.isShut.withLock { $0 = isShut } }

    func accept(_ batch: [IncomingEvent]) async throws(IntakeError) -> [Acceptance] {
        calls.withLock { $0 += batch.count }
        if isShut.withLock({ $0 }) { throw IntakeError(.full, "full", retryAfter: .seconds(2)) }
        return try await intake.accept(batch)
    }
}

/// Nodes that run one schedule's source over one store in memory. They take events, and do no jobs.
final class ScheduleScene: Sendable {
    static let start = Timestamp(microsecondsSince1970: 1_800_000_000_000_000)  // 2027-01-15T08:00:00Z

    let simulation: Simulation
    let store = MemoryStore()
    private let failures = Mutex<[String]>([])
    private let healths = Mutex<[SourceHealth]>([])

    init(seed: UInt64 = 1) { simulation = Simulation(seed: seed) }

    var clock: SimulatedClock { simulation.clock }
    var errors: [String] { failures.withLock { $0 } }
    var health: [SourceHealth] { healths.withLock { $0 } }

    /// The runs' planned times as `HH:MM:SS`, in the order in which they were made.
    var runs: [String] {
        store.allRuns().compactMap { ($0.event.time?.rfc3339).map { String($0.dropFirst(11).dropLast()) } }
    }

    /// What an intake of a node is.
    func door(_ time: any TimeSource) throws -> Door {
        let job = Job("work") { _ in }
        let runtime = try Runtime(
            store: store, jobs: [job], triggers: [Trigger("t", kind: "every", origin: .external, start: ["work"])],
            time: time)
        return Door(runtime.intake)
    }

    /// Runs nodes while `body` goes on.
    func run(
        _ schedule: Schedule, _ options: ScheduleOptions = ScheduleOptions(), nodes: Int = 1,
        time: (any TimeSource)? = nil, door: Door? = nil,
        while body: @escaping @Sendable () async throws -> Void
    ) async {
        let time = time ?? clock
        await withTaskGroup(of: Void.self) { group in
            for _ in 0..<nodes {
                group.addTask {
                    do {
                        let intake = try door ?? self.door(time)
                        try await ScheduleSource(schedule, options).run(
                            SourceContext(
                                trigger: "t", intake: intake,
                                state: { try await self.store.sourceState(trigger: "t") },
                                health: { health in self.healths.withLock { $0.append(health) } }, time: time,
                                logger: Logger(label: "test") { _ in SwiftLogNoOpLogHandler() }))
                    } catch is CancellationError {
                    } catch { self.failures.withLock { $0.append("\(error)") } }
                }
            }
            do { try await body() } catch { failures.withLock { $0.append("\(error)") } }
            group.cancelAll()
        }
    }

    /// Runs nodes for a while.
    func run(
        _ schedule: Schedule, _ options: ScheduleOptions = ScheduleOptions(), nodes: Int = 1, for duration: Duration
    ) async {
        await run(schedule, options, nodes: nodes) { try await self.clock.sleep(for: duration) }
    }
}
