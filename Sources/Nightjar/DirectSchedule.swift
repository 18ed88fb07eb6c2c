import DequeModule
import NightjarCore

/// Decides which run of direct delivery is done next: at most so many at once, those of an order one after the other, none that
/// is paused. A value without clock and I/O.
struct DirectSchedule: Sendable {
    /// A run that is being done, by a number of its own.
    struct Ticket: Hashable, Sendable {
        var number: UInt64
    }

    private var jobs: [String: Job] = [:]
    private var ready: [DirectUnit.Line: Deque<DirectUnit>] = [:]
    /// The lines that have runs, in the order of their turns.
    private var turns: [DirectUnit.Line] = []
    /// What waits behind a run of its order that is being done, or is ready, or waits for its next attempt.
    private var orders: [DirectUnit.Order: Deque<DirectUnit>] = [:]
    private var working: [Ticket: DirectUnit] = [:]
    private var workingByJob: [String: Int] = [:]
    /// What waits for its next attempt, each with its time on an even clock.
    private(set) var delayed: [(due: Duration, unit: DirectUnit)] = []
    private var paused: Set<Pause> = []
    private var lastNumber: UInt64 = 0
    /// How many runs have not ended.
    private(set) var count = 0
    /// Nothing is held back any more: all that is here ends soon.
    var isEnding = false

    mutating func configure(_ jobs: [Job]) {
        self.jobs = Dictionary(jobs.map { ($0.name, $0) }) { first, _ in first }
    }

    mutating func pause(_ pauses: Set<Pause>) { paused = pauses }

    mutating func add(_ units: [DirectUnit]) {
        count += units.count
        for unit in units { add(unit) }
    }

    private mutating func add(_ unit: DirectUnit) {
        guard let order = unit.order else { return enqueue(unit) }
        if orders[order] != nil {
            orders[order]?.append(unit)
        } else {
            orders[order] = Deque()
            enqueue(unit)
        }
    }

    private mutating func enqueue(_ unit: DirectUnit) {
        if ready[unit.line]?.append(unit) == nil {
            ready[unit.line] = [unit]
            turns.append(unit.line)
        }
    }

    /// The next run to be done, with its job as configured now; without one if it is not to be done here any more.
    mutating func next() -> (Ticket, DirectUnit, Job?)? {
        for (position, line) in turns.enumerated() where mayStart(line) {
            guard let unit = ready[line]?.popFirst() else { continue }
            turns.remove(at: position)
            if ready[line]?.isEmpty == false { turns.append(line) } else { ready[line] = nil }
            lastNumber += 1
            let ticket = Ticket(number: lastNumber)
            working[ticket] = unit
            workingByJob[line.job, default: 0] += 1
            return (ticket, unit, isEnding ? nil : jobs[line.job])
        }
        return nil
    }

    /// Whether ``next()`` has a run.
    var hasNext: Bool { turns.contains { mayStart($0) } }

    private func mayStart(_ line: DirectUnit.Line) -> Bool {
        if isEnding { return true }
        if !paused.isEmpty {
            if paused.contains(Pause(.job, line.job)) || paused.contains(Pause(.trigger, line.trigger)) { return false }
        }
        guard let limit = jobs[line.job]?.policy.concurrency else { return true }
        return workingByJob[line.job, default: 0] < limit
    }

    /// A run has ended.
    /// - Returns: whether it was being done; not if it was given up before.
    mutating func end(_ ticket: Ticket) -> Bool {
        guard let unit = stop(ticket) else { return false }
        count -= 1
        goOn(unit.order)
        return true
    }

    /// A run waits for its next attempt; those of its order wait with it.
    mutating func delay(_ ticket: Ticket, _ unit: DirectUnit, until due: Duration) {
        guard stop(ticket) != nil else { return }
        if isEnding { return enqueue(unit) }
        delayed.append((due, unit))
    }

    /// Makes those ready whose time has come; all of them once it ends.
    mutating func ring(at now: Duration) {
        let due = delayed.filter { $0.due <= now || isEnding }
        delayed.removeAll { $0.due <= now || isEnding }
        for (_, unit) in due { enqueue(unit) }
    }

    /// The runs that are being done are given up: whatever their handlers still do.
    mutating func giveUp() -> [DirectUnit] {
        let units = working.sorted { $0.key.number < $1.key.number }
        for (ticket, _) in units { _ = end(ticket) }
        return units.map(\.value)
    }

    private mutating func stop(_ ticket: Ticket) -> DirectUnit? {
        guard let unit = working.removeValue(forKey: ticket) else { return nil }
        workingByJob[unit.line.job, default: 1] -= 1
        return unit
    }

    private mutating func goOn(_ order: DirectUnit.Order?) {
        guard let order else { return }
        if let next = orders[order]?.popFirst() { enqueue(next) } else { orders[order] = nil }
    }
}
