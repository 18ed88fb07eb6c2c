import CloudEvents
import NightjarCore
import Testing

@testable import NightjarSchedule

@Suite("Tick ledger")
struct TickLedgerTests {
    private static let hourly = Schedule.every(.seconds(3600))

    private func ledger(
        _ options: ScheduleOptions = ScheduleOptions(), schedule: Schedule = hourly, lastTick: String? = nil,
        start: String? = nil, now: String
    ) throws -> TickLedger {
        let stored = try (lastTick ?? start).map {
            ScheduleMark(try at($0), isTick: lastTick != nil, schedule: schedule.description)
        }
        return TickLedger(schedule, options, trigger: "t", stored: stored, now: try at(now))
    }

    private func made(_ action: TickLedger.Action) -> [String]? {
        guard case .make(let ticks) = action else { return nil }
        return ticks.map { String($0.scheduledAt.rfc3339.dropFirst(11).prefix(5)) }
    }

    @Test("at the first start nothing is made up for")
    func firstStart() throws {
        let ledger = try ledger(now: "2026-01-01T10:30:00Z")
        #expect(!ledger.isMarkStored)
        #expect(try ledger.action(at: at("2026-01-01T10:30:00Z")) == .wait(until: at("2026-01-01T11:00:00Z")))
        #expect(
            try ledger.action(at: at("2026-01-01T11:00:00Z"))
                == .make([Tick(scheduledAt: at("2026-01-01T11:00:00Z"), previous: nil, missed: 0)]))
    }

    @Test("with `from` in the past the first start makes up for the ticks since then")
    func fromPast() throws {
        let now = "2026-01-01T10:30:00Z"
        let all = ScheduleOptions(missed: .all, from: try at("2026-01-01T07:00:00Z"))
        #expect(try made(ledger(all, now: now).action(at: at(now))) == ["07:00", "08:00", "09:00", "10:00"])
        let latest = ScheduleOptions(from: try at("2026-01-01T07:00:00Z"))
        #expect(
            try ledger(latest, now: now).action(at: at(now))
                == .make([Tick(scheduledAt: at("2026-01-01T10:00:00Z"), previous: nil, missed: 3)]))
        // It ran since: what was made is not made again.
        #expect(try made(ledger(all, lastTick: "2026-01-01T09:00:00Z", now: now).action(at: at(now))) == ["10:00"])
    }

    @Test("with `from` in the future there is no tick before it")
    func fromFuture() throws {
        let options = ScheduleOptions(missed: .all, from: try at("2026-01-02T00:00:00Z"))
        let ledger = try ledger(options, start: "2026-01-01T10:30:00Z", now: "2026-01-01T10:30:00Z")
        #expect(try ledger.action(at: at("2026-01-01T23:30:00Z")) == .wait(until: at("2026-01-02T00:00:00Z")))
        #expect(
            try ledger.action(at: at("2026-01-02T00:00:00Z"))
                == .make([Tick(scheduledAt: at("2026-01-02T00:00:00Z"), previous: nil, missed: 0)]))
    }

    @Test("what was missed is made up for by the newest, by all, or not at all")
    func missed() throws {
        let now = try at("2026-01-01T15:20:00Z")
        func action(_ missed: ScheduleOptions.Missed, atMost: Int = 100) throws -> TickLedger.Action {
            try ledger(
                ScheduleOptions(missed: missed, atMost: atMost), lastTick: "2026-01-01T10:00:00Z",
                now: "2026-01-01T15:20:00Z"
            ).action(at: now)
        }
        let newest = Tick(
            scheduledAt: try at("2026-01-01T15:00:00Z"), previous: try at("2026-01-01T10:00:00Z"), missed: 4)
        #expect(try action(.latest) == .make([newest]))
        #expect(try action(.skip) == .skip(newest))
        #expect(try made(action(.all)) == ["11:00", "12:00", "13:00", "14:00", "15:00"])
        // Bounded: the newest ones, and the first of them tells how many were left out.
        guard case .make(let bounded) = try action(.all, atMost: 2) else {
            Issue.record("nothing made")
            return
        }
        #expect(bounded.map(\.missed) == [3, 0])
        #expect(try bounded.map(\.previous) == [at("2026-01-01T10:00:00Z"), at("2026-01-01T14:00:00Z")])
    }

    @Test("a tick that is less than a minute late is not missed")
    func grace() throws {
        let ledger = try ledger(
            ScheduleOptions(missed: .skip), lastTick: "2026-01-01T10:00:00Z", now: "2026-01-01T10:30:00Z")
        #expect(try made(ledger.action(at: at("2026-01-01T11:01:00Z"))) == ["11:00"])
        #expect(try made(ledger.action(at: at("2026-01-01T11:01:01Z"))) == nil)
    }

    @Test("what was left out is told with the next tick")
    func leftOut() throws {
        var ledger = try ledger(
            ScheduleOptions(missed: .skip), lastTick: "2026-01-01T10:00:00Z", now: "2026-01-01T13:30:00Z")
        guard case .skip(let tick) = ledger.action(at: try at("2026-01-01T13:30:00Z")) else {
            Issue.record("not skipped")
            return
        }
        ledger.leftOut(tick)
        #expect(try ledger.action(at: at("2026-01-01T13:30:00Z")) == .wait(until: at("2026-01-01T14:00:00Z")))
        #expect(
            try ledger.action(at: at("2026-01-01T14:00:00Z"))
                == .make([
                    Tick(
                        scheduledAt: at("2026-01-01T14:00:00Z"), previous: at("2026-01-01T10:00:00Z"), missed: 3
                    )
                ]))
    }

    @Test("a year of seconds that was missed is found without a look at each")
    func longPause() throws {
        let schedules = [Schedule.every(.seconds(1)), try Schedule.cron("* * * * * *", timeZone: "Europe/Berlin")]
        for schedule in schedules {
            let ledger = try ledger(
                ScheduleOptions(missed: .all, atMost: 3), schedule: schedule, lastTick: "2025-01-01T00:00:00Z",
                now: "2026-01-01T00:00:00.5Z")
            guard case .make(let ticks) = ledger.action(at: try at("2026-01-01T00:00:00.5Z")) else {
                Issue.record("nothing made")
                return
            }
            #expect(
                ticks.map(\.scheduledAt.rfc3339) == [
                    "2025-12-31T23:59:58Z", "2025-12-31T23:59:59Z", "2026-01-01T00:00:00Z",
                ])
            #expect(ticks.map(\.missed) == [Tick.mostMissed, 0, 0])
        }
    }

    @Test("another schedule than before has missed nothing")
    func changed() throws {
        let mark = ScheduleMark(try at("2026-01-01T03:00:00Z"), isTick: true, schedule: "0 3 * * * in UTC")
        let now = try at("2026-01-01T12:00:00Z")
        for options in [
            ScheduleOptions(missed: .all), ScheduleOptions(missed: .all, from: try at("2026-01-01T00:00:00Z")),
        ] {
            let ledger = TickLedger(Self.hourly, options, trigger: "t", stored: mark, now: now)
            #expect(try ledger.action(at: now) == .wait(until: at("2026-01-01T13:00:00Z")))
            #expect(!ledger.isMarkStored)
        }
    }

    @Test("a clock that is set back makes no tick twice; one set back far begins anew")
    func setBack() throws {
        var ledger = try ledger(lastTick: "2026-01-01T10:00:00Z", now: "2026-01-01T10:00:00Z")
        #expect(try ledger.correct(now: at("2026-01-01T09:58:30Z")) == nil)
        #expect(try ledger.action(at: at("2026-01-01T09:58:30Z")) == .wait(until: at("2026-01-01T11:00:00Z")))
        #expect(try ledger.correct(now: at("2025-06-01T09:30:00Z"))?.instant == at("2026-01-01T10:00:00Z"))
        #expect(try ledger.action(at: at("2025-06-01T09:30:00Z")) == .wait(until: at("2025-06-01T10:00:00Z")))
        // The same at a start.
        let restarted = try self.ledger(lastTick: "2026-01-01T10:00:00Z", now: "2025-06-01T09:30:00Z")
        #expect(try restarted.action(at: at("2025-06-01T09:30:00Z")) == .wait(until: at("2025-06-01T10:00:00Z")))
    }

    @Test("what another node did is learnt, unless it is older or about another schedule")
    func learns() throws {
        let now = try at("2026-01-01T15:20:00Z")
        var ledger = try ledger(lastTick: "2026-01-01T10:00:00Z", now: "2026-01-01T15:20:00Z")
        ledger.learn(ScheduleMark(try at("2026-01-01T15:00:00Z"), isTick: true, schedule: "every 1s"), now: now)
        ledger.learn(
            ScheduleMark(try at("2026-01-01T09:00:00Z"), isTick: true, schedule: Self.hourly.description), now: now)
        #expect(made(ledger.action(at: now)) == ["15:00"])
        ledger.learn(
            ScheduleMark(try at("2026-01-01T15:00:00Z"), isTick: true, schedule: Self.hourly.description), now: now)
        #expect(try ledger.action(at: now) == .wait(until: at("2026-01-01T16:00:00Z")))
    }

    @Test("jitter is the same everywhere, differs between ticks and triggers, and ends before the next tick")
    func jitter() throws {
        let first = Jitter(upTo: .seconds(30), trigger: "a")
        var delays: Set<Duration> = []
        for minute in 0..<200 {
            let tick = Timestamp(microsecondsSince1970: 1_800_000_000_000_000) + .seconds(60 * minute)
            let due = first.due(tick, next: tick + .seconds(60))
            #expect(due == Jitter(upTo: .seconds(30), trigger: "a").due(tick, next: tick + .seconds(60)))
            #expect(due != Jitter(upTo: .seconds(30), trigger: "b").due(tick, next: tick + .seconds(60)))
            #expect(due >= tick && due < tick + .seconds(30))
            let crowded = Jitter(upTo: .seconds(3600), trigger: "a").due(tick, next: tick + .seconds(60))
            #expect(crowded >= tick && crowded < tick + .seconds(60))
            delays.insert(due - tick)
        }
        #expect(delays.count > 190)
        let mean = delays.reduce(Duration.zero, +) / delays.count
        #expect(mean > .seconds(12) && mean < .seconds(18))
        // Nodes of different versions must agree: this value is part of the contract.
        #expect(
            try Jitter(upTo: .seconds(30), trigger: "nightly").due(at("2026-01-01T00:00:00Z"), next: nil).rfc3339
                == "2026-01-01T00:00:09.219276Z")
    }

    @Test("with jitter a tick waits, and one that waits is not missed")
    func jitterWaits() throws {
        let options = ScheduleOptions(missed: .latest, jitter: .seconds(3600))
        var ledger = try ledger(options, lastTick: "2026-01-01T10:00:00Z", now: "2026-01-01T10:30:00Z")
        guard case .wait(let due?) = ledger.action(at: try at("2026-01-01T11:00:00Z")) else {
            Issue.record("not held back")
            return
        }
        #expect(made(ledger.action(at: due)) == ["11:00"])
        ledger.made(Tick(scheduledAt: try at("2026-01-01T11:00:00Z"), previous: nil, missed: 0))
        // The one of 13:00 has come and waits; the one of 12:00 was missed.
        guard case .wait(let later?) = ledger.action(at: try at("2026-01-01T11:59:59Z")) else { return }
        #expect(try later >= (at("2026-01-01T12:00:00Z")) && later < (at("2026-01-01T13:00:00Z")))
        #expect(try made(ledger.action(at: at("2026-01-01T13:00:00Z"))) == ["12:00"])
    }

    @Test("a mark is stored and read again")
    func marks() throws {
        for isTick in [true, false] {
            let mark = ScheduleMark(try at("2026-01-01T03:00:00.5Z"), isTick: isTick, schedule: "0 3 * * * in UTC")
            #expect(ScheduleMark(stored: mark.stored) == mark)
        }
        for text in ["", "tick", "tick x every 1s", "tock 2026-01-01T03:00:00Z every 1s", "tick 2026-01-01T03:00:00Z"] {
            #expect(ScheduleMark(stored: Array(text.utf8)) == nil)
        }
    }
}
