import Expressions
import NightjarCore

extension Reading where Value == UniquePolicy {
    /// Which runs stand for the same thing.
    static var unique: Reading {
        section("a mapping such as { key: event.data.order, window: 1h }") { section in
            var policy = UniquePolicy()
            policy.key = section.read("key", .key)
            policy.window = section.read("window", .duration(atLeast: .milliseconds(1)))
            policy.second = section.read("second", Reading<UniquePolicy.Second>.choice, default: policy.second)
            if let states = section.read("states", Reading<RunState>.countingState.oneOrMore()) {
                policy.states = Set(states)
            }
            if policy.second == .replace, policy.states.contains(.completed),
                let entry = section.entries.first(where: { $0.key == "states" })
            {
                section.context.report(
                    entry.position,
                    "states: a run that is completed cannot be replaced; expected \"second: ignore\", or other states")
            }
            return policy
        }
    }
}

extension Reading where Value == RunState {
    /// A state in which a first run counts.
    fileprivate static var countingState: Reading {
        let names = RunState.allCases.filter { UniquePolicy.possibleStates.contains($0) }.map(\.description)
        let expected = "one of: \(names.joined(separator: ", ")) (a dead or cancelled run never counts)"
        return text(expected) { text in
            RunState(name: text).flatMap { UniquePolicy.possibleStates.contains($0) ? $0 : nil }
        }
    }
}

extension Reading where Value == DebouncePolicy {
    /// How events that come in quick succession become one run.
    static var debounce: Reading {
        section("a mapping such as { wait: 5s, atMost: 1m }") { section in
            let wait = section.require("wait", .duration(atLeast: .milliseconds(1)))
            let atMost = section.read("atMost", .duration(atLeast: .milliseconds(1)))
            let keep = section.read("keep", Reading<DebouncePolicy.Keep>.choice, default: .last)
            let key = section.read("key", .key)
            guard let wait else { return nil }
            if let atMost, atMost < wait, let entry = section.entries.first(where: { $0.key == "atMost" }) {
                section.context.report(
                    entry.value.position,
                    "atMost: \(entry.value.shown) is shorter than \"wait\", which is \(DurationText.text(wait)); expected at least that"
                )
            }
            return DebouncePolicy(wait: wait, atMost: atMost, keep: keep, key: key)
        }
    }
}

extension Reading where Value == BatchPolicy {
    /// How events are gathered.
    static var batch: Reading {
        section("a mapping such as { size: 100, within: 10s }") { section in
            let size = section.require("size", .integer(1...CollectClaim.mostItems))
            let within = section.require("within", .duration(atLeast: .milliseconds(1)))
            let key = section.read("key", .key)
            guard let size, let within else { return nil }
            return BatchPolicy(size: size, within: within, key: key)
        }
    }
}

extension Section {
    /// What becomes of a second event: `unique`, `debounce` or `batch`.
    mutating func readSecond(into policy: inout JobPolicy) {
        policy.unique = read("unique", .unique)
        policy.debounce = read("debounce", .debounce)
        policy.batch = read("batch", .batch)
        let given = entries.filter { ["unique", "debounce", "batch"].contains($0.key) }
        if given.count > 1 {
            let list = given.map { "\"\($0.key)\"" }.joined(separator: " and ")
            context.report(
                given[1].position,
                "\(label) has \(list); expected one of them, for each says what becomes of a second event")
        }
        refuse(["keep": "\"keep\" belongs to \"debounce\"; expected debounce: { wait: 5s, keep: last }"])
    }
}
