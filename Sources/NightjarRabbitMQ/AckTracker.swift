/// Which deliveries of a channel are settled, and which acknowledgements say so in the fewest frames.
///
/// The server numbers the deliveries of a channel from 1. An acknowledgement may stand for all up to its number that are
/// still open; those that are done out of turn wait a little for those before them, and are acknowledged one by one if these
/// take longer.
struct AckTracker {
    /// An acknowledgement (AMQP 0-9-1, `basic.ack`).
    struct Ack: Hashable, Sendable {
        var tag: UInt64
        /// Whether it stands for all open ones before it too.
        var multiple: Bool
    }

    private enum State: UInt8 {
        /// Not done yet.
        case open
        /// Done, and to be acknowledged.
        case done
        /// Acknowledged, or given back.
        case settled
    }

    /// What became of the deliveries from ``low`` on. Begins with one that is open, unless it is empty.
    private var states: [State] = []
    /// Where in ``states`` the delivery ``low`` is: what is before it is past.
    private var start = 0
    /// The lowest number that is open.
    private var low: UInt64 = 1
    /// The newest that is done with none open before it, not yet acknowledged.
    private var through: UInt64?
    /// How many that are done stand for more than one acknowledgement: out of turn.
    private(set) var outOfTurn = 0

    /// How many are open or out of turn.
    var count: Int { states.count - start }

    /// The next delivery came. Its number is one higher than that before it.
    mutating func deliver(_ tag: UInt64) {
        if states.count == start {
            states.removeAll(keepingCapacity: true)
            start = 0
            low = tag
        }
        states.append(.open)
    }

    /// It is done, and to be acknowledged.
    mutating func finish(_ tag: UInt64) { set(tag, .done) }

    /// It was given back or rejected: there is nothing to acknowledge any more.
    /// - Returns: whether it was open: another answer settles nothing.
    mutating func giveBack(_ tag: UInt64) -> Bool {
        guard isOpen(tag) else { return false }
        set(tag, .settled)
        return true
    }

    private func isOpen(_ tag: UInt64) -> Bool {
        guard tag >= low, tag - low < UInt64(count) else { return false }
        return states[start + Int(tag - low)] == .open
    }

    private mutating func set(_ tag: UInt64, _ state: State) {
        guard isOpen(tag) else { return }
        states[start + Int(tag - low)] = state
        if state == .done { outOfTurn += 1 }
        while start < states.count, states[start] != .open {
            if states[start] == .done {
                through = low
                outOfTurn -= 1
            }
            start += 1
            low += 1
        }
        // What is past is dropped when it is most of what is there, so that each is moved once at most.
        if start > 1024, start * 2 > states.count {
            states.removeFirst(start)
            start = 0
        }
    }

    /// What can be said now of those that have none open before them: one acknowledgement at most.
    mutating func takeContiguous() -> Ack? {
        guard let tag = through else { return nil }
        through = nil
        return Ack(tag: tag, multiple: true)
    }

    /// What is to be said of those out of turn, one by one.
    mutating func takeOutOfTurn() -> [Ack] {
        guard outOfTurn > 0 else { return [] }
        var acks: [Ack] = []
        acks.reserveCapacity(outOfTurn)
        for index in start..<states.count where states[index] == .done {
            states[index] = .settled
            acks.append(Ack(tag: low + UInt64(index - start), multiple: false))
        }
        outOfTurn = 0
        return acks
    }
}
