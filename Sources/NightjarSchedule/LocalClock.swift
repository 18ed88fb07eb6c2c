import Foundation

/// What the clocks of a time zone show, in whole seconds: instants since 1970 in UTC, local times as if UTC were shown.
struct LocalClock {
    /// The instants at which clocks show a local time.
    enum Instants: Hashable {
        case once(Int64)
        /// Clocks are set back over it. The local times that come twice are with it.
        case twice(first: Int64, second: Int64, repeated: Range<Int64>)
        /// Clocks are set forward over it, at this instant. The local times that are left out are with it.
        case never(end: Int64, gap: Range<Int64>)
    }

    /// Clocks are at most 14 hours away from UTC.
    private static let reach: Int64 = 16 * 3600

    private let zone: TimeZone

    init(_ zone: TimeZone) { self.zone = zone }

    /// How much later than UTC clocks show at an instant, in seconds.
    func offset(at instant: Int64) -> Int64 {
        Int64(zone.secondsFromGMT(for: Date(timeIntervalSince1970: Double(instant))))
    }

    /// When clocks show `local`.
    func instants(of local: Int64) -> Instants {
        var before = local - Self.reach
        var change = local + Self.reach
        let old = offset(at: before)
        // Every instant that may be meant lies between the two.
        if old == offset(at: change) { return .once(local - old) }
        while change - before > 1 {
            let middle = before + (change - before) / 2
            if offset(at: middle) == old { before = middle } else { change = middle }
        }
        let new = offset(at: change)
        switch (local - old < change, local - new >= change) {
        case (true, true):
            return .twice(first: local - old, second: local - new, repeated: change + new..<change + old)
        case (true, false): return .once(local - old)
        case (false, true): return .once(local - new)
        case (false, false): return .never(end: change, gap: change + old..<change + new)
        }
    }
}
