public import NightjarCore

/// How a node works. The defaults suit one node that does ordinary background jobs.
public struct RuntimeConfiguration: Sendable {
    /// The node's name, unique among those that share the store. The default adds random letters to `node-`.
    public var node: NodeID
    /// How many runs the node does at once.
    public var concurrency: Int
    /// How many runs one claim may bring.
    public var claimBatch: Int
    /// How long a lease lasts; it is renewed after a third of that.
    public var lease: Duration
    /// How long what runs may go on after the node was told to stop.
    public var drain: Duration
    /// How long a handler may take to heed its cancellation before its run is given back without it.
    public var grace: Duration
    /// How long finished runs and events are kept.
    public var retention: RetentionPolicy
    /// The largest data of an event, in bytes.
    public var maximumEventBytes: Int
    /// The largest result of a run, in bytes: a handler that returns more has failed for good.
    public var maximumResultBytes: Int
    /// How many events may be on their way into the store; above that the intake is full.
    public var maximumEventsInFlight: Int
    /// How many bytes of event data may be on their way into the store; above that the intake is full.
    public var maximumBytesInFlight: Int

    /// A configuration with these values; out-of-range ones are raised to the lowest that makes sense.
    public init(
        node: NodeID = RuntimeConfiguration.randomNodeName(), concurrency: Int = 64, claimBatch: Int = 1000,
        lease: Duration = .seconds(30), drain: Duration = .seconds(30), grace: Duration = .seconds(10),
        retention: RetentionPolicy = RetentionPolicy(), maximumEventBytes: Int = 1 << 20,
        maximumResultBytes: Int = 1 << 20, maximumEventsInFlight: Int = 10_000, maximumBytesInFlight: Int = 64 << 20
    ) {
        self.node = node
        self.concurrency = max(1, concurrency)
        self.claimBatch = max(1, claimBatch)
        self.lease = max(.milliseconds(100), lease)
        self.drain = max(.zero, drain)
        self.grace = max(.zero, grace)
        self.retention = retention
        self.maximumEventBytes = max(0, maximumEventBytes)
        self.maximumResultBytes = max(0, maximumResultBytes)
        self.maximumEventsInFlight = max(1, maximumEventsInFlight)
        self.maximumBytesInFlight = max(1, maximumBytesInFlight)
    }

    /// What one attempt may emit.
    var emissionLimits: AttemptReporter.Limits {
        .init(eventBytes: maximumEventBytes, totalBytes: max(maximumBytesInFlight, maximumEventBytes))
    }

    /// A name that no other node is likely to have.
    public static func randomNodeName() -> NodeID {
        "node-" + String(UInt64.random(in: 0..<(1 << 40)), radix: 36)
    }
}

/// How long finished runs and events are kept. Dead runs stay until someone retries or discards them.
public struct RetentionPolicy: Sendable, Hashable {
    /// How long completed and cancelled runs are kept; in any case as long as their events.
    public var runs: Duration
    /// How long events are kept once none of their runs is left; within that time they are known as duplicates.
    public var events: Duration
    /// How many events without runs are kept, within that time: the newest.
    public var unmatchedEvents: Int

    /// A policy with these values; seven days each and 100,000 events by default.
    public init(
        runs: Duration = .seconds(7 * 86_400), events: Duration = .seconds(7 * 86_400), unmatchedEvents: Int = 100_000
    ) {
        self.unmatchedEvents = max(0, unmatchedEvents)
        self.runs = max(.zero, runs)
        self.events = max(.zero, events)
    }
}
