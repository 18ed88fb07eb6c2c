import CloudEvents

/// Holds ticks back by a time that looks random and is the same on every node.
struct Jitter: Sendable, Hashable {
    private let most: Duration
    private let seed: UInt64

    /// A jitter up to `most` for the ticks of a trigger.
    init(upTo most: Duration, trigger: String) {
        self.most = most
        // FNV-1a: the standard library's hashes differ from process to process.
        seed = trigger.utf8.reduce(0xCBF2_9CE4_8422_2325) { ($0 ^ UInt64($1)) &* 0x0000_0100_0000_01B3 }
    }

    /// When a tick is due: at its time or later, before the next one.
    func due(_ tick: Timestamp, next: Timestamp?) -> Timestamp {
        guard most > .zero else { return tick }
        // SplitMix64.
        var bits = seed &+ UInt64(bitPattern: tick.microsecondsSince1970) &* 0x9E37_79B9_7F4A_7C15
        bits = (bits ^ (bits >> 30)) &* 0xBF58_476D_1CE4_E5B9
        bits = (bits ^ (bits >> 27)) &* 0x94D0_49BB_1331_11EB
        bits ^= bits >> 31
        let fraction = Double(bits >> 11) / Double(1 << 53)
        let room = next.map { min(most, $0 - tick) } ?? most
        let (seconds, attoseconds) = room.components
        let microseconds = Double(seconds) * 1e6 + Double(attoseconds / 1_000_000_000_000)
        return tick + .microseconds(Int64(fraction * microseconds))
    }
}
