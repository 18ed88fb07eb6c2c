import NightjarCore

/// Decides which settlements go to the store next: those that were never tried in batches, in the order in which they came;
/// those that the store refused when they were alone one at a time, later and later. Time is passed in.
struct SettleQueue: Sendable {
    /// What is to be done now.
    enum Action: Sendable {
        case settle([Settlement])
        /// One that was refused so many times.
        case settleAgain(Settlement, refusals: Int)
        /// Nothing for so long; `nil` for as long as nothing is submitted.
        case wait(Duration?)
        case end
    }

    private struct Refused: Sendable {
        var settlement: Settlement
        var refusals: Int
        /// By `TimeSource.elapsed`.
        var notBefore: Duration
    }

    private static let maximumBatch = 1000

    private var waiting: [Settlement] = []
    private var refused: [Refused] = []
    private var isTurnOfRefused = false
    private var isFinishing = false
    private(set) var isGivingUp = false

    mutating func submit(_ settlement: Settlement) {
        waiting.append(settlement)
    }

    /// Takes back one that the store refused when it was alone, to be tried again after 0.1 to 3.2 seconds.
    mutating func setAside(_ settlement: Settlement, refusals: Int, now: Duration) {
        let wait = Duration.milliseconds(50 << Int64(min(refusals, 6)))
        refused.append(Refused(settlement: settlement, refusals: refusals, notBefore: now + wait))
    }

    /// The end comes once nothing is left.
    mutating func finish() { isFinishing = true }

    /// What was refused is tried once more at once.
    mutating func giveUp() { isGivingUp = true }

    mutating func next(now: Duration) -> Action {
        let due = refused.indices.min { refused[$0].notBefore < refused[$1].notBefore }
        let isDue = due.map { isGivingUp || refused[$0].notBefore <= now } ?? false
        // In turns, so that neither waits for the other for ever.
        if let due, isDue, waiting.isEmpty || isTurnOfRefused {
            isTurnOfRefused = false
            let one = refused.remove(at: due)
            return .settleAgain(one.settlement, refusals: one.refusals)
        }
        if !waiting.isEmpty {
            isTurnOfRefused = true
            let batch = Array(waiting.prefix(Self.maximumBatch))
            waiting.removeFirst(batch.count)
            return .settle(batch)
        }
        if let due { return .wait(refused[due].notBefore - now) }
        return isFinishing ? .end : .wait(nil)
    }
}
