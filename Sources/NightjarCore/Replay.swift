public import CloudEvents
public import Expressions

/// Which kept events are decided on again, now that the configuration says something else.
public struct ReplayRequest: Sendable {
    /// Why a condition cannot be one.
    public struct Mistake: Error, Sendable, CustomStringConvertible {
        /// What is wrong and what was expected, for people.
        public var description: String
    }

    /// Only this trigger decides; `nil` for all that the events were for.
    public var trigger: String?
    /// Only events of these types and sources.
    public var filter: EventFilter
    /// Only events for which this is true.
    public var when: CELExpression?
    /// Only events accepted at this time or later.
    public var acceptedFrom: Timestamp?
    /// Only events accepted at this time or earlier.
    public var acceptedUntil: Timestamp?
    /// Events that have runs too; these make runs for jobs that have none of them yet.
    public var includesMatched: Bool
    /// Nothing is changed: the report says what would be.
    public var isDryRun: Bool

    /// A request with these values; by default for all events that have no run.
    public init(
        trigger: String? = nil, filter: EventFilter = EventFilter(), when: CELExpression? = nil,
        acceptedFrom: Timestamp? = nil, acceptedUntil: Timestamp? = nil, includesMatched: Bool = false,
        isDryRun: Bool = false
    ) {
        self.trigger = trigger
        self.filter = filter
        self.when = when
        self.acceptedFrom = acceptedFrom
        self.acceptedUntil = acceptedUntil
        self.includesMatched = includesMatched
        self.isDryRun = isDryRun
    }

    /// Reads a condition over the event.
    public static func condition(_ text: String) throws(Mistake) -> CELExpression {
        let expression: CELExpression
        do { expression = try CELExpression(text, in: .event) } catch { throw Mistake(description: "\(error)") }
        guard expression.resultType.mayBe(.bool) else {
            throw Mistake(
                description:
                    "\"\(text)\" is a \(expression.resultType); expected a condition such as event.data.total > 100")
        }
        return expression
    }
}

/// What a replay did with some events, or would do.
public struct ReplayReport: Sendable, Hashable {
    /// How many events had the same reason to make no run.
    public struct Reason: Sendable, Hashable {
        /// The reason, for people.
        public var text: String
        /// How many events.
        public var count: Int
        /// The id of the first of them.
        public var example: String

        /// A reason with these values.
        public init(text: String, count: Int, example: String) {
            self.text = text
            self.count = count
            self.example = example
        }
    }

    /// What one trigger said.
    public struct Answer: Sendable, Hashable {
        /// The trigger.
        public var trigger: String
        /// How many events it starts jobs with.
        public var events = 0
        /// How many runs of each job it makes of them.
        public var jobs: [String: Int] = [:]
        /// How many events it makes no run of.
        public var refused = 0
        /// Why, the first few reasons.
        public var reasons: [Reason] = []

        /// The answer of a trigger that has not been asked yet.
        public init(trigger: String) { self.trigger = trigger }
    }

    /// How many reasons are told of each trigger, and of events that no trigger was asked about.
    public static let mostReasons = 5

    /// How many events were looked at.
    public var events = 0
    /// How many of them make runs.
    public var started = 0
    /// How many runs they make.
    public var runs = 0
    /// What each trigger that was asked said, in the order of their names.
    public var triggers: [Answer] = []
    /// How many events no trigger was asked about.
    public var unasked = 0
    /// Why, the first few reasons.
    public var reasons: [Reason] = []

    /// A report of no event.
    public init() {}

    /// Adds what was reported of further events.
    public mutating func add(_ other: ReplayReport) {
        events += other.events
        started += other.started
        runs += other.runs
        unasked += other.unasked
        for reason in other.reasons { Self.note(reason, in: &reasons) }
        for answer in other.triggers {
            change(answer.trigger) { own in
                own.events += answer.events
                own.jobs.merge(answer.jobs, uniquingKeysWith: +)
                own.refused += answer.refused
                for reason in answer.reasons { Self.note(reason, in: &own.reasons) }
            }
        }
    }

    /// Notes that a trigger starts jobs with an event.
    package mutating func noteStart(_ trigger: String, jobs: [String]) {
        change(trigger) { answer in
            answer.events += 1
            for job in jobs { answer.jobs[job, default: 0] += 1 }
        }
    }

    /// Notes that a trigger makes no run of an event.
    package mutating func noteRefusal(_ trigger: String, _ reason: String, event: String) {
        change(trigger) { answer in
            answer.refused += 1
            Self.note(Reason(text: reason, count: 1, example: event), in: &answer.reasons)
        }
    }

    /// Notes that no trigger was asked about an event.
    package mutating func noteUnasked(_ reason: String, event: String) {
        unasked += 1
        Self.note(Reason(text: reason, count: 1, example: event), in: &reasons)
    }

    private mutating func change(_ trigger: String, _ body: (inout Answer) -> Void) {
        let place = triggers.firstIndex { $0.trigger >= trigger } ?? triggers.endIndex
        if place == triggers.endIndex || triggers[place].trigger != trigger {
            triggers.insert(Answer(trigger: trigger), at: place)
        }
        body(&triggers[place])
    }

    private static func note(_ reason: Reason, in reasons: inout [Reason]) {
        if let place = reasons.firstIndex(where: { $0.text == reason.text }) {
            reasons[place].count += reason.count
        } else if reasons.count < mostReasons {
            reasons.append(reason)
        }
    }
}

/// What a replay did with a page of events.
public struct ReplayPage: Sendable, Hashable {
    /// What it did.
    public var report: ReplayReport
    /// The sequence after which the next page begins; `nil` if no event is left.
    public var next: Int64?

    /// A page with these values.
    public init(report: ReplayReport, next: Int64?) {
        self.report = report
        self.next = next
    }
}
