import DequeModule
import NightjarCore

/// Decides which run of direct delivery is done next: at most so many at once, those of an order one after the other, none that
/// is paused. A value without clock and I/O.
struct DirectSchedule: Sendable {
    /// Where runs of a job wait that a trigger asks for: what is paused, or has as many runs as its job allows, holds up no other.
    final class Line: Sendable {
        let job: String
        let trigger: String
        /// Does the job; `nil` if it is gone, or not to be done here any more.
        let handler: (any RunHandler)?
        let retry: RetryPolicy
        let timeout: Duration?
        let concurrency: Int?
        let priority: Int

        init(job: String, trigger: String, definition: Job?) {
            self.job = job
            self.trigger = trigger
            handler = definition?.handler
            let policy = definition?.policy ?? JobPolicy()
            (retry, timeout, concurrency) = (policy.retry, policy.timeout, policy.concurrency)
            priority = policy.priority
        }
    }

    /// A run that is being done, by a number of its own.
    struct Ticket: Hashable, Sendable {
        var number: UInt64
        /// The worker that does it.
        var worker: Int
    }

    private struct LineState {
        var line: Line
        /// Its job's place in ``running``.
        var job: Int
        var ready: Deque<DirectUnit> = []
        var isPaused = false
        /// Whether it is among the turns.
        var hasTurn = false
    }

    private var jobs: [String: Job] = [:]
    private var triggers: Set<String> = []
    private var paused: Set<Pause> = []
    private var lines: [LineState] = []
    private var lineNumbers: [String: [String: Int]] = [:]
    private var jobNumbers: [String: Int] = [:]
    /// How many runs of each job are being done.
    private var running: [Int] = []
    /// The lines that have runs, in the order of their turns.
    private var turns: Deque<Int> = []
    /// What waits behind a run of its order that is being done, or is ready, or waits for its next attempt.
    private var orders: [DirectUnit.Order: Deque<DirectUnit>] = [:]
    /// What is being done, by worker.
    private var working: [Int: (number: UInt64, unit: DirectUnit)] = [:]
    /// What waits for its next attempt, each with its time on an even clock.
    private(set) var delayed: [(due: Duration, unit: DirectUnit)] = []
    private var lastNumber: UInt64 = 0
    /// How many runs have not ended.
    private(set) var count = 0
    /// Nothing is begun any more.
    private(set) var isEnding = false

    /// - Parameter triggers: the names of those that there are; what others asked for is not done here any more.
    mutating func configure(_ jobs: [Job], triggers: Set<String>) {
        self.jobs = Dictionary(jobs.map { ($0.name, $0) }) { first, _ in first }
        self.triggers = triggers
        for index in lines.indices { lines[index].line = line(lines[index].line.job, lines[index].line.trigger) }
    }

    private func line(_ job: String, _ trigger: String) -> Line {
        Line(job: job, trigger: trigger, definition: triggers.contains(trigger) ? jobs[job] : nil)
    }

    mutating func pause(_ pauses: Set<Pause>) {
        paused = pauses
        for index in lines.indices { lines[index].isPaused = isPaused(lines[index].line) }
    }

    private func isPaused(_ line: Line) -> Bool {
        paused.contains(Pause(.job, line.job)) || paused.contains(Pause(.trigger, line.trigger))
    }

    /// The number of a line, which stays the same.
    mutating func line(job: String, trigger: String) -> Int {
        if let number = lineNumbers[job]?[trigger] { return number }
        let line = line(job, trigger)
        var number = jobNumbers[job]
        if number == nil {
            number = running.count
            jobNumbers[job] = number
            running.append(0)
        }
        lines.append(LineState(line: line, job: number ?? 0, isPaused: isPaused(line)))
        lineNumbers[job, default: [:]][trigger] = lines.count - 1
        return lines.count - 1
    }

    mutating func add(_ units: [DirectUnit]) {
        count += units.count
        for unit in units {
            guard let order = unit.order else {
                enqueue(unit)
                continue
            }
            if orders[order]?.append(unit) == nil {
                orders[order] = []
                enqueue(unit)
            }
        }
    }

