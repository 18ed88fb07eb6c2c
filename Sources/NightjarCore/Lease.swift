public import CloudEvents

/// The name of a node, unique among the nodes that share a store.
public typealias NodeID = String

/// Grows with every lease that a store grants. What a run writes to can remember the highest token it saw and refuse
/// lower ones, which come from a node that lost its lease.
public typealias FencingToken = Int64

/// A node's right to work on one attempt of a run until `expiresAt`.
public struct Lease: Sendable, Hashable {
    /// The run that is leased.
    public var run: RunID
    /// Identifies this lease: every settle and renewal carries it.
    public var token: FencingToken
    /// The node that holds it.
    public var node: NodeID
    /// From then on another node may take the run.
    public var expiresAt: Timestamp

    /// A lease with these values.
    public init(run: RunID, token: FencingToken, node: NodeID, expiresAt: Timestamp) {
        self.run = run
        self.token = token
        self.node = node
        self.expiresAt = expiresAt
    }
}
