public import Expressions

/// How a trigger decides and maps, as expressions over the event (``Expressions/Environment/event``).
public struct TriggerRules: Sendable {
    /// What the jobs get instead of the event's data.
    public enum Input: Sendable {
        /// The expression's value.
        case value(CELExpression)
        /// An object with a member for each name.
        case members([(name: String, value: CELExpression)])
    }

    /// Which events start the jobs; `nil` for all.
    public var when: CELExpression?
    /// What the jobs get, as JSON; `nil` for the event's data.
    public var input: Input?
    /// What counts as the same event: its value is the event's id. Not for events of the bus, which have theirs.
    public var id: CELExpression?
    /// The runs' priority, from 0 to 9; higher goes first.
    public var priority: CELExpression?
    /// How long after the event the runs become available: a duration or seconds. Comes on top of ``Trigger/delay``.
    public var delay: CELExpression?

    /// Rules with these expressions.
    public init(
        when: CELExpression? = nil, input: Input? = nil, id: CELExpression? = nil, priority: CELExpression? = nil,
        delay: CELExpression? = nil
    ) {
        self.when = when
        self.input = input
        self.id = id
        self.priority = priority
        self.delay = delay
    }

    /// Whether every event starts the jobs, with its data as their input.
    public var isEmpty: Bool { when == nil && input == nil && id == nil && priority == nil && delay == nil }

    /// What a trigger makes of an event.
    public struct Plan: Sendable, Hashable {
        /// The runs' input as JSON; `nil` for the event's data.
        public var input: [UInt8]?
        /// The runs' priority; `nil` for that of the job.
        public var priority: Int?
        /// How long after the event they become available.
        public var delay = Duration.zero
    }

    /// Why a trigger does not make runs of an event.
    public struct Refusal: Error, Sendable, Hashable {
        /// The reason, for people.
        public var reason: String
        /// Whether the trigger did not want the event; else something kept it from deciding.
        public var isWished: Bool

        /// A refusal for that reason, of which 300 bytes are kept: it is stored with each event.
        public init(reason: String, isWished: Bool = false) {
            self.reason = ReasonText.cut(reason, to: 300)
            self.isWished = isWished
        }
    }

    /// Decides on an event.
    /// - Parameter event: the event as expressions see it.
    /// - Throws: ``Refusal`` if `when` is false, or an expression has no value.
    public func plan(_ event: EventValue) throws(Refusal) -> Plan {
        let variables: [Value] = [.object(event)]
        if let when {
            let isWanted: Bool
            do { isWanted = try when.test(variables) } catch { throw Refusal(reason: "when has no answer: \(error)") }
            guard isWanted else { throw Refusal(reason: "when is false: \(when)", isWished: true) }
        }
        var plan = Plan()
        if let input {
            do { plan.input = try Self.json(input, variables) } catch {
                throw Refusal(reason: "input has no value: \(error)")
            }
        }
        if let priority {
            let value = try Self.evaluate(priority, variables, "priority")
            guard case .int(let number) = value, (0...9).contains(number) else {
                throw Refusal(reason: "priority is \(value); expected an int from 0 to 9")
            }
            plan.priority = Int(number)
        }
        if let delay {
            let value = try Self.evaluate(delay, variables, "delay")
            guard let duration = Self.duration(value) else {
                throw Refusal(reason: "delay is \(value); expected a duration or seconds, not below zero")
            }
            plan.delay = duration
        }
        return plan
    }

    /// The id that ``id`` gives to an event.
    /// - Throws: ``Refusal`` if it has no value, or one that is no text or number.
    public func identity(of event: EventValue) throws(Refusal) -> String? {
        guard let id else { return nil }
        let text = try Self.text(id, event, "id", mostBytes: .max)
        guard !text.isEmpty else { throw Refusal(reason: "id is an empty text") }
        return text
    }

    /// The value of an expression that stands for something, as text.
    /// - Throws: ``Refusal`` if it has none, or is no text, whole number or bool, or is too long.
    package static func text(
        _ expression: CELExpression, _ event: EventValue, _ name: String, mostBytes: Int
    ) throws(Refusal) -> String {
        let text: String
        switch try evaluate(expression, [.object(event)], name) {
        case .string(let own): text = own
        case .int(let number): text = String(number)
        case .uint(let number): text = String(number)
        case .bool(let value): text = String(value)
        case let value: throw Refusal(reason: "\(name) is \(value); expected a text or a whole number")
        }
        guard text.utf8.count <= mostBytes else {
            throw Refusal(reason: "\(name) has \(text.utf8.count) bytes, the limit is \(mostBytes)")
        }
        return text
    }

    /// The types that an event must have for `when` to be true; `nil` if that cannot be told.
    public var impliedTypes: Set<String>? { when?.impliedStrings(for: ["event", "type"]) }

    private static func evaluate(
        _ expression: CELExpression, _ variables: [Value], _ name: String
    ) throws(Refusal) -> Value {
        do { return try expression.evaluate(variables) } catch {
            throw Refusal(reason: "\(name) has no value: \(error)")
        }
    }

    private static func json(_ input: Input, _ variables: [Value]) throws(EvaluationError) -> [UInt8] {
        switch input {
        case .value(let expression): return try expression.evaluate(variables).json()
        case .members(let members):
            var values: [(String, Value)] = []
            for member in members { values.append((member.name, try member.value.evaluate(variables))) }
            return try Value.map(values).json()
        }
    }

    private static func duration(_ value: Value) -> Duration? {
        let duration: Duration
        switch value {
        case .duration(let value): duration = value.duration
        case .int(let seconds):
            guard let value = DurationValue(seconds: seconds) else { return nil }
            duration = value.duration
        case .double(let seconds):
            guard seconds >= 0, seconds < 1e9 else { return nil }
            duration = .seconds(seconds)
        default: return nil
        }
        return duration >= .zero ? duration : nil
    }
}
