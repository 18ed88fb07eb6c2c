/// What a program or a server answered, up to a limit: the first half and the last.
struct CapturedOutput: Sendable {
    private let limit: Int
    private var head: [UInt8] = []
    private var tail: [UInt8] = []
    private var leftOut = 0

    init(limit: Int) {
        self.limit = limit
    }

    /// Whether something was left out.
    var isTruncated: Bool { leftOut > 0 }

    mutating func append(_ bytes: some Collection<UInt8>) {
        let room = max(0, limit / 2 - head.count)
        head += bytes.prefix(room)
        tail += bytes.dropFirst(room)
        // Trimmed when it is twice as long as it may be, so that each byte is moved once at most.
        let allowed = limit - limit / 2
        if tail.count > 2 * max(allowed, 1024) { trim(to: allowed) }
    }

    private mutating func trim(to allowed: Int) {
        let surplus = tail.count - allowed
        guard surplus > 0 else { return }
        tail.removeFirst(surplus)
        leftOut += surplus
    }

    /// What was kept, with a mark where something was left out.
    var bytes: [UInt8] {
        var copy = self
        copy.trim(to: limit - limit / 2)
        guard copy.leftOut > 0 else { return copy.head + copy.tail }
        return copy.head + Array("\n… \(copy.leftOut) bytes left out …\n".utf8) + copy.tail
    }

    /// The last line that says something, for an error message; empty if there is none.
    var lastLine: String {
        let text = String(decoding: (tail.isEmpty ? head : tail).suffix(2000), as: UTF8.self)
        guard let line = text.split(whereSeparator: \.isNewline).last(where: { !$0.allSatisfy(\.isWhitespace) }) else {
            return ""
        }
        return ": " + line.prefix(300)
    }
}
