import CloudEvents
import Logging
public import NightjarCore

/// A source of events from a schedule: a tick at each of its times.
///
/// Every node that shares the store makes the same event of a tick, so that the store keeps one: one run per tick and job,
/// however many nodes there are. How far the schedule has come is remembered in the store, in the same transaction as the
/// event; what was missed while no node worked is found at the start, and treated as the options say.
///
/// An event has the type `nightjar.schedule.tick`; `/triggers/` and the trigger's name as source; the planned time in
/// RFC 3339 as id and as time; and as data a JSON object:
///
/// | member | |
/// |---|---|
/// | `trigger` | the trigger's name |
/// | `scheduledAt` | the planned time in UTC (RFC 3339) |
/// | `localTime` | the same in the schedule's time zone |
/// | `timeZone` | the time zone's name; only with cron expressions |
/// | `previous` | the planned time of the tick before that was made; `null` for the first one |
/// | `missed` | how many ticks between the two were left out, up to 10,000 |
///
/// When a trigger first runs, or runs another schedule than before, it leaves an event `nightjar.schedule.started`, which
/// starts nothing, and remembers the time with it: from then on no tick is forgotten.
public struct ScheduleSource: EventSource {
    /// The longest sleep: a clock that was set is noticed after this.
    private static let longestSleep = Duration.seconds(30)
    private static let batchEvents = 100

    private let schedule: Schedule
    private let options: ScheduleOptions

    /// A source of this schedule's ticks.
    public init(_ schedule: Schedule, _ options: ScheduleOptions = ScheduleOptions()) {
        self.schedule = schedule
        self.options = options
    }

    /// Makes ticks until the task is cancelled.
    /// - Throws: an error of the store; the engine calls again after a while.
    public func run(_ context: SourceContext) async throws {
        var ledger = TickLedger(
            schedule, options, trigger: context.trigger, stored: try await stored(context), now: context.time.now)
        var isInformed = true
        while true {
            if let mark = ledger.correct(now: context.time.now) {
                context.logger.warning(
                    "the clock is far behind the last tick: ticks go on from the present time, and those that were made already make no second run",
                    metadata: ["last": "\(mark.instant.rfc3339)"])
            }
            if !ledger.isMarkStored { try await begin(&ledger, context) }
            context.health(.running)
            let now = context.time.now
            let action = ledger.action(at: now)
            if !isInformed, ledger.isLate(action, now: now) {
                // Another node may have gone on while this one slept or could not reach the store.
                if let mark = try await stored(context) { ledger.learn(mark, now: now) }
                isInformed = true
                continue
            }
            isInformed = false
            switch action {
            case .wait(let due):
                let wait = due.map { min($0 - now, Self.longestSleep) } ?? Self.longestSleep
                try await context.time.sleep(for: wait)
            case .skip(let tick):
                context.logger.warning(
                    "ticks were missed and are left out",
                    metadata: ["last": "\(tick.scheduledAt.rfc3339)", "count": "\(tick.missed + 1)"])
                ledger.leftOut(tick)
            case .make(let ticks):
                try await make(ticks, &ledger, context)
            }
        }
    }

    private func stored(_ context: SourceContext) async throws -> ScheduleMark? {
        guard let bytes = try await context.state()[ScheduleMark.key] else { return nil }
        if let mark = ScheduleMark(stored: bytes) { return mark }
        context.logger.warning("what is remembered of the schedule cannot be read: it begins anew")
        return nil
    }

    /// Lets the store know that the schedule begins, so that a tick that is missed before the first one was made is known.
    private func begin(_ ledger: inout TickLedger, _ context: SourceContext) async throws {
        let now = context.time.now
        let event = Event(
            id: "started:\(now.rfc3339)", source: Tick.source(context.trigger), type: "nightjar.schedule.started",
            time: now, dataContentType: "text/plain", data: Array(schedule.description.utf8))
        let incoming = IncomingEvent(
            event, to: .nobody(trigger: context.trigger, reason: "the schedule begins, and its ticks start jobs"),
            stateChanges: [change(ledger.mark, context)])
        while try await !accept([incoming], context) {}
        ledger.markStored()
    }

    private func make(_ ticks: [Tick], _ ledger: inout TickLedger, _ context: SourceContext) async throws {
        if let first = ticks.first, ledger.isLate(.make(ticks), now: context.time.now) {
            context.logger.info(
                "ticks were missed",
                metadata: ["madeUpFor": "\(ticks.count)", "leftOut": "\(first.missed)"])
        }
        var rest = ticks[...]
        while !rest.isEmpty {
            let batch = rest.prefix(Self.batchEvents)
            let incoming = batch.map { tick in
                IncomingEvent(
                    tick.event(trigger: context.trigger, schedule: schedule), to: .trigger(context.trigger),
                    stateChanges: [change(ledger.mark(of: tick.scheduledAt), context)])
            }
            // When the intake takes nothing, what is to be done is decided anew: more may have been missed meanwhile.
            guard try await accept(incoming, context) else { return }
            for tick in batch { ledger.made(tick) }
            rest = rest.dropFirst(batch.count)
        }
    }

    private func change(_ mark: ScheduleMark, _ context: SourceContext) -> SourceStateChange {
        SourceStateChange(trigger: context.trigger, key: ScheduleMark.key, value: mark.stored)
    }

    /// Offers events to the intake.
    /// - Returns: whether they are durable; if not, the time to wait has passed.
    private func accept(_ batch: [IncomingEvent], _ context: SourceContext) async throws -> Bool {
        do throws(IntakeError) {
            _ = try await context.intake.accept(batch)
            return true
        } catch {
            // Ticks are all alike: what refuses one for good refuses all, until the configuration changes.
            guard error.isTransient else { throw error }
            context.health(.failing("ticks wait, because the intake takes nothing: \(error.message)"))
            try await context.time.sleep(for: error.retryAfter ?? .seconds(1))
            return false
        }
    }
}
