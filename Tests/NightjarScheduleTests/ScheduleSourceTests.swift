import CloudEvents
import Foundation
import NightjarCore
import NightjarTestKit
import Testing

@testable import NightjarSchedule

@Suite("Schedule source")
struct ScheduleSourceTests {
    private static let minutely = Schedule.every(.seconds(60))
    private static let hourly = Schedule.every(.seconds(3600))

    @Test("however many nodes there are, a tick makes one run", arguments: 1...20)
    func oneRunPerTick(seed: Int) throws {
        let scene = ScheduleScene(seed: UInt64(seed))
        try scene.simulation.run {
            await scene.run(Self.minutely, nodes: 3, for: .seconds(630))
        }
        #expect(scene.errors == [])
        #expect(scene.runs == (1...10).map { $0 < 10 ? "08:0\($0):00" : "08:\($0):00" })
        #expect(scene.store.checkInvariants() == [])
    }

    @Test("a tick is an event with its planned time as id")
    func event() throws {
        let scene = ScheduleScene()
        let schedule = try Schedule.cron("30 */2 * * *", timeZone: "Asia/Ho_Chi_Minh")
        try scene.simulation.run { await scene.run(schedule, for: .seconds(4 * 3600)) }
        #expect(scene.errors == [])
        let runs = scene.store.allRuns()
        #expect(runs.map(\.event.id) == ["2027-01-15T09:30:00Z", "2027-01-15T11:30:00Z"])
        let event = try #require(runs.last?.event)
        #expect(event.type == "nightjar.schedule.tick")
        #expect(event.source == "/triggers/t")
        #expect(try event.time == at("2027-01-15T11:30:00Z"))
        #expect(event.dataContentType == "application/json")
        let data = try #require(try JSONSerialization.jsonObject(with: Data(event.data ?? [])) as? [String: Any])
        #expect(data["trigger"] as? String == "t")
        #expect(data["scheduledAt"] as? String == "2027-01-15T11:30:00Z")
        #expect(data["localTime"] as? String == "2027-01-15T18:30:00+07:00")
        #expect(data["timeZone"] as? String == "Asia/Ho_Chi_Minh")
        #expect(data["previous"] as? String == "2027-01-15T09:30:00Z")
        #expect(data["missed"] as? Int == 0)
        let first = String(decoding: runs.first?.event.data ?? [], as: UTF8.self)
        #expect(first.contains("\"previous\":null"))
    }

    @Test("a tick is made at its time, not later than the clock is precise")
    func punctual() throws {
        let scene = ScheduleScene()
        try scene.simulation.run { await scene.run(Self.minutely, for: .seconds(200)) }
        #expect(scene.store.allRuns().map { $0.createdAt == $0.event.time } == [true, true, true])
    }

    @Test(
        "what was missed while no node worked is found at the start",
        arguments: [
            (ScheduleOptions.Missed.latest, ["09:00:00", "13:00:00", "14:00:00"]),
            (.all, ["09:00:00", "10:00:00", "11:00:00", "12:00:00", "13:00:00", "14:00:00"]),
            (.skip, ["09:00:00", "14:00:00"]),
        ])
    func downtime(_ missed: ScheduleOptions.Missed, _ expected: [String]) throws {
        let scene = ScheduleScene()
        try scene.simulation.run {
            await scene.run(Self.hourly, ScheduleOptions(missed: missed), nodes: 2, for: .seconds(5400))
            try await scene.clock.sleep(for: .seconds(4 * 3600))
            await scene.run(Self.hourly, ScheduleOptions(missed: missed), nodes: 2, for: .seconds(3600))
        }
        #expect(scene.errors == [])
        #expect(scene.runs == expected)
    }

    @Test("a tick that is missed before there was any is known, because the start is remembered")
    func missedFirst() throws {
        let scene = ScheduleScene()
        try scene.simulation.run {
            await scene.run(Self.hourly, for: .seconds(60))
            try await scene.clock.sleep(for: .seconds(2 * 3600))
            await scene.run(Self.hourly, for: .seconds(60))
        }
        #expect(scene.errors == [])
        #expect(scene.runs == ["10:00:00"])
        #expect(scene.store.eventIDs().contains("started:2027-01-15T08:00:00Z"))
        #expect(scene.store.eventIDs().count == 2)
    }

    @Test("a backfill is bounded and comes in batches")
    func backfill() throws {
        let scene = ScheduleScene()
        let options = ScheduleOptions(missed: .all, atMost: 250, from: ScheduleScene.start - .seconds(86_400))
        try scene.simulation.run { await scene.run(Self.minutely, options, nodes: 2, for: .seconds(30)) }
        #expect(scene.errors == [])
        #expect(scene.runs.count == 250)
        #expect(scene.runs.first == "03:51:00" && scene.runs.last == "08:00:00")
    }

