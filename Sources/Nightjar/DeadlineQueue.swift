import HeapModule

/// Deadlines by key, the earliest first, as times of `TimeSource.elapsed`. A key has one deadline at most. Time is passed in.
struct DeadlineQueue<Key: Hashable & Sendable>: Sendable {
    private struct Entry: Comparable {
        var deadline: Duration
        var order: UInt64
        var key: Key

        static func == (left: Entry, right: Entry) -> Bool { left.order == right.order }

        static func < (left: Entry, right: Entry) -> Bool {
            left.deadline == right.deadline ? left.order < right.order : left.deadline < right.deadline
        }
    }

    private var heap = Heap<Entry>()
    private var current: [Key: UInt64] = [:]
    private var nextOrder: UInt64 = 0

    /// How many keys have a deadline.
    var count: Int { current.count }

    /// Sets the deadline of `key`, in place of the one it had.
    /// - Returns: whether it is the earliest of all now.
    mutating func set(_ key: Key, at deadline: Duration) -> Bool {
        nextOrder += 1
        current[key] = nextOrder
        heap.insert(Entry(deadline: deadline, order: nextOrder, key: key))
        compact()
        return earliest == deadline && heap.min?.order == nextOrder
    }

    /// Forgets the deadline of `key`.
    mutating func remove(_ key: Key) {
        current[key] = nil
        compact()
    }

    /// The earliest deadline.
    var earliest: Duration? {
        mutating get {
            dropStale()
            return heap.min?.deadline
        }
    }

    /// Takes the keys whose deadline has come, the earliest first.
    mutating func due(at now: Duration) -> [Key] {
        var keys: [Key] = []
        while true {
            dropStale()
            guard let first = heap.min, first.deadline <= now else { return keys }
            heap.removeMin()
            current[first.key] = nil
            keys.append(first.key)
        }
    }

    private mutating func dropStale() {
        while let first = heap.min, current[first.key] != first.order { heap.removeMin() }
    }

    /// Replaced and removed deadlines stay in the heap until they surface; rebuild before they outnumber the live ones.
    private mutating func compact() {
        guard heap.count > 2 * current.count + 64 else { return }
        heap = Heap(heap.unordered.filter { current[$0.key] == $0.order })
    }
}
