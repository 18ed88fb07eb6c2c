/// A file that may still be written to: nothing has said yet that its writer is done. Decides when it is complete. No I/O.
struct UnsettledFile: Sendable, Hashable {
    /// What is known of programs that have a file open for writing.
    enum Writers: Sendable, Hashable {
        case none
        case some
        /// The system does not tell.
        case unknown
    }

    /// The file as the last look saw it; `nil` when it could not be looked at.
    private var version: FileVersion?
    /// When to look again, as a time of `TimeSource.elapsed`.
    private(set) var due: Duration
    private var unchangedSince: Duration
    private let interval: Duration
    /// How long a file must stay as it is when it is not known whether somebody writes to it.
    private let rest: Duration

    /// - Parameters:
    ///   - age: how long it has been as it is.
    ///   - isAnnounced: whether a notification said that it was made. Then another one most likely says when it is closed,
    ///     and a rest is a writer's pause; only of a file that was linked nothing more is heard.
    init(_ version: FileVersion?, age: Duration = .zero, isAnnounced: Bool, now: Duration, interval: Duration) {
        self.version = version
        self.interval = interval
        due = now + max(.zero, interval - age)
        unchangedSince = now - age
        rest = isAnnounced ? Self.longRest(interval) : interval
    }

    /// How long a writer's pause may be.
    static func longRest(_ interval: Duration) -> Duration { interval * 30 }

    /// Whether a file that exists is complete, by another look at it. If not, it is due again after the interval.
    /// - Parameter found: the version that is there; `nil` when it could not be looked at.
    mutating func isComplete(_ found: FileVersion?, _ writers: Writers, now: Duration) -> Bool {
        due = now + interval
        guard let found, found == version else {
            version = found ?? version
            unchangedSince = now
            return false
        }
        switch writers {
        case .none: return true
        case .some:
            unchangedSince = now
            return false
        case .unknown: return now - unchangedSince >= rest
        }
    }
}
