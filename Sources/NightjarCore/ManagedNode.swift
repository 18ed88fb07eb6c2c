public import CloudEvents

/// A node as its management API sees it. The engine's `Runtime` is one.
public protocol ManagedNode: Sendable {
    /// The node's name.
    var id: NodeID { get }
    /// The door for events.
    var intake: any Intake { get }
    /// The durable home of events and runs, for reading.
    var store: any RunStore { get }
    /// The engine's time.
    var time: any TimeSource { get }
    /// The jobs this node knows.
    func jobs() async throws(StoreError) -> [JobStatus]
    /// The triggers this node runs.
    func triggers() async throws(StoreError) -> [TriggerStatus]
    /// Does what a person asked for, at once where this node is concerned.
    func change(_ command: RunCommand, _ selection: RunSelection, limit: Int) async throws(StoreError) -> [RunChange]
    /// Retries a run with another input, a JSON text.
    /// - Throws: ``IntakeError`` if the input is no JSON, too large, or the store failed.
    func retry(_ id: RunID, input: [UInt8]) async throws(IntakeError) -> RunChange
    /// Decides again on kept events, at most `limit` of them, in the order of acceptance.
    /// - Parameter cursor: the ``ReplayPage/next`` of the page before.
    func replay(_ request: ReplayRequest, after cursor: Int64?, limit: Int) async throws(IntakeError) -> ReplayPage
    /// Pauses or resumes a job, a trigger or a key; kept over restarts, heard by every node.
    func setPaused(_ pause: Pause, _ isPaused: Bool) async throws(StoreError)
    /// Changes of runs that this node makes, from now on. A reader too slow for them gets the newest and misses older ones.
    func updates() -> AsyncStream<RunUpdate>
    /// Whether it is ready to take events, and if not, why.
    func readiness() async -> Readiness
}

/// A change of a run.
public struct RunUpdate: Sendable, Hashable {
    /// The run.
    public var run: RunID
    /// Its job.
    public var job: String
    /// The trigger that made it.
    public var trigger: String?
    /// Where it stands now.
    public var state: RunState
    /// The number of the attempt it is about; 0 before the first.
    public var attempt: Int
    /// How far it has come, where that is what changed.
    public var progress: Progress?
    /// What its last attempt failed of, or why it is dead or cancelled.
    public var reason: String?
    /// When.
    public var at: Timestamp

    /// An update with these values.
    public init(
        run: RunID, job: String, trigger: String?, state: RunState, attempt: Int, progress: Progress? = nil,
        reason: String? = nil, at: Timestamp
    ) {
        self.run = run
        self.job = job
        self.trigger = trigger
        self.state = state
        self.attempt = attempt
        self.progress = progress
        self.reason = reason
        self.at = at
    }
}

/// A job as people see it.
public struct JobStatus: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// What kind of handler it has.
    public var kind: String
    /// How its runs are treated.
    public var policy: JobPolicy
    /// None of its runs is claimed.
    public var isPaused: Bool
    /// The keys of which no run is claimed, in order.
    public var pausedKeys: [String]
    /// How many of its runs this node does now.
    public var running: Int
    /// How many of its runs, on all nodes, are in each state that is not completed or cancelled.
    public var counts: [RunState: Int]

    /// A status with these values.
    public init(
        name: String, kind: String, policy: JobPolicy, isPaused: Bool, pausedKeys: [String] = [], running: Int,
        counts: [RunState: Int]
    ) {
        self.pausedKeys = pausedKeys
        self.name = name
        self.kind = kind
        self.policy = policy
        self.isPaused = isPaused
        self.running = running
        self.counts = counts
    }
}

/// A trigger as people see it.
public struct TriggerStatus: Sendable, Hashable {
    /// Its name.
    public var name: String
    /// What kind of trigger it is.
    public var kind: String
    /// What it listens to.
    public var summary: String
    /// The jobs it starts.
    public var jobs: [String]
    /// Its events make runs, but none of them is claimed.
    public var isPaused: Bool
    /// How its source fares.
    public var health: SourceHealth
    /// How many events it took since this node started.
    public var accepted: Int
    /// How many messages wait in its source's system: the depth of a queue, the lag of a stream; `nil` where that is not known.
    public var waiting: Int?
    /// How often its source lost its connection and got it back since it started.
    public var reconnects: Int
    /// When its events are acknowledged.
    public var delivery: Delivery

    /// A status with these values.
    public init(
        name: String, kind: String, summary: String, jobs: [String], isPaused: Bool, health: SourceHealth,
        accepted: Int, waiting: Int? = nil, reconnects: Int = 0, delivery: Delivery = .stored
    ) {
        self.waiting = waiting
        self.reconnects = reconnects
        self.delivery = delivery
        self.name = name
        self.kind = kind
        self.summary = summary
        self.jobs = jobs
        self.isPaused = isPaused
        self.health = health
        self.accepted = accepted
    }
}

/// Whether a node is ready to take events.
public enum Readiness: Sendable, Hashable {
    /// It is.
    case ready
    /// It is not, for this reason.
    case notReady(String)
}
