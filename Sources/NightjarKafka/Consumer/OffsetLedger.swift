/// How far one partition is done, though its messages end in any order: the low watermark, below which nothing is left to do.
struct OffsetLedger {
    /// The offset of the first message that is not done, or of the next one to come; `nil` if nothing is known of it yet.
    private(set) var position: Int64?
    /// Messages that were entered, from the first that is not done.
    private var offsets: [Int64] = []
    private var isDone: [Bool] = []
    /// Where the first that is not done stands in these.
    private var head = 0
    /// The number of what stands first in these.
    private var base = 0
    /// How many messages are not done.
    private(set) var open = 0

    init(start: Int64?) {
        position = start
    }

    /// The offset that follows the last message, entered or not done yet; `nil` if nothing is known of it.
    var next: Int64? { offsets.last.map { $0 + 1 } ?? position }

    /// The offset of a message that is not done.
    func offset(of number: Int) -> Int64 { offsets[number - base] }

    /// Enters a message; offsets grow, with gaps.
    /// - Returns: its number, by which it is finished.
    mutating func enter(_ offset: Int64) -> Int {
        if head == offsets.count { position = offset }
        offsets.append(offset)
        isDone.append(false)
        open += 1
        return base + offsets.count - 1
    }

    mutating func finish(_ number: Int) {
        let index = number - base
        guard index >= head, index < isDone.count, !isDone[index] else { return }
        isDone[index] = true
        open -= 1
        guard index == head else { return }
        while head < isDone.count, isDone[head] {
            position = head + 1 < offsets.count ? offsets[head + 1] : offsets[head] + 1
            head += 1
        }
        forgetDone()
    }

    private mutating func forgetDone() {
        // Now and then, so that each message is moved once at most, on average.
        guard head == offsets.count || head >= 1024 && head * 2 >= offsets.count else { return }
        offsets.removeFirst(head)
        isDone.removeFirst(head)
        base += head
        head = 0
    }
}
