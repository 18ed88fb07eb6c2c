/// Which messages of a channel the server has confirmed: it counts those that are published, from 1.
struct ConfirmTracker<Publication: Sendable> {
    /// What became of a message.
    enum Outcome: Hashable, Sendable {
        /// The server has it.
        case confirmed
        /// The server has given it back, for this reason: no queue has it.
        case returned(String)
        /// The server has not taken it.
        case refused
    }

    private struct Entry {
        var publication: Publication
        var returned: String?
    }

    /// Those from ``low`` on; `nil` for what is settled.
    private var entries: [Entry?] = []
    private var start = 0
    private var low: UInt64 = 1
    /// How many are not confirmed.
    private(set) var count = 0

    /// The oldest that is not confirmed.
    var first: Publication? { start < entries.count ? entries[start]?.publication : nil }

    /// A message was published.
    mutating func publish(_ publication: Publication) {
        entries.append(Entry(publication: publication))
        count += 1
    }

    /// The server gave a message back: the oldest such one that is not known to be. Its confirmation follows.
    mutating func giveBack(reason: String, where isMeant: (Publication) -> Bool) {
        for index in start..<entries.count {
            guard let entry = entries[index], entry.returned == nil, isMeant(entry.publication) else { continue }
            entries[index]?.returned = reason
            return
        }
    }

    /// The server confirms a message, or all up to it.
    /// - Parameter isTaken: `false` for `basic.nack`.
    /// - Returns: those that were not confirmed before, with what became of them.
    mutating func confirm(_ tag: UInt64, multiple: Bool, isTaken: Bool) -> [(Publication, Outcome)] {
        guard tag >= low, tag - low < UInt64(entries.count - start) else { return [] }
        let last = start + Int(tag - low)
        var confirmed: [(Publication, Outcome)] = []
        for index in (multiple ? start : last)...last {
            guard let entry = entries[index] else { continue }
            entries[index] = nil
            let outcome: Outcome = isTaken ? entry.returned.map { .returned($0) } ?? .confirmed : .refused
            confirmed.append((entry.publication, outcome))
        }
        count -= confirmed.count
        while start < entries.count, entries[start] == nil {
            start += 1
            low += 1
        }
        if start == entries.count || start > 1024 && start * 2 > entries.count {
            entries.removeFirst(start)
            start = 0
        }
        return confirmed
    }

    /// Those that are not confirmed, oldest first.
    var unconfirmed: [Publication] { entries[start...].compactMap { $0?.publication } }
}
