import Expressions
import NightjarCore

extension Reading where Value == CELExpression {
    /// An expression over the event.
    /// - Parameters:
    ///   - expected: what its value is for, for messages.
    ///   - types: the types that its value may have; none for any.
    static func expression(_ expected: String, of types: [ValueType] = []) -> Reading {
        Reading(expected) { node, label, context in
            guard let text = context.text(node, label, expected: expected) else { return nil }
            do throws(ExpressionError) {
                // As the file has it: the environment may hold secrets.
                let expression = try CELExpression(text, in: .event, shownAs: node.text)
                if types.isEmpty || types.contains(where: { expression.resultType.mayBe($0) }) { return expression }
                context.report(
                    node.position, "\(label) is a \(expression.resultType); expected \(expected)")
            } catch {
                for mistake in error.mistakes { context.report(mistake, in: node, label) }
            }
            return nil
        }
    }
}

extension Reading where Value == Template {
    /// A text that may have holes such as `${{ event.data.id }}`.
    static func template(_ expected: String = "a text") -> Reading {
        Reading(expected) { node, label, context in
            guard let text = context.text(node, label, expected: expected) else { return nil }
            do throws(ExpressionError) { return try Template(text, in: .event) } catch {
                for mistake in error.mistakes { context.report(mistake, in: node, label) }
                return nil
            }
        }
    }
}

extension ReadingContext {
    /// Notes a mistake in an expression where it stands in the file: within a line, a place in the text is one in the file.
    func report(_ mistake: ExpressionError.Mistake, in node: DocumentNode, _ label: String) {
        guard case .scalar(let raw, let style) = node.content else { return report(node.position, mistake.message) }
        var position = node.position
        var place = ""
        if style != .block, !raw.contains(where: \.isNewline) {
            position.column += mistake.column - 1 + (style == .quoted ? 1 : 0)
        } else {
            place = " (line \(mistake.line), column \(mistake.column) of the expression)"
        }
        report(position, "\(label): \(mistake.message)\(place)")
    }
}

extension Section {
    /// The delay of a trigger, if it is always the same.
    var fixedDelay: Duration {
        entries.first { $0.key == "delay" }?.value.text.flatMap { DurationText.duration($0) } ?? .zero
    }

    /// How a trigger decides and maps: `when`, `input`, `id`, `priority` and `delay`.
    mutating func rules(publishes isBus: Bool) -> (rules: TriggerRules, delay: Duration) {
        var rules = TriggerRules()
        rules.when = read("when", .expression("a condition such as event.data.total > 100", of: [.bool]))
        rules.input = read("input", .input)
        rules.id = read("id", .expression("a text or number such as event.data.order", of: [.string, .int, .uint]))
        rules.priority = read("priority", .priority)
        if isBus, let entry = entry("id") {
            context.report(
                entry.position,
                "\(label): what was published has its id already; expected \"id\" with other kinds of triggers only")
        }
        let delay = read("delay", .delay)
        rules.delay = delay?.expression
        return (rules, delay?.fixed ?? .zero)
    }
}

extension Reading where Value == TriggerRules.Input {
    /// What the jobs get instead of the event's data.
    fileprivate static var input: Reading {
        let value = Reading<CELExpression>.expression("an expression such as event.data.order, or a mapping of them")
        return Reading(value.expected) { node, label, context in
            guard case .map(let entries) = node.content else {
                return value.read(node, label, context).map { .value($0) }
            }
            let members = entries.map { entry in
                (entry.key, value.read(entry.value, "\(label).\(entry.key)", context))
            }
            return .members(members.compactMap { name, value in value.map { (name: name, value: $0) } })
        }
    }
}

extension Reading where Value == CELExpression {
    /// An int from 0 to 9, or an expression that gives one.
    fileprivate static var priority: Reading {
        let expected = "an int from 0 to 9"
        let expression = expression("\(expected), or an expression that gives one", of: [.int])
        return Reading(expression.expected) { node, label, context in
            guard let value = expression.read(node, label, context) else { return nil }
            // What reads nothing of the event is known now.
            if value.reads.isEmpty, case .int(let number)? = try? value.evaluate([.null]), !(0...9).contains(number) {
                context.report(node.position, "\(label) is \(number); expected \(expected)")
            }
            return value
        }
    }
}

/// How long after the event a trigger's runs become available.
struct DelaySetting {
    /// Always so long.
    var fixed = Duration.zero
    /// As long as this says.
    var expression: CELExpression?
}

extension Reading where Value == DelaySetting {
    /// A duration, or an expression that gives one.
    fileprivate static var delay: Reading {
        let expected = "\(DurationText.expected), or an expression that gives one"
        let expression = Reading<CELExpression>.expression(expected, of: [.duration, .int, .double])
        return Reading(expected) { node, label, context in
            if case .scalar(let raw, _) = node.content {
                if let duration = DurationText.duration(raw) { return DelaySetting(fixed: duration) }
                // What begins like a duration or has nothing of an expression is a duration that is written wrong.
                let isWord = !raw.contains { "().'\"+-*/?[ ".contains($0) }
                if isWord, !node.isNull {
                    return Reading<Duration>.duration().read(node, label, context).map { DelaySetting(fixed: $0) }
                }
            }
            return expression.read(node, label, context).map { DelaySetting(expression: $0) }
        }
    }
}
