/// How the runs of a job are treated.
public struct JobPolicy: Sendable, Hashable {
    /// When a failed run is tried again.
    public var retry: RetryPolicy
    /// How long an attempt may take; `nil` for as long as it likes. When it passes, the handler is cancelled, and the
    /// attempt counts as failed.
    public var timeout: Duration?
    /// How many runs of this job a node does at once; `nil` for as many as the node has slots.
    public var concurrency: Int?

    /// A policy with these values; out-of-range ones are moved to the nearest that makes sense.
    public init(
        retry: RetryPolicy = .default, timeout: Duration? = nil, concurrency: Int? = nil
    ) {
        self.retry = retry
        self.timeout = timeout
        self.concurrency = concurrency.map { max(1, $0) }
    }
}
