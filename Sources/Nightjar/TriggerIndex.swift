import CloudEvents
import NightjarCore

/// Finds the triggers of the bus that may want an event, without a look at those that want other types.
struct TriggerIndex: Sendable {
    /// A trigger of the bus.
    struct Entry: Sendable {
        var trigger: Trigger
        var filter: EventFilter
    }

    private let entries: [Entry]
    /// The triggers that want only some types, by each of them.
    private let byType: [String: [Int]]
    /// The triggers that may want any type.
    private let others: [Int]

    init(_ triggers: [Trigger]) {
        entries = triggers.compactMap { trigger in
            guard case .bus(let filter) = trigger.origin else { return nil }
            return Entry(trigger: trigger, filter: filter)
        }
        var byType: [String: [Int]] = [:]
        var others: [Int] = []
        for (place, entry) in entries.enumerated() {
            guard let types = Self.types(entry) else {
                others.append(place)
                continue
            }
            for type in types { byType[type, default: []].append(place) }
        }
        self.byType = byType
        self.others = others
    }

    /// The only types that a trigger can want: those that its filter names, or that its `when` implies.
    private static func types(_ entry: Entry) -> Set<String>? {
        let named = entry.filter.types
        let exact = named.isEmpty || named.contains { $0.hasSuffix("*") } ? nil : Set(named)
        guard let implied = entry.trigger.rules.impliedTypes else { return exact }
        return exact.map { $0.intersection(implied) } ?? implied
    }

    /// Those that may want an event of that type, in the order of the configuration.
    func candidates(for type: String) -> [Entry] {
        guard let typed = byType[type] else { return others.map { entries[$0] } }
        guard !others.isEmpty else { return typed.map { entries[$0] } }
        return (typed + others).sorted().map { entries[$0] }
    }
}
