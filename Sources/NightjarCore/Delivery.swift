/// When an event is acknowledged to its source.
public enum Delivery: String, Sendable, Hashable, CaseIterable {
    /// When its runs are durable in the store.
    case stored
    /// When its jobs' handlers have finished; only what fails is stored. For sources whose system is durable itself.
    case direct
}

/// What a source's system does with an event that is given back to it: it delivers it again, and counts.
public struct Redelivery: Sendable, Hashable {
    /// How often the event was delivered by now: 1 for the first time.
    public var deliveries: Int
    /// The longest time that the system, or the source in its stead, holds it back before it is delivered again; zero if it is
    /// not to be given back, as where its order matters: then it only counts.
    public var longestWait: Duration

    /// The given number of deliveries, counted from 1.
    public init(deliveries: Int, longestWait: Duration) {
        self.deliveries = max(1, deliveries)
        self.longestWait = max(.zero, longestWait)
    }
}
