import Synchronization

/// Takes batches, the first of which waits until it is let go on.
final class Batches: Sendable {
    private let sent = Mutex<[[Int]]>([])
    private let isOpen = Mutex(false)

    var all: [[Int]] { sent.withLock { $0 } }

    func send(_ entries: [Int]) async -> [Int] {
        let isFirst = sent.withLock { sent in
            sent.append(entries)
            return sent.count == 1
        }
        // Not a stream alone: waiting for that would end when the task is cancelled.
        if isFirst { while !isOpen.withLock({ $0 }) { await Task.yield() } }
        return entries.map { $0 * 10 }
    }

    func open() { isOpen.withLock { $0 = true } }

    func waitForFirst() async { await settle { !self.all.isEmpty } }

    /// Lets others go on until a condition is met.
    func settle(_ isMet: () -> Bool) async {
        while !isMet() { await Task.yield() }
    }
}
