import CloudEvents
import NightjarTestKit
import Testing

@Suite("Simulated clock")
struct SimulatedClockTests {
    @Test("it stands still until it is moved")
    func standsStill() {
        let start = Timestamp(microsecondsSince1970: 5)
        let clock = SimulatedClock(start: start)
        #expect(clock.now == start)
        clock.advance(by: .microseconds(7))
        #expect(clock.now == Timestamp(microsecondsSince1970: 12))
        #expect(!clock.advanceToNextDeadline())
        #expect(clock.nextDeadline == nil)
    }

    @Test("sleepers wake in the order of their deadlines, whatever order they came in")
    func order() throws {
        let simulation = Simulation(seed: 11)
        let clock = simulation.clock
        let start = clock.now
        let woken = Record<Int>()
        try simulation.run {
            try await withThrowingTaskGroup(of: Void.self) { group in
                for seconds in [3, 1, 2, 5, 4] {
                    group.addTask {
                        try await clock.sleep(until: start + .seconds(seconds))
                        woken.note(seconds)
                    }
                }
                try await group.waitForAll()
            }
        }
        #expect(woken.all == [1, 2, 3, 4, 5])
        #expect(clock.now == start + .seconds(5))
    }

    @Test("a deadline that has passed does not suspend for long")
    func passed() async throws {
        let clock = SimulatedClock()
        try await clock.sleep(until: clock.now)
        try await clock.sleep(until: .distantPast)
        #expect(clock.nextDeadline == nil)
    }

    @Test("a cancelled sleeper throws, and is no longer waited for")
    func cancelled() throws {
        let simulation = Simulation(seed: 11)
        let clock = simulation.clock
        let start = clock.now
        try simulation.run {
            await withTaskGroup(of: Bool.self) { group in
                group.addTask {
                    do { try await clock.sleep(until: start + .seconds(60)) } catch {
                        return error is CancellationError
                    }
                    return false
                }
                group.addTask {
                    while clock.nextDeadline == nil { await Task.yield() }
                    return true
                }
                // The second task ends first: the first one sleeps by then.
                #expect(await group.next() == true)
                group.cancelAll()
                #expect(await group.next() == true)
            }
        }
        #expect(clock.now == start)
        #expect(clock.nextDeadline == nil)
    }

    @Test("a task that was cancelled before does not sleep")
    func cancelledBefore() throws {
        let simulation = Simulation(seed: 11)
        let clock = simulation.clock
        let start = clock.now
        try simulation.run {
            await withTaskGroup(of: Void.self) { group in
                group.cancelAll()
                group.addTask {
                    await #expect(throws: CancellationError.self) { try await clock.sleep(until: start + .seconds(60)) }
                }
            }
        }
        #expect(clock.now == start)
    }
}
