public import CloudEvents

/// The one door by which events enter: it records events and makes runs in one transaction.
public protocol Intake: Sendable {
    /// Takes a batch of events. When it returns, all of them and their runs are durable; when it throws, none was taken.
    ///
    /// For a trigger with direct delivery it returns when the handlers have finished, and what they did not do is durable, or
    /// to be given back to the source's system: ``Acceptance/Outcome/redeliver``.
    ///
    /// Duplicates (same source and id as an event within the retention window) are answered with
    /// ``Acceptance/Outcome/duplicate`` and make no second run.
    func accept(_ batch: [IncomingEvent]) async throws(IntakeError) -> [Acceptance]
}

/// An event at the door.
public struct IncomingEvent: Sendable {
    /// Who is to look at it.
    public enum Addressee: Sendable, Hashable {
        /// Every `event:` trigger.
        case bus
        /// The named trigger alone.
        case trigger(String)
        /// The named job, without a trigger: a start by hand, not before `runAt` if that is given.
        case job(String, runAt: Timestamp?)
        /// Nobody: the named trigger's source notes something, and this is why it starts nothing.
        case nobody(trigger: String, reason: String)
    }

    /// The event.
    public var event: Event
    /// Who is to look at it.
    public var addressee: Addressee
    /// What its source wants to remember in the same transaction.
    public var stateChanges: [SourceStateChange]
    /// Whether its system delivers it again if it is given back; `nil` if it cannot. Matters to direct delivery.
    public var redelivery: Redelivery?
    /// What events have in common that are to be done one after the other, as they came; `nil` if that does not matter. Matters
    /// to direct delivery; stored runs go by ``JobPolicy/key``.
    public var order: [UInt8]?

    /// An event with its addressee.
    public init(
        _ event: Event, to addressee: Addressee = .bus, stateChanges: [SourceStateChange] = [],
        redelivery: Redelivery? = nil, order: [UInt8]? = nil
    ) {
        self.event = event
        self.addressee = addressee
        self.stateChanges = stateChanges
        self.redelivery = redelivery
        self.order = order
    }
}

/// What the intake answers for one event.
public struct Acceptance: Sendable, Hashable {
    /// What became of it.
    public enum Outcome: String, Sendable, Hashable {
        /// New, and durable now.
        case accepted
        /// Known already; nothing was doubled.
        case duplicate
        /// Direct delivery failed, and nothing of it is kept here: its source gives it back to its system. Answered only to
        /// events that came with ``IncomingEvent/redelivery``.
        case redeliver
    }

    /// The event's source.
    public var source: String
    /// The event's id.
    public var id: String
    /// What became of it.
    public var outcome: Outcome
    /// The runs that the event made or joined, now or when it first came, and those that stand for runs it was not to make.
    public var runs: [RunID]
    /// With ``Outcome/redeliver``: how long its system is to hold it back.
    public var retryAfter: Duration?

    /// An answer with these values.
    public init(source: String, id: String, outcome: Outcome, runs: [RunID], retryAfter: Duration? = nil) {
        self.retryAfter = retryAfter
        self.source = source
        self.id = id
        self.outcome = outcome
        self.runs = runs
    }
}

/// Why the intake took nothing.
public struct IntakeError: Error, Sendable, CustomStringConvertible {
    /// What kind of refusal it is.
    public enum Code: Sendable, Hashable {
        /// Too many events are on their way in; come again after ``IntakeError/retryAfter``.
        case full
        /// The node is stopping.
        case stopping
        /// No such job.
        case unknownJob
        /// No such trigger.
        case unknownTrigger
        /// The event breaks a rule of CloudEvents.
        case invalidEvent
        /// The event is larger than the limit.
        case tooLarge
        /// The store failed.
        case store
    }

    /// What kind of refusal it is.
    public var code: Code
    /// What is wrong and what was expected, for people.
    public var message: String
    /// When it may work again.
    public var retryAfter: Duration?
    /// The position in the batch of the event that is to blame.
    public var index: Int?
    /// What caused it.
    public var underlying: (any Error)?

    /// An error with these values.
    public init(
        _ code: Code, _ message: String, retryAfter: Duration? = nil, index: Int? = nil,
        underlying: (any Error)? = nil
    ) {
        self.code = code
        self.message = message
        self.retryAfter = retryAfter
        self.index = index
        self.underlying = underlying
    }

    /// The message.
    public var description: String { message }

    /// Whether the same batch may be taken later.
    public var isTransient: Bool { code == .full || code == .stopping || code == .store }
}
