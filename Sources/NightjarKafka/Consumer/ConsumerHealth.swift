import NightjarCore

/// Judges how a consumer fares from what librdkafka reports, which repeats itself and never says that all is well again.
struct ConsumerHealth {
    enum Problem: Hashable {
        /// No broker lets this client in.
        case refused
        /// No broker answers.
        case unreachable
        /// A topic, or a regular expression for topics, that is not there, or that may not be read.
        case topic(String)
        /// The group, or anything else of the consumer's.
        case consumer
        /// Where these partitions begin, or go on, can't be found out.
        case beginning(Set<PartitionID>)
    }

    /// What is to be told.
    struct News: Hashable {
        /// A new failure, to be logged.
        var failure: String?
        /// All is well again, after that.
        var recovered = false
        /// The brokers are there again.
        var reconnected = false
        var health: SourceHealth
    }

    private var problems: [Problem: String] = [:]
    private var isAssigned = false

    /// Whether a topic is known to be missing. The library does not say when it is there, unless its partitions come here.
    var lacksTopics: Bool {
        problems.keys.contains { if case .topic = $0 { true } else { false } }
    }

    /// Whether nothing is known to be wrong.
    var isWell: Bool { problems.isEmpty }

    private static func isReachable(_ problems: [Problem: String]) -> Bool {
        problems[.unreachable] == nil && problems[.refused] == nil
    }

    private static func reached(_ problems: inout [Problem: String]) {
        problems[.unreachable] = nil
        problems[.refused] = nil
    }

    /// - Returns: `nil` if it was known.
    mutating func failed(_ problem: Problem, _ text: String) -> News? {
        // What a broker says varies from try to try; the kind of the problem is what matters.
        let isKnown = problems[problem] != nil
        if case .beginning = problem {
            // It is told again and again: by its last reason.
            guard problems[problem] != text else { return nil }
        } else if isKnown {
            return nil
        }
        problems[problem] = text
        return News(failure: isKnown ? nil : text, health: .failing(shown ?? text))
    }

    /// The group gave this consumer its part, which may be none: it works, as far as the group is concerned.
    mutating func assigned() -> News? {
        let wasAssigned = isAssigned
        isAssigned = true
        return changed(wasAssigned) { problems in
            problems[.consumer] = nil
            Self.reached(&problems)
        }
    }

    /// Partitions have begun, have gone on, or are here no more.
    mutating func settled(_ partitions: some Sequence<PartitionID>) -> News? {
        let partitions = Set(partitions)
        return changed(isAssigned) { problems in
            for (problem, text) in problems {
                guard case .beginning(let late) = problem, !late.isDisjoint(with: partitions) else { continue }
                problems[problem] = nil
                let left = late.subtracting(partitions)
                if !left.isEmpty { problems[.beginning(left)] = text }
            }
        }
    }

    /// A message of the topic came.
    mutating func received(topic: String) -> News? {
        if problems.isEmpty { return nil }
        return changed(isAssigned) { problems in
            problems[.topic(topic)] = nil
            problems[.consumer] = nil
            Self.reached(&problems)
        }
    }

    /// These topics are there.
    mutating func found(topics: Set<String>) -> News? {
        changed(isAssigned) { problems in
            for topic in topics { problems[.topic(topic)] = nil }
        }
    }

    /// A broker answered.
    mutating func answered() -> News? {
        changed(isAssigned) { Self.reached(&$0) }
    }

    private mutating func changed(_ wasAssigned: Bool, _ change: (inout [Problem: String]) -> Void) -> News? {
        let before = problems
        change(&problems)
        let reconnected = !Self.isReachable(before) && Self.isReachable(problems)
        if before == problems, wasAssigned == isAssigned { return nil }
        let health: SourceHealth = shown.map { .failing($0) } ?? (isAssigned ? .running : .starting)
        return News(recovered: !before.isEmpty && problems.isEmpty, reconnected: reconnected, health: health)
    }

    /// The most telling problem.
    private var shown: String? {
        problems[.refused] ?? problems[.unreachable] ?? problems[.consumer] ?? problems.values.min()
    }
}
