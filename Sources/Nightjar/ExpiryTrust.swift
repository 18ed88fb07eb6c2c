import CloudEvents
import NightjarCore

/// Decides whether expired leases say that their nodes are gone. Time is passed in.
///
/// They do not when time leapt (a machine slept, a clock was set) or the store was away: then every lease has expired and
/// nobody is to blame. For as long as a lease lasts, the living get to renew theirs before anybody takes their runs.
struct ExpiryTrust: Sendable {
    private let interval: Duration
    private let lease: Duration
    private var lastLook: Timestamp?
    /// By `TimeSource.elapsed`.
    private var doubtfulUntil: Duration?

    /// - Parameters:
    ///   - interval: how long it is from one look to the next.
    ///   - lease: how long a lease lasts; the living renew theirs after a third of that.
    init(interval: Duration, lease: Duration) {
        self.interval = interval
        self.lease = lease
    }

    /// Whether what has expired at `now` may be taken back. To be asked before each look.
    ///
    /// A lease that is renewed in time has two thirds of its length left. So a leap of up to a third does no harm, and a
    /// busy machine is not taken for a leap.
    mutating func look(now: Timestamp, elapsed: Duration) -> Bool {
        if let lastLook, now - lastLook > interval + lease / 3 { doubt(elapsed: elapsed) }
        lastLook = now
        guard let until = doubtfulUntil else { return true }
        guard elapsed >= until else { return false }
        doubtfulUntil = nil
        return true
    }

    /// The store could not be asked: others may not have reached it either.
    mutating func doubt(elapsed: Duration) {
        doubtfulUntil = elapsed + lease
    }
}