    @Test("another schedule makes no tick of the time before it")
    func changed() throws {
        let scene = ScheduleScene()
        try scene.simulation.run {
            await scene.run(Self.hourly, for: .seconds(5400))
            // Now 9:30. Every quarter of an hour there would have been ticks since 9:00.
            await scene.run(.every(.seconds(900)), ScheduleOptions(missed: .all), for: .seconds(60))
            try await scene.clock.sleep(for: .seconds(1800))
            await scene.run(.every(.seconds(900)), ScheduleOptions(missed: .all), for: .seconds(60))
        }
        #expect(scene.errors == [])
        #expect(scene.runs == ["09:00:00", "09:45:00", "10:00:00"])
    }

    @Test("with jitter all nodes make a tick at the same later time", arguments: 1...5)
    func jitter(seed: Int) throws {
        let scene = ScheduleScene(seed: UInt64(seed))
        let options = ScheduleOptions(jitter: .seconds(30))
        try scene.simulation.run { await scene.run(Self.minutely, options, nodes: 3, for: .seconds(631)) }
        #expect(scene.errors == [])
        #expect(scene.runs.count == 10)
        for run in scene.store.allRuns() {
            let tick = try #require(run.event.time)
            #expect(run.createdAt == Jitter(upTo: .seconds(30), trigger: "t").due(tick, next: tick + .seconds(60)))
        }
    }

    @Test("a clock that is set forward is noticed within half a minute, and what it jumped over was missed")
    func setForward() throws {
        let scene = ScheduleScene()
        let time = SettableTime(scene.clock)
        try scene.simulation.run {
            await scene.run(Self.hourly, time: time) {
                try await scene.clock.sleep(for: .seconds(600))
                time.set(by: .seconds(3 * 3600))
                try await scene.clock.sleep(for: .seconds(31))
                #expect(scene.runs == ["11:00:00"])
            }
        }
        #expect(scene.errors == [])
        #expect(scene.runs == ["11:00:00"])
    }

    @Test("a clock that is set back makes no tick twice", arguments: [600, 2 * 3600, 48 * 3600])
    func setBack(seconds: Int) throws {
        let scene = ScheduleScene()
        let time = SettableTime(scene.clock)
        try scene.simulation.run {
            await scene.run(Self.hourly, time: time) {
                try await scene.clock.sleep(for: .seconds(3 * 3600 + 60))
                time.set(by: .seconds(-seconds))
                try await scene.clock.sleep(for: .seconds(seconds + 3600))
            }
        }
        #expect(scene.errors == [])
        let ids = scene.store.allRuns().map(\.event.id)
        #expect(Set(ids).count == ids.count)
        // Far back, the ticks of that time are new ones; what was made already is not made again.
        #expect(ids.contains("2027-01-15T12:00:00Z"))
    }

    @Test("ticks wait for an intake that is full, and then the policy says what becomes of them")
    func full() throws {
        let scene = ScheduleScene()
        try scene.simulation.run {
            let door = try scene.door(scene.clock)
            await scene.run(Self.minutely, door: door) {
                try await scene.clock.sleep(for: .seconds(30))
                door.shut(true)
                try await scene.clock.sleep(for: .seconds(300))
                #expect(
                    scene.health.last == .failing("ticks wait, because the intake takes nothing: full"))
                door.shut(false)
                try await scene.clock.sleep(for: .seconds(60))
            }
        }
        #expect(scene.errors == [])
        #expect(scene.runs == ["08:05:00", "08:06:00"])
        #expect(scene.health.last == .running)
    }

    @Test("a node that could not reach the store offers nothing again that another one made")
    func learns() throws {
        let scene = ScheduleScene()
        try scene.simulation.run {
            let door = try scene.door(scene.clock)
            await scene.run(Self.minutely, ScheduleOptions(missed: .all)) {
                await scene.run(Self.minutely, ScheduleOptions(missed: .all), door: door) {
                    try await scene.clock.sleep(for: .seconds(30))
                    door.shut(true)
                    try await scene.clock.sleep(for: .seconds(600))
                    let offered = door.offered
                    door.shut(false)
                    try await scene.clock.sleep(for: .seconds(20))
                    #expect(door.offered <= offered + 1)
                }
            }
        }
        #expect(scene.errors == [])
        #expect(scene.runs.count == 10)
    }

    @Test("a state that cannot be read begins the schedule anew")
    func brokenState() throws {
        let scene = ScheduleScene()
        try scene.simulation.run {
            let event = Event(id: "x", source: "/x", type: "x")
            _ = try await scene.store.accept([
                IntakeRecord(
                    event: event, acceptedAt: scene.clock.now, runs: [],
                    stateChanges: [SourceStateChange(trigger: "t", key: ScheduleMark.key, value: [1, 2, 3])])
            ])
            await scene.run(Self.hourly, for: .seconds(3600))
        }
        #expect(scene.errors == [])
        #expect(scene.runs == ["09:00:00"])
    }

    @Test("a schedule that has ended waits for ever")
    func ended() throws {
        let scene = ScheduleScene()
        let options = ScheduleOptions(from: .distantFuture)
        try scene.simulation.run { await scene.run(Self.hourly, options, for: .seconds(86_400)) }
        #expect(scene.errors == [] && scene.runs == [])
    }
}
