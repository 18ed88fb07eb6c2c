public import CloudEvents

/// The order in which runs of a job are claimed: by their time, which each level of priority moves ahead by
/// ``JobPolicy/agingPerLevel``.
public enum RunRank {
    /// What a level of priority is worth, in microseconds.
    public static let microsecondsPerLevel = JobPolicy.agingPerLevel.microseconds

    /// The rank of a run: a smaller one goes first. Saturates.
    public static func of(runAt: Timestamp, priority: Int) -> Int64 {
        let (rank, overflow) = runAt.microsecondsSince1970.subtractingReportingOverflow(
            Int64(priority) * microsecondsPerLevel)
        return overflow ? .min : rank
    }
}
