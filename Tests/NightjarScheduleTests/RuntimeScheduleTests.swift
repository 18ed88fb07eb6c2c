import CloudEvents
import Nightjar
import NightjarCore
import NightjarSchedule
import NightjarTestKit
import Synchronization
import Testing

@Suite("Schedules in a runtime")
struct RuntimeScheduleTests {
    private final class Journal: Sendable {
        private let lines = Mutex<[String]>([])
        var all: [String] { lines.withLock { $0 } }
        func note(_ line: String) { lines.withLock { $0.append(line) } }
    }

    private let job = Job("work") { _ in }

    @Test("a job is done at each tick, once over all nodes", arguments: 1...10)
    func done(seed: Int) throws {
        let simulation = Simulation(seed: UInt64(seed))
        let store = MemoryStore()
        let journal = Journal()
        let job = Job("work") { run in journal.note(run.event.id) }
        let schedule = try Schedule.cron("*/5 * * * * *")
        let trigger = Trigger("t", kind: "cron", origin: .source(ScheduleSource(schedule)), start: ["work"])
        let runtimes = try (1...2).map { number in
            try Runtime(
                store: store, jobs: [job], triggers: [trigger],
                configuration: RuntimeConfiguration(node: "n\(number)"), time: simulation.clock,
                random: RandomSource(SeededGenerator(seed: UInt64(number))))
        }
        let failures = Journal()
        try simulation.run {
            await withTaskGroup(of: Void.self) { group in
                for runtime in runtimes {
                    group.addTask {
                        do { try await runtime.run() } catch { failures.note("\(error)") }
                    }
                }
                do { try await simulation.clock.sleep(for: .milliseconds(31_500)) } catch { failures.note("\(error)") }
                group.cancelAll()
            }
        }
        #expect(failures.all == [])
        let ids = journal.all
        #expect(ids.sorted() == ids && Set(ids).count == 6 && ids.count == 6)
        #expect(store.allRuns().allSatisfy { $0.state == .completed })
    }

    @Test("On takes schedules as values")
    func on() async throws {
        let runtime = try Runtime(store: MemoryStore()) {
            On(.cron("0 3 * * *", timeZone: "Asia/Ho_Chi_Minh"), start: job)
            On(.every(.seconds(300), jitter: .seconds(10)), name: "often", start: job)
            On(.schedule(.every(.seconds(60)), ScheduleOptions(missed: .all)), name: "always", start: job)
        }
        let triggers = try await runtime.triggers()
        #expect(triggers.map(\.name) == ["cron-work", "often", "always"])
        #expect(triggers.map(\.summary) == ["0 3 * * * in Asia/Ho_Chi_Minh", "every 300s", "every 60s"])
    }

    @Test("a runtime refuses a schedule that cannot be read, and says what was expected")
    func refused() {
        let error = #expect(throws: RuntimeError.self) {
            try Runtime(store: MemoryStore()) { On(.cron("0 25 * * *"), start: job) }
        }
        #expect(error?.code == .invalidTrigger)
        #expect(error?.message == "trigger \"cron-work\": \"25\" is no hour; expected 0 to 23")
        let zone = #expect(throws: RuntimeError.self) {
            try Runtime(store: MemoryStore()) { On(.cron("0 3 * * *", timeZone: "Berlin"), start: job) }
        }
        #expect(
            zone?.message == "trigger \"cron-work\": there is no time zone \"Berlin\"; did you mean \"Europe/Berlin\"?")
    }
}
