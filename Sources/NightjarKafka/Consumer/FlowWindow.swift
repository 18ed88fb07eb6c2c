/// How much a source may have in hand. Once it is full it opens again at half, so that it receives in batches.
struct FlowWindow {
    let mostMessages: Int
    let mostBytes: Int
    private(set) var messages = 0
    private(set) var bytes = 0
    private var isFull = false
    /// The largest message so far: the next ones may be as large.
    private var largest = 1

    init(messages: Int, bytes: Int) {
        mostMessages = max(1, messages)
        mostBytes = max(1, bytes)
    }

    /// How many messages may be received now.
    var room: Int {
        if isFull { return 0 }
        let fitting = (mostBytes - bytes) / largest
        return max(messages == 0 ? 1 : 0, min(mostMessages - messages, fitting))
    }

    mutating func add(bytes count: Int) {
        messages += 1
        bytes += count
        largest = max(largest, count)
        if room == 0 { isFull = true }
    }

    mutating func remove(messages count: Int, bytes size: Int) {
        messages -= count
        bytes -= size
        if messages <= mostMessages / 2, bytes <= mostBytes / 2 { isFull = false }
    }
}