    private mutating func enqueue(_ unit: DirectUnit) {
        lines[unit.line].ready.append(unit)
        if !lines[unit.line].hasTurn {
            lines[unit.line].hasTurn = true
            turns.append(unit.line)
        }
    }

    /// The line of that number, as it is configured now.
    func line(_ number: Int) -> Line { lines[number].line }

    /// The next run for a worker, with its line; the line is without a handler if the run is not to be done here any more.
    mutating func next(for worker: Int) -> (Ticket, DirectUnit, Line)? {
        for _ in 0..<turns.count {
            guard let number = turns.popFirst() else { return nil }
            guard mayStart(number), let unit = lines[number].ready.popFirst() else {
                if lines[number].ready.isEmpty { lines[number].hasTurn = false } else { turns.append(number) }
                continue
            }
            if lines[number].ready.isEmpty { lines[number].hasTurn = false } else { turns.append(number) }
            lastNumber += 1
            working[worker] = (lastNumber, unit)
            running[lines[number].job] += 1
            return (Ticket(number: lastNumber, worker: worker), unit, lines[number].line)
        }
        return nil
    }

    /// Whether ``next(for:)`` has a run.
    var hasNext: Bool { turns.contains { mayStart($0) && !lines[$0].ready.isEmpty } }

    private func mayStart(_ number: Int) -> Bool {
        // What has no handler any more is nobody's to resume.
        if lines[number].line.handler == nil { return true }
        if lines[number].isPaused { return false }
        guard let limit = lines[number].line.concurrency else { return true }
        return running[lines[number].job] < limit
    }

    /// A run has ended.
    /// - Returns: whether it was being done; not if it was given up before.
    mutating func end(_ ticket: Ticket) -> Bool {
        guard let unit = stop(ticket) else { return false }
        count -= 1
        if let order = unit.order {
            if let next = orders[order]?.popFirst() { enqueue(next) } else { orders[order] = nil }
        }
        return true
    }

    /// A run waits for its next attempt; those of its order wait with it.
    /// - Returns: whether it does; not if it was given up before, or all is ending.
    mutating func delay(_ ticket: Ticket, _ unit: DirectUnit, until due: Duration) -> Bool {
        guard !isEnding, stop(ticket) != nil else { return false }
        delayed.append((due, unit))
        return true
    }

    /// Makes those ready whose time has come.
    /// - Returns: when the next one is due.
    mutating func ring(at now: Duration) -> Duration? {
        let due = delayed.filter { $0.due <= now }
        delayed.removeAll { $0.due <= now }
        for (_, unit) in due { enqueue(unit) }
        return nextDue
    }

    /// When the next run is due that waits for its attempt.
    var nextDue: Duration? { delayed.map(\.due).min() }

    /// Nothing is begun from now on: what waits for whatever is taken out.
    mutating func takeWaiting() -> [(DirectUnit, Line)] {
        isEnding = true
        var waiting = delayed.map(\.unit)
        delayed = []
        for number in lines.indices {
            waiting += lines[number].ready
            lines[number].ready = []
            lines[number].hasTurn = false
        }
        turns = []
        for order in orders.keys { waiting += orders.updateValue([], forKey: order) ?? [] }
        count -= waiting.count
        return waiting.map { ($0, lines[$0.line].line) }
    }

    /// The runs that are being done are given up: whatever their handlers still do.
    mutating func giveUp() -> [(DirectUnit, Line)] {
        let given = working.sorted { $0.value.number < $1.value.number }
        for (worker, work) in given { _ = end(Ticket(number: work.number, worker: worker)) }
        return given.map { ($0.value.unit, lines[$0.value.unit.line].line) }
    }

    private mutating func stop(_ ticket: Ticket) -> DirectUnit? {
        guard let work = working[ticket.worker], work.number == ticket.number else { return nil }
        working[ticket.worker] = nil
        running[lines[work.unit.line].job] -= 1
        return work.unit
    }
}
