/// What the store remembers of a partition: the next offset, and in which cluster.
struct StoredOffset: Hashable {
    var offset: Int64
    /// The cluster's own name for itself, if it has one.
    var cluster: String?

    init(_ offset: Int64, cluster: String?) {
        self.offset = offset
        self.cluster = cluster
    }

    /// Reads what ``stored`` wrote; `nil` for anything else.
    init?(stored bytes: [UInt8]) {
        let parts = String(decoding: bytes, as: UTF8.self).split(separator: " ", maxSplits: 1)
        guard let first = parts.first, let offset = Int64(first), offset >= 0 else { return nil }
        self.init(offset, cluster: parts.count > 1 ? String(parts[1]) : nil)
    }

    /// The offset in decimal digits, and the cluster after a space.
    var stored: [UInt8] { Array((cluster.map { "\(offset) \($0)" } ?? "\(offset)").utf8) }

    /// Whether it speaks of another cluster than this one.
    func isOf(anotherThan present: String?) -> Bool {
        guard let cluster, let present else { return false }
        return cluster != present
    }
}
