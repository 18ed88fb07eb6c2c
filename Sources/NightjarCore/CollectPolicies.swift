public import CloudEvents
public import Expressions

/// Makes one run of events that come in quick succession: it begins when none has come for a while.
public struct DebouncePolicy: Sendable, Hashable {
    /// Which of the events the run gets.
    public enum Keep: String, Sendable, Hashable, CaseIterable {
        /// The first.
        case first
        /// The last.
        case last
        /// All of them, as a batch.
        case all
    }

    /// How long after the last event the run begins.
    public var wait: Duration
    /// How long after the first event it begins at the latest; `nil` for any time.
    public var atMost: Duration?
    /// Which of the events it gets.
    public var keep: Keep
    /// Only events of the same key are one run: an expression over the event. `nil` for the job's key, and if that has none,
    /// for one key that all have in common.
    public var key: CELExpression?

    /// A policy with these values; out-of-range ones are raised to the lowest that makes sense.
    public init(wait: Duration, atMost: Duration? = nil, keep: Keep = .last, key: CELExpression? = nil) {
        let wait = max(.zero, wait)
        self.wait = wait
        self.atMost = atMost.map { max(wait, $0) }
        self.keep = keep
        self.key = key
    }
}

/// Gathers events, so that one run does many of them.
public struct BatchPolicy: Sendable, Hashable {
    /// How many events a run has at most.
    public var size: Int
    /// How long after the first event it begins at the latest.
    public var within: Duration
    /// Only events of the same key are one run: an expression over the event. `nil` for the job's key, and if that has none,
    /// for one key that all have in common.
    public var key: CELExpression?

    /// A policy with these values; out-of-range ones are moved to the nearest that makes sense.
    public init(size: Int, within: Duration, key: CELExpression? = nil) {
        self.size = min(max(1, size), CollectClaim.mostItems)
        self.within = max(.zero, within)
        self.key = key
    }
}

/// What a new run asks of a run that collects events; see ``DebouncePolicy`` and ``BatchPolicy``.
///
/// A run collects as long as it is `scheduled` and nothing has closed it. An event joins the open run of its job and key; if
/// there is none, its own run is made, and is open. A run closes when it has as many events as it may, or as many bytes, and
/// when its time has come: whatever moves it from `scheduled` closes it for good.
public struct CollectClaim: Sendable, Hashable {
    /// How many events a run collects at most.
    public static let mostItems = 10_000
    /// How many bytes of input a run collects: the event that reaches this is its last.
    public static let mostBytes = 8 << 20

    /// The key. Two are the same if their bytes are.
    public var key: String
    /// When the run begins at the latest, should this event be its first; `nil` for any time.
    public var until: Timestamp?
    /// How many events it collects, should this event be its first.
    public var size: Int
    /// Which events its handler gets, should this event be its first.
    public var keep: DebouncePolicy.Keep
    /// Whether others may join it. Where not, this event joins none, and ``NewRun/runAt`` is as it is asked for.
    public var isOpen: Bool

    /// A claim with these values.
    public init(
        key: String = "", until: Timestamp? = nil, size: Int = CollectClaim.mostItems,
        keep: DebouncePolicy.Keep = .all, isOpen: Bool = true
    ) {
        self.key = key
        self.until = until
        self.size = min(max(1, size), Self.mostItems)
        self.keep = keep
        self.isOpen = isOpen
    }
}

/// A run that collects, as far as the next event has to know it: what decides when it begins and when it is full.
public struct CollectingRun: Sendable, Hashable {
    /// When it begins.
    public var runAt: Timestamp
    /// When it is dead if it has not been started.
    public var expiresAt: Timestamp?
    /// When it begins at the latest.
    public var until: Timestamp?
    /// How many events it collects.
    public var size: Int
    /// How many it has.
    public var count: Int
    /// How many bytes of input they have.
    public var bytes: Int

    /// A run with these values.
    public init(
        runAt: Timestamp, expiresAt: Timestamp?, until: Timestamp?, size: Int, count: Int, bytes: Int
    ) {
        self.runAt = runAt
        self.expiresAt = expiresAt
        self.until = until
        self.size = size
        self.count = count
        self.bytes = bytes
    }

    /// The run that a first event begins.
    public init(first new: NewRun, _ claim: CollectClaim, bytes: Int, at now: Timestamp) {
        self.init(
            runAt: new.runAt, expiresAt: new.expiresAt, until: claim.until, size: claim.size, count: 1, bytes: bytes)
        if claim.isOpen, isFull { begin(at: now) }
    }

    /// Whether no further event may join.
    public var isFull: Bool { count >= size || bytes >= CollectClaim.mostBytes }

    /// Takes one more event: moves the time to what the event's own run would have had, never ahead and at most to `until`. A
    /// run that is full now begins at once.
    public mutating func join(_ new: NewRun, bytes: Int, at now: Timestamp) {
        let before = runAt
        runAt = max(runAt, new.runAt)
        if let until { runAt = max(before, min(runAt, until)) }
        if let expiresAt { self.expiresAt = expiresAt + (runAt - before) }
        count += 1
        self.bytes += bytes
        if isFull { begin(at: now) }
    }

    private mutating func begin(at now: Timestamp) {
        guard runAt > now else { return }
        if let expiresAt { self.expiresAt = expiresAt - (runAt - now) }
        runAt = now
    }
}

/// One of the events that a run collected.
public struct RunItem: Sendable, Hashable {
    /// Its place among all that the run collected, from 0.
    public var position: Int
    /// The trigger that brought it; `nil` for a start by hand.
    public var trigger: String?
    /// The event.
    public var event: Event
    /// What the job gets instead of the event's data: a JSON text.
    public var input: [UInt8]?

    /// An item with these values.
    public init(position: Int, trigger: String? = nil, event: Event, input: [UInt8]? = nil) {
        self.position = position
        self.trigger = trigger
        self.event = event
        self.input = input
    }
}

extension Event {
    /// The event with what the trigger made of its data, if it made something.
    package func with(input: [UInt8]?) -> Event {
        guard let input else { return self }
        var event = self
        event.data = input
        event.dataContentType = "application/json"
        event.dataSchema = nil
        return event
    }
}
