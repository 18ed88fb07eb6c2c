import CloudEvents

/// Knows which ticks of a trigger were made, and decides which are to be made next. No clock, no I/O.
struct TickLedger: Sendable {
    /// What is to be done.
    enum Action: Sendable, Hashable {
        /// Nothing, before this time at least; `nil` if there will be no tick any more.
        case wait(until: Timestamp?)
        /// These are to be made, in this order.
        case make([Tick])
        /// The ticks up to this one are left out.
        case skip(Tick)
    }

    /// How late a tick may be and not count as missed.
    static let grace = Duration.seconds(60)
    /// A mark that is further ahead of the clock was made by a clock that was wrong. Nodes whose clocks differ by more make
    /// the same ticks again, which are known by their ids.
    static let mostAhead = Duration.seconds(120)

    let schedule: Schedule
    let options: ScheduleOptions
    private let jitter: Jitter
    /// How far the trigger has come.
    private(set) var mark: ScheduleMark
    /// Whether the store knows that the trigger began.
    private(set) var isMarkStored: Bool
    /// Ticks up to here are made or left out.
    private var cursor: Timestamp

    /// A ledger at `now`.
    /// - Parameter stored: the mark that the store has.
    init(
        _ schedule: Schedule, _ options: ScheduleOptions, trigger: String, stored: ScheduleMark?, now: Timestamp
    ) {
        self.schedule = schedule
        self.options = options
        jitter = Jitter(upTo: options.jitter, trigger: trigger)
        if let stored, stored.schedule == schedule.description, stored.instant - now <= Self.mostAhead {
            mark = stored
            isMarkStored = true
        } else {
            // Another schedule than before has missed nothing: it was not in force.
            let start = stored == nil ? min(now, options.from.map { $0 - .microseconds(1) } ?? now) : now
            mark = ScheduleMark(start, isTick: false, schedule: schedule.description)
            isMarkStored = false
        }
        cursor = mark.instant
    }

    /// The store has this mark, perhaps of another node.
    mutating func learn(_ stored: ScheduleMark, now: Timestamp) {
        guard stored.schedule == schedule.description, stored.instant > mark.instant,
            stored.instant - now <= Self.mostAhead
        else { return }
        mark = stored
        cursor = max(cursor, stored.instant)
        isMarkStored = true
    }

    /// The store knows that the trigger began.
    mutating func markStored() { isMarkStored = true }

    /// The clock was set back so far that the marks mean nothing any more: begins anew at `now`.
    /// - Returns: the mark that was given up; `nil` if the clock is right.
    mutating func correct(now: Timestamp) -> ScheduleMark? {
        guard cursor - now > Self.mostAhead else { return nil }
        let given = mark
        mark = ScheduleMark(now, isTick: false, schedule: schedule.description)
        cursor = now
        isMarkStored = false
        return given
    }

    /// What is to be done at `now`.
    func action(at now: Timestamp) -> Action {
        let start = start
        guard let first = schedule.next(after: start) else { return .wait(until: nil) }
        let due = due(first)
        guard due <= now, var newest = schedule.last(until: now, after: start) else { return .wait(until: due) }
        // Every tick is due before the next one, so that at most one has come and is not due.
        if newest != first, self.due(newest) > now {
            newest = schedule.last(until: newest - .microseconds(1), after: start) ?? first
        }
        switch options.missed {
        case .latest: return .make([tick(newest, after: mark)])
        case .skip:
            let tick = tick(newest, after: mark)
            return now - self.due(newest) <= Self.grace ? .make([tick]) : .skip(tick)
        case .all:
            var times = [newest]
            while times.count < options.atMost, let last = times.last,
                let earlier = schedule.last(until: last - .microseconds(1), after: start)
            {
                times.append(earlier)
            }
            var before = mark
            return .make(
                times.reversed().map { time in
                    defer { before = self.mark(of: time) }
                    return tick(time, after: before)
                })
        }
    }

    /// Whether an action makes up for something, so that one should look first whether another node did.
    func isLate(_ action: Action, now: Timestamp) -> Bool {
        switch action {
        case .wait: false
        case .skip: true
        case .make(let ticks):
            ticks.count != 1 || ticks[0].missed > 0 || now - due(ticks[0].scheduledAt) > Self.grace
        }
    }

    /// The mark that a tick leaves.
    func mark(of tick: Timestamp) -> ScheduleMark {
        ScheduleMark(tick, isTick: true, schedule: schedule.description)
    }

    /// A tick was made, and the store knows.
    mutating func made(_ tick: Tick) {
        mark = mark(of: tick.scheduledAt)
        cursor = max(cursor, tick.scheduledAt)
        isMarkStored = true
    }

    /// A tick is left out, and all before it.
    mutating func leftOut(_ tick: Tick) { cursor = max(cursor, tick.scheduledAt) }

    /// Ticks come after this.
    private var start: Timestamp { max(cursor, options.from.map { $0 - .microseconds(1) } ?? cursor) }

    private func due(_ tick: Timestamp) -> Timestamp {
        options.jitter > .zero ? jitter.due(tick, next: schedule.next(after: tick)) : tick
    }

    private func tick(_ time: Timestamp, after mark: ScheduleMark) -> Tick {
        // What came before `from` was never planned.
        let since = max(mark.instant, options.from.map { $0 - .microseconds(1) } ?? mark.instant)
        return Tick(
            scheduledAt: time, previous: mark.isTick ? mark.instant : nil,
            missed: schedule.count(after: since, before: time, limit: Tick.mostMissed))
    }
}
