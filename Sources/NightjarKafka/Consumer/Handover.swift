import NightjarCore

/// What is known of a message while it is in hand.
struct Ticket: Sendable {
    /// The partition, by the number of its assignment.
    var assignment: Int
    /// Its number in the partition's ledger.
    var number: Int
    /// Messages of one lane go one after the other; `nil` if the message may go with any.
    var lane: Int?
    var bytes: Int
}

/// Messages that are taken together.
struct KafkaBatch: Sendable {
    var messages: [SourceMessage] = []
    var tickets: [Ticket] = []
    /// The lanes that it occupies, each once.
    var lanes: [Int] = []
    var bytes = 0
    /// Its number, from 1.
    fileprivate(set) var number = 0
}

/// Decides which messages may be handed over, so that those of one lane are taken one after the other, as they came. A lane
/// stands for a key, or for a partition; two keys may share a lane, and then wait for one another without need.
struct Handover {
    static let lanes = 4096

    private struct Held {
        var message: SourceMessage
        var ticket: Ticket
    }

    /// The batch that occupies a lane; 0 for none.
    private var owners = [Int](repeating: 0, count: lanes)
    /// Messages of occupied lanes.
    private var waiting: [Int: [Held]] = [:]
    /// Messages whose lanes became free: before all that comes later.
    private var released: [Held] = []
    private var releasedHead = 0
    private var lastNumber = 0

    /// A batch that takes what waited and may go now.
    /// - Parameter most: how many messages.
    mutating func begin(most: Int, bytes: Int) -> KafkaBatch {
        lastNumber += 1
        var batch = KafkaBatch()
        batch.number = lastNumber
        while releasedHead < released.count, batch.messages.count < most, batch.bytes < bytes {
            let held = released[releasedHead]
            releasedHead += 1
            add(held.message, held.ticket, to: &batch)
        }
        if releasedHead == released.count {
            released.removeAll(keepingCapacity: true)
            releasedHead = 0
        }
        return batch
    }

    /// Whether messages that may go are left from before: later ones must not overtake them.
    var hasReleased: Bool { releasedHead < released.count }

    /// Adds a message to the batch, or keeps it until its lane is free.
    mutating func add(_ message: SourceMessage, _ ticket: Ticket, to batch: inout KafkaBatch) {
        if let lane = ticket.lane, owners[lane] != batch.number {
            guard owners[lane] == 0 else {
                waiting[lane, default: []].append(Held(message: message, ticket: ticket))
                return
            }
            owners[lane] = batch.number
            batch.lanes.append(lane)
        }
        batch.messages.append(message)
        batch.tickets.append(ticket)
        batch.bytes += ticket.bytes
    }

    /// A batch was answered: its lanes are free.
    mutating func end(lanes: [Int]) {
        for lane in lanes {
            owners[lane] = 0
            if let held = waiting.removeValue(forKey: lane) { released += held }
        }
    }

    /// Forgets the messages that wait for these assignments.
    /// - Returns: how many they were, by assignment, and their bytes.
    mutating func drop(_ isDropped: (Int) -> Bool) -> (messages: [Int: Int], bytes: Int) {
        var (messages, bytes): ([Int: Int], Int) = ([:], 0)
        func keeps(_ held: Held) -> Bool {
            guard isDropped(held.ticket.assignment) else { return true }
            messages[held.ticket.assignment, default: 0] += 1
            bytes += held.ticket.bytes
            return false
        }
        released = released[releasedHead...].filter(keeps)
        releasedHead = 0
        for (lane, held) in waiting {
            let kept = held.filter(keeps)
            waiting[lane] = kept.isEmpty ? nil : kept
        }
        return (messages, bytes)
    }

    /// The lane of these bytes (FNV-1a).
    static func lane(of bytes: some Sequence<UInt8>) -> Int {
        var hash: UInt64 = 0xcbf2_9ce4_8422_2325
        for byte in bytes { hash = (hash ^ UInt64(byte)) &* 0x100_0000_01b3 }
        // The low bits alone would tell keys with common endings badly apart.
        return Int((hash ^ hash >> 32) & UInt64(lanes - 1))
    }
}
