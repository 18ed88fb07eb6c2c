/// What a program wrote, up to a limit: the first half and the last.
struct CapturedOutput: Sendable {
    private let headLimit: Int
    private let tailLimit: Int
    private var head: [UInt8] = []
    private var tail: [UInt8] = []
    private var leftOut = 0

    init(limit: Int) {
        headLimit = max(0, limit) / 2
        tailLimit = max(0, limit) - headLimit
    }

    mutating func append(_ bytes: some RandomAccessCollection<UInt8>) {
        let room = headLimit - head.count
        if room > 0 { head += bytes.prefix(room) }
        let rest = bytes.dropFirst(max(0, room))
        if rest.count > tailLimit {
            leftOut += tail.count + rest.count - tailLimit
            tail = Array(rest.suffix(tailLimit))
            return
        }
        tail += rest
        // Trimmed when it is twice as long as it may be, so that each byte is moved once at most.
        if tail.count > 2 * tailLimit { trim() }
    }

    private mutating func trim() {
        let surplus = tail.count - tailLimit
        guard surplus > 0 else { return }
        tail.removeFirst(surplus)
        leftOut += surplus
    }

    /// What was kept, with a mark where something was left out.
    var bytes: [UInt8] {
        var copy = self
        copy.trim()
        guard copy.leftOut > 0 else { return copy.head + copy.tail }
        return copy.head + Array("\n… \(copy.leftOut) bytes left out …\n".utf8) + copy.tail
    }
}
