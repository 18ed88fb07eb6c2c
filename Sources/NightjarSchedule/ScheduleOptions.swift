public import CloudEvents

/// What becomes of a schedule's ticks.
public struct ScheduleOptions: Sendable, Hashable {
    /// What becomes of ticks whose time passed while no node worked.
    public enum Missed: String, Sendable, Hashable, CaseIterable {
        /// The newest one is made up for.
        case latest
        /// All of them are, in their order, ``ScheduleOptions/atMost`` at a time: the newest ones.
        case all
        /// None is, unless its time is less than a minute ago.
        case skip
    }

    /// What becomes of ticks whose time passed while no node worked.
    public var missed: Missed
    /// How many missed ticks are made up for at a time, with ``Missed/all``.
    public var atMost: Int
    /// There are no ticks before it. One in the past lets a trigger that never ran before make up for the ticks since then.
    public var from: Timestamp?
    /// Each tick is held back by a part of this, which depends on the trigger's name and the tick alone and never reaches
    /// the next tick.
    public var jitter: Duration

    /// Options with these values.
    public init(
        missed: Missed = .latest, atMost: Int = 100, from: Timestamp? = nil, jitter: Duration = .zero
    ) {
        self.missed = missed
        self.atMost = min(max(1, atMost), Self.mostAtMost)
        self.from = from
        self.jitter = max(.zero, jitter)
    }

    /// The largest ``atMost``.
    public static let mostAtMost = 10_000
}
