import CloudEvents
import NightjarCore
import Testing

@testable import Nightjar

/// What decides which run of direct delivery is next.
@Suite("The schedule of direct delivery")
struct DirectScheduleTests {
    private var schedule = DirectSchedule()

    private static func unit(_ id: String, line: Int, order: String? = nil) -> DirectUnit {
        DirectUnit(
            batch: DirectBatch(count: 1), index: 0, line: line, id: RunID(high: 1, low: 1),
            event: Event(id: id, source: "/s", type: "t"), input: nil,
            order: order.map { .init(trigger: "t", key: Array($0.utf8)) }, redelivery: nil, deliveries: 1,
            acceptedAt: Timestamp(microsecondsSince1970: 0))
    }

    private mutating func ids(_ workers: ClosedRange<Int>) -> [String] {
        workers.compactMap { schedule.next(for: $0)?.1.event.id }
    }

    @Test("lines take turns, so that a long one does not hold up another")
    mutating func turns() {
        schedule.configure([Job("a") { _ in }, Job("b") { _ in }], triggers: ["t", "u"])
        let (a, b) = (schedule.line(job: "a", trigger: "t"), schedule.line(job: "b", trigger: "t"))
        schedule.add((1...3).map { Self.unit("a\($0)", line: a) } + [Self.unit("b1", line: b)])
        let found5 = ids(1...4)
        #expect(found5 == ["a1", "b1", "a2", "a3"])
        let found10 = schedule.next(for: 5)
        #expect(found10 == nil)
        #expect(!schedule.hasNext)
    }

    @Test("a job's limit counts over all its triggers, and what is behind it does not hold up others")
    mutating func limits() throws {
        schedule.configure(
            [Job("a", policy: JobPolicy(concurrency: 1)) { _ in }, Job("b") { _ in }], triggers: ["t", "u"])
        let lines = [
            schedule.line(job: "a", trigger: "t"), schedule.line(job: "a", trigger: "u"),
            schedule.line(job: "b", trigger: "t"),
        ]
        schedule.add(lines.map { Self.unit("\($0)", line: $0) })
        let taken14 = schedule.next(for: 1)
        let (ticket, unit, _) = try #require(taken14)
        #expect(unit.event.id == "0")
        let found6 = ids(2...3)
        #expect(found6 == ["2"])
        let found1 = schedule.end(ticket)
        #expect(found1)
        let found7 = ids(1...1)
        #expect(found7 == ["1"])
    }

    @Test("of an order one is done after the other, also when it waits for its next attempt")
    mutating func orders() throws {
        schedule.configure([Job("a") { _ in }], triggers: ["t", "u"])
        let line = schedule.line(job: "a", trigger: "t")
        schedule.add([
            Self.unit("x1", line: line, order: "x"), Self.unit("x2", line: line, order: "x"),
            Self.unit("y1", line: line, order: "y"),
        ])
        let taken15 = schedule.next(for: 1)
        let (first, unit, _) = try #require(taken15)
        #expect(unit.event.id == "x1")
        let found8 = ids(2...3)
        #expect(found8 == ["y1"])
        let isDelayed = schedule.delay(first, unit.again(Self.failed, at: unit.acceptedAt), until: .seconds(5))
        #expect(isDelayed)
        let found11 = schedule.next(for: 3)
        #expect(found11 == nil)
        let due = schedule.ring(at: .seconds(4))
        #expect(due == .seconds(5))
        #expect(!schedule.hasNext)
        let none = schedule.ring(at: .seconds(5))
        #expect(none == nil)
        let taken16 = schedule.next(for: 3)
        let (second, again, _) = try #require(taken16)
        #expect(again.event.id == "x1")
        #expect(again.attempts == 1)
        let found2 = schedule.end(second)
        #expect(found2)
        let found9 = ids(4...4)
        #expect(found9 == ["x2"])
    }

    @Test("what is paused waits; what nobody can resume is handed out, without a handler to do it")
    mutating func pauses() throws {
        schedule.configure([Job("a") { _ in }], triggers: ["t"])
        schedule.pause([Pause(.job, "a"), Pause(.trigger, "t")])
        let line = schedule.line(job: "a", trigger: "t")
        schedule.add([Self.unit("1", line: line), Self.unit("2", line: line)])
        #expect(!schedule.hasNext)
        schedule.configure([Job("a") { _ in }], triggers: [])
        let gone = schedule.next(for: 1)
        #expect(gone?.1.event.id == "1")
        #expect(gone?.2.handler == nil)
        schedule.configure([Job("a") { _ in }], triggers: ["t"])
        #expect(!schedule.hasNext)
        schedule.pause([])
        #expect(schedule.next(for: 2)?.2.handler != nil)
    }

    @Test("once it ends, all that waits is taken out, and nothing waits any more")
    mutating func ending() throws {
        schedule.configure([Job("a", policy: JobPolicy(concurrency: 2)) { _ in }], triggers: ["t"])
        let line = schedule.line(job: "a", trigger: "t")
        schedule.add(["1", "2"].map { Self.unit($0, line: line, order: $0) })
        schedule.add([Self.unit("behind 2", line: line, order: "2"), Self.unit("3", line: line)])
        let (first, second) = (schedule.next(for: 1), schedule.next(for: 2))
        let (ticket, unit, _) = try #require(first)
        let isDelayed = schedule.delay(ticket, unit.again(Self.failed, at: unit.acceptedAt), until: .seconds(5))
        #expect(isDelayed)
        let waiting = schedule.takeWaiting()
        #expect(Set(waiting.map(\.0.event.id)) == ["1", "behind 2", "3"])
        #expect(waiting.first { $0.0.event.id == "1" }?.0.kept(by: schedule.line(line)).earlier == Self.failed)
        #expect(schedule.count == 1)
        let (last, lastUnit, _) = try #require(second)
        let isDelayedAgain = schedule.delay(last, lastUnit.again(Self.failed, at: unit.acceptedAt), until: .seconds(5))
        #expect(!isDelayedAgain)
        let hasEnded = schedule.end(last)
        #expect(hasEnded)
        #expect(schedule.count == 0)
        #expect(!schedule.hasNext)
    }

    private static let failed = EarlierAttempt(
        Attempt(number: 1, node: "n", startedAt: Timestamp(microsecondsSince1970: 0), outcome: .failed),
        history: RunHistory(failures: 1))

    @Test("a run that was given up does not end twice")
    mutating func givenUp() throws {
        schedule.configure([Job("a") { _ in }], triggers: ["t", "u"])
        let line = schedule.line(job: "a", trigger: "t")
        schedule.add([Self.unit("1", line: line)])
        let taken18 = schedule.next(for: 1)
        let (ticket, _, _) = try #require(taken18)
        let found13 = schedule.giveUp().map(\.0.event.id)
        #expect(found13 == ["1"])
        let found4 = schedule.end(ticket)
        #expect(!found4)
        #expect(schedule.count == 0)
    }
}
