public import CloudEvents

/// A page of the kept events that fit, in the order of acceptance.
public struct EventQuery: Sendable, Hashable {
    /// Only events that have no run.
    public var isUnmatched: Bool
    /// Only events of these types and sources.
    public var filter: EventFilter
    /// Only events accepted at this time or later.
    public var acceptedFrom: Timestamp?
    /// Only events accepted at this time or earlier.
    public var acceptedUntil: Timestamp?
    /// Only events whose sequence is greater: that of the last event of the page before.
    public var after: Int64
    /// At most so many.
    public var limit: Int
    /// A page ends with the event by which its data reaches so many bytes.
    public var mostBytes: Int

    /// A query with these values.
    public init(
        isUnmatched: Bool = false, filter: EventFilter = EventFilter(), acceptedFrom: Timestamp? = nil,
        acceptedUntil: Timestamp? = nil, after: Int64 = 0, limit: Int = 50, mostBytes: Int = 16 << 20
    ) {
        self.isUnmatched = isUnmatched
        self.filter = filter
        self.acceptedFrom = acceptedFrom
        self.acceptedUntil = acceptedUntil
        self.after = after
        self.limit = limit
        self.mostBytes = mostBytes
    }

    /// Whether an event that was accepted then fits, but for its runs and its place.
    public func fits(type: String, source: String, acceptedAt: Timestamp) -> Bool {
        if let acceptedFrom, acceptedAt < acceptedFrom { return false }
        if let acceptedUntil, acceptedAt > acceptedUntil { return false }
        return filter.wants(type: type, source: source)
    }
}
